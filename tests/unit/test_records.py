from __future__ import annotations

import pytest

from vmm.records import Record


class Point(Record):
    x: int
    y: int = 2


class Named(Point):
    name: str = ""
    _hidden: int = 5


class Both(Record):
    a: int
    b: int


def test_fields_are_given_by_name_or_default():
    point = Point(x=1)
    assert (point.x, point.y, point.as_dict(), repr(point)) == (1, 2, {"x": 1, "y": 2}, "Point(x=1, y=2)")
    assert Named(x=1, name="a").as_dict() == {"x": 1, "y": 2, "name": "a"}


def test_missing_and_unknown_fields_are_named():
    with pytest.raises(TypeError, match="Point needs x"):
        Point()
    with pytest.raises(TypeError, match="Point has no z"):
        Point(x=1, z=3)
    with pytest.raises(TypeError, match="Point has no z"):
        Point(z=3)
    with pytest.raises(TypeError):
        Named(x=1, _hidden=2)


def test_a_record_does_not_change():
    point = Point(x=1)
    with pytest.raises(AttributeError, match=r"immutable: use replace\(x=...\)"):
        point.x = 2
    with pytest.raises(AttributeError):
        del point.x
    assert point.replace(x=5) == Point(x=5)
    assert point.x == 1


def test_equal_when_all_fields_and_the_class_are():
    assert Point(x=1) == Point(x=1, y=2)
    assert Point(x=1) != Point(x=2)
    assert Point(x=1) != Named(x=1)
    assert hash(Point(x=1)) == hash(Point(x=1, y=2))
    assert hash(Both(a=1, b=2)) == hash(Both(b=2, a=1))
    assert len({Point(x=1), Point(x=1), Point(x=2)}) == 2
