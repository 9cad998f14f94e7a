"""The saved state of one part: a schema name, a version, and plain fields. Knows no file format.

Fields are JSON-like: int, str, bool, None, bytes, and lists or dicts of these.
"""

from __future__ import annotations

from .errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class State:
    """What `save` returns and `load` takes: `schema` such as "vmm.serial", `version` from 1, `fields` by name."""

    __slots__ = ("fields", "schema", "version")

    def __init__(self, schema: str, version: int, fields: dict[str, Any]) -> None:
        self.schema = schema
        self.version = version
        self.fields = fields

    def expect(self, schema: str, version: int, names: tuple[str, ...] | list[str]) -> dict[str, Any]:
        """The fields, once they are known to be what the reader understands.

        SnapshotError when schema or version differ, or a field is missing or unknown: a part loads all or nothing.
        """
        if self.schema != schema:
            raise SnapshotError(f"expected the state of {schema}, found {self.schema}")
        if self.version != version:
            raise SnapshotError(f"{schema}: version {self.version} is not known here, version {version} is")
        missing, unknown = set(names) - set(self.fields), set(self.fields) - set(names)
        if missing or unknown:
            raise SnapshotError(f"{schema}: fields missing {sorted(missing)}, unknown {sorted(unknown)}")
        return self.fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and (self.schema, self.version, self.fields) == (
            other.schema,
            other.version,
            other.fields,
        )

    def __repr__(self) -> str:
        return f"State({self.schema!r}, {self.version}, {self.fields!r})"
