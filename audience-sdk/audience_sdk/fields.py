"""What a custom field would have to hold, told from the JSON schema of a segment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from audience_sdk.mapping import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from audience_sdk.mapping import Columns


class FieldKind(Enum):
    """What the values of a column are."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    """A day; a point in time counts too, as platforms keep the day."""
    BOOLEAN = "boolean"
    """`true` and `false`."""
    CHOICE = "choice"
    """One of the options."""
    CHOICES = "choices"
    """Any of the options."""


@dataclass(frozen=True)
class WantedField:
    """A custom field that the field mapping names and the platform does not have.

    Attributes:
        name: The name as the user wrote it.
        kind: What its values are.
        options: What they can be, as far as the schema says; for booleans and choices alone.
    """

    name: str
    kind: FieldKind = FieldKind.TEXT
    options: tuple[str, ...] = ()


def wanted_field(name: str, columns: Columns, properties: Mapping[str, Any]) -> WantedField:
    """Return the field that the values of a mapped entry call for.

    Args:
        name: The custom field, as the user wrote it.
        columns: The columns that fill it; the texts of several are joined, so they make a text.
        properties: The properties of the segment's JSON schema.
    """
    if len(columns) > 1:
        return WantedField(name)
    kind, options = _kind_of(properties.get(columns[0]))
    return WantedField(name, kind, options)


def _kind_of(schema: Any) -> tuple[FieldKind, tuple[str, ...]]:
    found = {_kind_of_one(each) for each in _alternatives(schema)}
    # Whatever is now this and now that is a text.
    return found.pop() if len(found) == 1 else (FieldKind.TEXT, ())


def _alternatives(schema: Any) -> Iterable[dict[str, Any]]:
    """Yield a schema without its null, once for each type that it allows."""
    if not isinstance(schema, dict):
        return
    for part in schema.get("anyOf") or schema.get("oneOf") or ():
        yield from _alternatives(part)
    kinds = schema.get("type", "string" if "enum" in schema else ())
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind != "null":
            yield {**schema, "type": "number" if kind == "integer" else kind}


def _kind_of_one(schema: dict[str, Any]) -> tuple[FieldKind, tuple[str, ...]]:
    kind, options = schema["type"], _options(schema)
    if kind == "boolean":
        return FieldKind.BOOLEAN, ("true", "false")
    if kind == "number":
        return FieldKind.NUMBER, ()
    if kind == "array":
        items = schema.get("items")
        options = _options(items) if isinstance(items, dict) else ()
        return (FieldKind.CHOICES, options) if options else (FieldKind.TEXT, ())
    if kind == "string" and options:
        return FieldKind.CHOICE, options
    if kind == "string" and schema.get("format") in {"date", "date-time"}:
        return FieldKind.DATE, ()
    return FieldKind.TEXT, ()


def _options(schema: dict[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(as_text, schema.get("enum") or ()))))
