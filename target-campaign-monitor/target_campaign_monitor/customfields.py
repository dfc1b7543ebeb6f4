"""Custom fields of a list: read, designed after a segment's schema, created, and given further options."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from audience_sdk.destination import CustomField
from audience_sdk.errors import FIELD_UNKNOWN, CixError
from audience_sdk.fields import FieldKind

from target_campaign_monitor.answers import code_of, error_of
from target_campaign_monitor.codes import NAME_TAKEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audience_sdk.fields import WantedField
    from audience_sdk.http import Api

_logger = logging.getLogger(__name__)

ONE, MANY = "MultiSelectOne", "MultiSelectMany"
CHOICES = frozenset({ONE, MANY})
"""Types whose options a list's owner has named; those of countries and states are the platform's."""

_MAX_NAME_LENGTH = 100
"""Characters of a field's name (the vendor's own integrations keep to it)."""

_KINDS = {
    FieldKind.TEXT: "Text",
    FieldKind.NUMBER: "Number",
    FieldKind.DATE: "Date",
    FieldKind.BOOLEAN: ONE,
    FieldKind.CHOICE: ONE,
    FieldKind.CHOICES: MANY,
}


def fold_key(name: str) -> str:
    """Return a custom field's name or key as Campaign Monitor compares it: no brackets, no blanks, any case.

    Args:
        name: `Loyalty Points`, `LoyaltyPoints` or `[LoyaltyPoints]`.
    """
    return name.strip().strip("[]").replace(" ", "").casefold()


def read_fields(api: Api, list_id: str) -> tuple[CustomField, ...]:
    """Return the custom fields of a list.

    Args:
        api: The API.
        list_id: The list.

    Raises:
        CixError: If the platform does not tell.
    """
    reply = api.call("GET", f"/lists/{list_id}/customfields.json")
    fields: Any = reply.json()
    if not reply.ok or not isinstance(fields, list):
        raise error_of(reply, f"Custom fields of list {list_id}")
    return tuple(
        CustomField(each["FieldName"], each["Key"], each["DataType"], tuple(each.get("FieldOptions") or ()))
        for each in fields
    )


def design_field(wanted: WantedField) -> CustomField:
    """Return the custom field that Campaign Monitor would make; its key is the name without blanks, in brackets.

    Args:
        wanted: What is missing.

    Raises:
        CixError: `FIELD_UNKNOWN` if the name cannot be one.
    """
    name = wanted.name.strip().strip("[]").strip()
    if not name or len(name) > _MAX_NAME_LENGTH or any(sign in name for sign in "[]/\\"):
        raise CixError(
            FIELD_UNKNOWN,
            f"Custom field `{wanted.name}` is missing and cannot be created: a name has 1 to {_MAX_NAME_LENGTH}"
            " characters, without brackets and slashes.",
            "Correct the name in `field_mapping`.",
        )
    return CustomField(name, f"[{name.replace(' ', '')}]", _KINDS[wanted.kind], wanted.options)


def create_field(api: Api, list_id: str, design: CustomField) -> CustomField:
    """Create a custom field, or take the one that somebody else has created meanwhile.

    Args:
        api: The API.
        list_id: The list.
        design: The field.

    Raises:
        CixError: If the platform refuses it.
    """
    body = {
        "FieldName": design.name,
        "DataType": design.kind,
        "Options": list(design.options),
        # A preference centre shows people what is kept about them only if the list's owner wants so.
        "VisibleInPreferenceCenter": False,
    }
    reply = api.call("POST", f"/lists/{list_id}/customfields.json", body=msgspec.json.encode(body))
    if code_of(reply) == NAME_TAKEN:
        # Another export, or an attempt of ours whose answer was lost.
        folded = fold_key(design.name)
        found = [each for each in read_fields(api, list_id) if folded in {fold_key(each.key), fold_key(each.name)}]
        if found:
            return found[0]
    key = reply.json()
    if not reply.ok or not isinstance(key, str) or not key:
        raise error_of(reply, f"Creating custom field `{design.name}` of list {list_id}")
    return CustomField(design.name, key, design.kind, design.options)


def add_options(api: Api, list_id: str, field: CustomField, options: Sequence[str]) -> None:
    """Give a field of choices further options; those that it has stay.

    Args:
        api: The API.
        list_id: The list.
        field: The field.
        options: The options that are missing.

    Raises:
        CixError: If the platform refuses them.
    """
    path = f"/lists/{list_id}/customfields/{quote(field.key, safe='')}/options.json"
    body = msgspec.json.encode({"KeepExistingOptions": True, "Options": list(options)})
    reply = api.call("PUT", path, body=body)
    if not reply.ok:
        raise error_of(reply, f"Adding options to custom field `{field.name}` of list {list_id}")
    _logger.warning(
        "Custom field `%s` of list %s has new options: Campaign Monitor drops the rules of its segments that use it.",
        field.name,
        list_id,
    )
