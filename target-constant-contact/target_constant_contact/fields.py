"""Custom fields of Constant Contact: how they are read, found, and made."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.destination import CustomField
from audience_sdk.errors import FIELD_UNKNOWN, FIELDS_TOO_MANY, REQUEST_REFUSED, CixError
from audience_sdk.fields import FieldKind

from target_constant_contact.answers import error_of
from target_constant_contact.paging import pages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audience_sdk.fields import WantedField
    from audience_sdk.http import Api

_logger = logging.getLogger(__name__)

KEY_PREFIX = "cf:"

MAX_ACCOUNT_FIELDS = 100
"""Custom fields of one account (vendor's API contract)."""

_MAX_LABEL = 50
_MAX_OPTION = 255
_MAX_OPTIONS = {"dropdown": 100, "checkbox": 20, "radio": 20}
_LOOKS_AFTER_CONFLICT = 5
_LAG_SECONDS = 2.0


@dataclass(frozen=True)
class Field(CustomField):
    """A custom field of an account.

    Attributes:
        field_id: The platform's id, which stays when the field is called something else.
        integer: Whether a number has no decimals.
        decimal_places: Most decimals of a number; None if the platform does not say.
        allow_negative: Whether a number may be negative.
        display_type: How a field of choices is shown, which bounds how many there can be.
    """

    field_id: str = ""
    integer: bool = False
    decimal_places: int | None = None
    allow_negative: bool = True
    display_type: str = ""


def fold_label(name: str) -> str:
    """Return a label or a `cf:` name in the spelling in which the platform compares them.

    Args:
        name: A label, or a name with or without `cf:`.
    """
    folded = name.strip().lower().replace(" ", "_")
    return folded.removeprefix(KEY_PREFIX)


def field_of(found: Mapping[str, Any]) -> Field:
    """Return a custom field as the platform describes it.

    Args:
        found: An element of `GET /contact_custom_fields`.
    """
    details = found.get("metadata") or {}
    numeric = found["type"] in {"number", "currency"}
    return Field(
        name=found["label"],
        key=KEY_PREFIX + found["name"],
        kind=found["type"],
        options=tuple(choice["choice_label"] for choice in found.get("choices") or ()),
        field_id=str(found.get("custom_field_id") or ""),
        integer=bool(details.get("integer")),
        decimal_places=details.get("decimal_places"),
        # A number field refuses negatives unless it says otherwise (vendor's API contract).
        allow_negative=bool(details.get("allow_negative")) or not numeric,
        display_type=str(details.get("display_type") or ""),
    )


def design(wanted: WantedField) -> Field:
    """Return a custom field as it would be made for the values of a column.

    Args:
        wanted: What is missing.

    Raises:
        CixError: `FIELD_UNKNOWN` if the platform cannot have a field of that name.
    """
    label = wanted.name.removeprefix(KEY_PREFIX).strip()
    if not 0 < len(label) <= _MAX_LABEL:
        message = f"Custom field `{wanted.name}` cannot be created: a label has 1 to {_MAX_LABEL} characters."
        raise CixError(FIELD_UNKNOWN, message, "Choose a shorter name in `field_mapping.custom_fields`.")
    kind, display_type, options = _KINDS[wanted.kind], "", wanted.options
    if wanted.kind in {FieldKind.CHOICE, FieldKind.CHOICES}:
        display_type = "dropdown" if wanted.kind is FieldKind.CHOICE else "checkbox"
        if not 0 < len(options) <= _MAX_OPTIONS[display_type] or any(len(each) > _MAX_OPTION for each in options):
            kind, display_type, options = "string", "", ()
    else:
        options = ()
    return Field(label, KEY_PREFIX + fold_label(label), kind, options, display_type=display_type)


_KINDS = {
    FieldKind.TEXT: "string",
    FieldKind.NUMBER: "number",
    FieldKind.DATE: "date",
    FieldKind.BOOLEAN: "boolean",
    FieldKind.CHOICE: "single_select",
    FieldKind.CHOICES: "multi_select",
}


class AccountFields:
    """The custom fields of an account.

    Args:
        api: The API.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._fields: list[Field] | None = None

    def all(self) -> list[Field]:
        """Return the fields; they are read once in a run, since a field that is called anew has another key.

        Raises:
            CixError: If the platform refuses to list them.
        """
        if self._fields is None:
            self._fields = self._read()
        return self._fields

    def create(self, design: Field) -> Field:
        """Create a field, unless this run has done so for another list.

        Args:
            design: What `design` returned.

        Raises:
            CixError: If the platform refuses it.
        """
        for field in self.all():
            if fold_label(field.name) == fold_label(design.name):
                return field
        for body in _bodies(design):
            reply = self._api.call("POST", "/contact_custom_fields", body=msgspec.json.encode(body))
            if reply.ok:
                field = field_of(reply.json())
                if field.kind != design.kind:
                    _logger.warning("Custom field `%s` is a `%s`: `%s` was refused.", *_names(field, design))
                self.all().append(field)
                return field
            if reply.status == HTTPStatus.CONFLICT:
                return self._made_meanwhile(design)
            if reply.status != HTTPStatus.BAD_REQUEST:
                raise error_of(reply, f"Creating custom field `{design.name}`")
            if len(self.all()) >= MAX_ACCOUNT_FIELDS:
                message = f"Custom field `{design.name}`: the account has {len(self.all())} fields, as many as it can."
                raise CixError(FIELDS_TOO_MANY, message)
        raise error_of(reply, f"Creating custom field `{design.name}`")

    def add_options(self, field: Field, options: Sequence[str]) -> None:
        """Give a field of choices further options; those that it has stay in their order.

        Args:
            field: The field as it is.
            options: The options that are missing.

        Raises:
            CixError: `FIELDS_TOO_MANY` beyond what the platform takes, or if it refuses them.
        """
        # Another list of the same run may have given it options already.
        [there] = [each for each in self.all() if each.field_id == field.field_id]
        every = list(dict.fromkeys([*there.options, *options]))
        most = _MAX_OPTIONS.get(field.display_type, max(_MAX_OPTIONS.values()))
        if len(every) > most or any(len(each) > _MAX_OPTION for each in options):
            message = f"Custom field `{field.name}` would have {len(every)} options, Constant Contact takes {most}."
            raise CixError(FIELDS_TOO_MANY, message, "Map the column to a text field.")
        # The field's own label: the one of `field` may be a former name, which would rename it.
        body = msgspec.json.encode({"label": there.name, "choices": _choices(every)})
        reply = self._api.call("PUT", f"/contact_custom_fields/{field.field_id}", body=body)
        if not reply.ok:
            raise error_of(reply, f"Adding options to custom field `{field.name}`")
        self.all()[self.all().index(there)] = replace(there, options=tuple(every))

    def _read(self) -> list[Field]:
        found = pages(self._api, "/contact_custom_fields", "custom_fields", {"limit": 100})
        return [field_of(each) for each in found]

    def _made_meanwhile(self, design: Field) -> Field:
        """Find a field that exists; a new one shows in the listing only after a while."""
        for _ in range(_LOOKS_AFTER_CONFLICT):
            self._fields = self._read()
            for field in self._fields:
                if fold_label(field.name) == fold_label(design.name):
                    return field
            if self._api.stop.wait(_LAG_SECONDS):
                break
        message = f"Custom field `{design.name}` exists already, but Constant Contact does not list it yet."
        raise CixError(REQUEST_REFUSED, message, "Run again in a few minutes.")


def _bodies(design: Field) -> list[dict[str, Any]]:
    """Return the request that creates a field, and plainer ones for an account that refuses it."""
    plain: dict[str, Any] = {"label": design.name, "type": design.kind}
    text = {"label": design.name, "type": "string"}
    if design.kind == "number":
        exact = {"integer": False, "decimal_places": 4, "allow_negative": True}
        return [{**plain, "metadata": exact}, plain, text]
    if design.options:
        return [{**plain, "metadata": {"display_type": design.display_type}, "choices": _choices(design.options)}, text]
    if design.kind == "date":
        # Version 2 is a true date, version 1 a text; both take what the import takes (vendor's guide).
        return [{**plain, "version": 2}, plain, text]
    return [plain] if design.kind == "string" else [plain, text]


def _choices(options: Sequence[str]) -> list[dict[str, Any]]:
    return [{"choice_label": option, "display_order": order} for order, option in enumerate(options, start=1)]


def _names(field: Field, design: Field) -> tuple[str, str, str]:
    return field.name, field.kind, design.kind
