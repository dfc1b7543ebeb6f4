"""The calls about custom fields of a list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor import errors
from cix_sandbox.campaign_monitor.call import fields_of, find_list
from cix_sandbox.campaign_monitor.errors import ApiError
from cix_sandbox.campaign_monitor.forms import FieldChange, FieldOptions, NewField
from cix_sandbox.campaign_monitor.values import (
    GENERATED_OPTIONS,
    MAX_NAME,
    SELECTS,
    TYPES,
    Field,
    make_key,
    spelled,
)
from cix_sandbox.campaign_monitor.wire import Answer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from cix_sandbox.campaign_monitor.call import Call

_SUBJECT = "customfield"
_TYPE_BY_LOWER = {name.lower(): name for name in TYPES}


def read_fields(call: Call) -> Answer:
    """Tell all custom fields of a list."""
    target = find_list(call)
    return Answer(
        [
            {
                "FieldName": field.name,
                "Key": field.key,
                "DataType": field.type,
                "FieldOptions": list(field.options),
                "VisibleInPreferenceCenter": field.visible,
            }
            for field in fields_of(call.connection, target.no).values()
        ]
    )


def create_field(call: Call) -> Answer:
    """Make a custom field and tell its key."""
    target = find_list(call)
    wanted = call.decode(NewField, _SUBJECT)
    make_field(
        call.connection,
        target.no,
        wanted.field_name,
        wanted.data_type,
        wanted.options or (),
        visible=wanted.visible_in_preference_center,
    )
    return Answer(make_key(wanted.field_name.strip()), 201)


def make_field(
    connection: sqlite3.Connection,
    list_no: int,
    name: str,
    data_type: str,
    options: Iterable[str],
    *,
    visible: bool = True,
) -> None:
    """Store a new custom field.

    Raises:
        ApiError: Codes 254 to 257 and 259.
    """
    name = _checked_name(name, fields_of(connection, list_no))
    kind = _TYPE_BY_LOWER.get(data_type.lower())
    if kind is None:
        raise ApiError(errors.INVALID_FIELD_TYPE)
    options = _checked_options(kind, options)
    connection.execute(
        """INSERT INTO cm_field (list_no, spelled, name, type, options, visible)
        VALUES (?, ?, ?, ?, ?, ?)""",
        (list_no, spelled(name), name, kind, json.dumps(options), visible),
    )


def rename_field(call: Call) -> Answer:
    """Rename a custom field, which changes its key, and tell the new key."""
    target = find_list(call)
    field = _find(call, target.no)
    wanted = call.decode(FieldChange, _SUBJECT)
    others = fields_of(call.connection, target.no)
    others = {key: other for key, other in others.items() if other.no != field.no}
    name = _checked_name(wanted.field_name, others)
    call.connection.execute(
        "UPDATE cm_field SET name = ?, spelled = ?, visible = ? WHERE no = ?",
        (name, spelled(name), wanted.visible_in_preference_center, field.no),
    )
    return Answer(make_key(name))


def change_options(call: Call) -> Answer:
    """Replace or extend the options of a select field."""
    target = find_list(call)
    field = _find(call, target.no)
    wanted = call.decode(FieldOptions, _SUBJECT)
    if field.type not in SELECTS:
        raise ApiError(errors.OPTIONS_NOT_ALLOWED)
    kept = field.options if wanted.keep_existing_options else ()
    options = _checked_options(field.type, dict.fromkeys([*kept, *(wanted.options or ())]))
    call.connection.execute("UPDATE cm_field SET options = ? WHERE no = ?", (json.dumps(options), field.no))
    return Answer()


def delete_field(call: Call) -> Answer:
    """Delete a custom field; the values that people have for it are told no more."""
    target = find_list(call)
    field = _find(call, target.no)
    call.connection.execute("DELETE FROM cm_field WHERE no = ?", (field.no,))
    return Answer()


def _find(call: Call, list_no: int) -> Field:
    """Return the field that the path names; some clients write + for a space there."""
    fields = fields_of(call.connection, list_no)
    asked = call.params["key"]
    field = fields.get(spelled(asked)) or fields.get(spelled(asked.replace("+", " ")))
    if field is None:
        raise ApiError(errors.INVALID_FIELD_KEY)
    return field


def _checked_name(name: str, others: dict[str, Field]) -> str:
    name = name.strip()
    if not spelled(name) or len(name) > MAX_NAME:
        raise ApiError(errors.INVALID_FIELD_NAME)
    if spelled(name) in others:
        raise ApiError(errors.FIELD_NAME_TAKEN)
    return name


def _checked_options(kind: str, options: Iterable[str]) -> list[str]:
    wanted = [option.strip() for option in options if option.strip()]
    if kind in SELECTS and not wanted:
        raise ApiError(errors.OPTIONS_MISSING)
    if kind not in SELECTS and wanted:
        raise ApiError(errors.OPTIONS_NOT_ALLOWED)
    return wanted or list(GENERATED_OPTIONS.get(kind, ()))
