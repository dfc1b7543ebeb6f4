"""What a missing custom field would have to hold is told from the segment's schema."""

from __future__ import annotations

from typing import Any

import pytest
from audience_sdk.fields import FieldKind, WantedField, wanted_field

NULLABLE_TEXT = {"type": ["string", "null"]}


@pytest.mark.parametrize(
    ("schema", "kind", "options"),
    [
        (NULLABLE_TEXT, FieldKind.TEXT, ()),
        ({"type": "string"}, FieldKind.TEXT, ()),
        ({"type": ["integer", "null"]}, FieldKind.NUMBER, ()),
        ({"type": "number"}, FieldKind.NUMBER, ()),
        ({"type": ["integer", "number", "null"]}, FieldKind.NUMBER, ()),
        ({"type": ["string", "integer"]}, FieldKind.TEXT, ()),
        ({"type": ["string", "null"], "format": "date"}, FieldKind.DATE, ()),
        ({"type": "string", "format": "date-time"}, FieldKind.DATE, ()),
        ({"type": "string", "format": "time"}, FieldKind.TEXT, ()),
        ({"type": ["boolean", "null"]}, FieldKind.BOOLEAN, ("true", "false")),
        ({"type": ["boolean", "string"]}, FieldKind.TEXT, ()),
        ({"type": ["string", "null"], "enum": ["S", "M", None, "S"]}, FieldKind.CHOICE, ("S", "M")),
        ({"enum": ["S", "M"]}, FieldKind.CHOICE, ("S", "M")),
        ({"type": "string", "enum": []}, FieldKind.TEXT, ()),
        ({"type": "array", "items": {"type": "string", "enum": ["A", "B"]}}, FieldKind.CHOICES, ("A", "B")),
        ({"type": ["array", "null"], "items": {"type": "string"}}, FieldKind.TEXT, ()),
        ({"type": "array"}, FieldKind.TEXT, ()),
        ({"type": "object"}, FieldKind.TEXT, ()),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, FieldKind.DATE, ()),
        ({"oneOf": [{"type": "number"}, {"type": "string"}]}, FieldKind.TEXT, ()),
        ({}, FieldKind.TEXT, ()),
        (True, FieldKind.TEXT, ()),
        (None, FieldKind.TEXT, ()),
    ],
)
def test_the_kind_of_a_field_follows_the_schema(schema: Any, kind: FieldKind, options: tuple[str, ...]) -> None:
    assert wanted_field("My field", ("Column",), {"Column": schema}) == WantedField("My field", kind, options)


def test_several_columns_make_a_text() -> None:
    numbers = {"A": {"type": "number"}, "B": {"type": "number"}}
    assert wanted_field("Both", ("A", "B"), numbers) == WantedField("Both")
