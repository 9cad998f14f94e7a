"""JSON by the C scanner alone reads what json.loads() reads, and refuses the rest with ValueError."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vmm.machine.saved import json_text

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


@given(VALUES, some.sampled_from([None, 1]))
def test_what_json_writes_is_read_back(value, indent):
    assert json_text.read(f" {json.dumps(value, indent=indent)}\n".encode()) == value


@given(some.binary() | some.text(alphabet='[]{}",:0123456789eE+-.tru \n').map(str.encode))
def test_anything_else_is_refused_as_json_does(content):
    try:
        expected = json.loads(content.decode(), parse_constant=json_text._refused)
    except ValueError:
        with pytest.raises(ValueError):
            json_text.read(content)
    else:
        assert json_text.read(content) == expected


@pytest.mark.parametrize("text", ["", " ", "{} {}", "[1,]", "NaN", "[Infinity]", '{"a": 1', "\ufeff{}"])
def test_these_are_refused(text):
    with pytest.raises(ValueError):
        json_text.read(text.encode())


def test_too_deep_is_no_crash():
    with pytest.raises(RecursionError):
        json_text.read(b"[" * 200_000)
