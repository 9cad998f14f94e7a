"""Immutable records with named, typed fields: dataclasses(frozen=True, kw_only=True) without their 10 ms of import.

Type checkers see them as dataclasses (PEP 681).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self, dataclass_transform
else:

    def dataclass_transform(**_options):
        return lambda cls: cls


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Record:
    """Subclass it with annotated fields; a value given in the class body is the default. Equal when all fields are."""

    def __init_subclass__(cls) -> None:
        own = tuple(name for name in cls.__dict__.get("__annotations__", ()) if not name.startswith("_"))
        cls._fields = cls._fields + own
        cls._names = frozenset(cls._fields)
        cls._defaults = {name: getattr(cls, name) for name in cls._fields if hasattr(cls, name)}
        cls._needed = cls._names - cls._defaults.keys()

    _fields: tuple[str, ...] = ()
    _names: frozenset[str] = frozenset()
    _defaults: dict[str, Any] = {}  # noqa: RUF012 - one for each class
    _needed: frozenset[str] = frozenset()

    if not TYPE_CHECKING:

        def __init__(self, **values):
            cls, own = type(self), self.__dict__
            own.update(cls._defaults, **values)
            if not cls._needed <= values.keys() <= cls._names:
                unknown = [name for name in values if name not in cls._fields]
                if unknown:
                    raise TypeError(f"{cls.__name__} has no {', '.join(unknown)}")
                raise TypeError(f"{cls.__name__} needs {next(name for name in cls._fields if name not in own)}")

        def __setattr__(self, name, value):
            raise AttributeError(f"{type(self).__name__} is immutable: use replace({name}=...)")

        __delattr__ = lambda self, name: self.__setattr__(name, None)  # noqa: E731

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        if changes.keys() <= type(self)._names:
            twin = object.__new__(type(self))
            twin.__dict__.update(self.__dict__, **changes)
            return twin
        return type(self)(**self.__dict__, **changes)  # which refuses

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, in the order of their declaration."""
        return {name: getattr(self, name) for name in self._fields}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash(tuple(map(self.__dict__.__getitem__, self._fields)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"
