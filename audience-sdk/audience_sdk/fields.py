"""Custom fields: found by name, and if they are missing, what they would have to hold by a segment's schema. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from audience_sdk.errors import FIELD_UNKNOWN, SETTING_INVALID, CixError
from audience_sdk.mapping import as_text, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from audience_sdk.destination import CustomField
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


def find_custom_fields(
    named: Collection[str], available: Collection[CustomField], *, fold: Callable[[str], str] = str.casefold
) -> dict[str, CustomField]:
    """Find the platform's custom fields that the field mapping names, by name or by key.

    Args:
        named: Names as the user wrote them.
        available: The custom fields that there are.
        fold: Makes names equal that the platform takes for the same.

    Returns:
        The custom field by the name that the user wrote.

    Raises:
        CixError: `FIELD_UNKNOWN`, naming every such entry and the nearest field; `SETTING_INVALID` if two entries name
            one.
    """
    by_name = {fold(each.key): each for each in available} | {fold(each.name): each for each in available}
    known = [each.name for each in available]
    unknown = ", ".join(f"`{name}`{nearest(name, known)}" for name in named if fold(name) not in by_name)
    if unknown:
        message = f"Setting `field_mapping.custom_fields` names what the platform does not have: {unknown}."
        raise CixError(FIELD_UNKNOWN, message)
    spelled: dict[str, str] = {}
    for name in named:
        other = spelled.setdefault(by_name[fold(name)].key, name)
        if other != name:
            message = f"Setting `field_mapping.custom_fields` names `{other}` and `{name}`, which are the same field."
            raise CixError(SETTING_INVALID, message)
    return {name: by_name[fold(name)] for name in named}


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
