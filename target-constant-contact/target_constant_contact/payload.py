"""Constant Contact's rows: a contact as an element of `import_data`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.destination import CustomField, EncodedRow, find_custom_fields
from audience_sdk.errors import SETTING_INVALID, CixError
from audience_sdk.fitting import fit_choices, fit_date, fit_length, fit_number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from audience_sdk.contact import Contact
    from audience_sdk.mapping import FieldMapping

_MAX_DIGITS = 4

MAX_CUSTOM_FIELDS = 25
"""Custom fields of one contact (vendor's API contract)."""

MAX_CUSTOM_VALUE_LENGTH = 255
"""Characters of a custom field's value (vendor's API contract)."""


@dataclass(frozen=True)
class StandardField:
    """A property of an import row.

    Attributes:
        description: What it holds, for the settings table.
        max_length: Most characters of a text.
        kind: `text`, `date`, or `integer`.
        bounds: Smallest and largest integer.
    """

    description: str
    max_length: int = 50
    kind: str = "text"
    bounds: tuple[int, int] = (0, 0)


def _address(prefix: str, kind: str) -> dict[str, StandardField]:
    return {
        f"{prefix}street": StandardField(f"Street of the {kind} address.", 255),
        f"{prefix}street2": StandardField(f"Second line of the {kind} address.", 255),
        f"{prefix}city": StandardField(f"City of the {kind} address."),
        f"{prefix}state": StandardField(f"State of the {kind} address."),
        f"{prefix}zip": StandardField(f"Postal code of the {kind} address."),
        f"{prefix}country": StandardField(f"Country of the {kind} address."),
    }


STANDARD_FIELDS: Mapping[str, StandardField] = {
    "first_name": StandardField("Column of the first name."),
    "last_name": StandardField("Column of the last name."),
    "job_title": StandardField("Job title."),
    "company_name": StandardField("Company."),
    "birthday_month": StandardField("Month of birth; only with `birthday_day`.", kind="integer", bounds=(1, 12)),
    "birthday_day": StandardField("Day of birth; only with `birthday_month`.", kind="integer", bounds=(1, 31)),
    "anniversary": StandardField("Anniversary.", kind="date"),
    "phone": StandardField("Phone number, of no stated kind."),
    "home_phone": StandardField("Phone number at home."),
    "work_phone": StandardField("Phone number at work."),
    "mobile_phone": StandardField("Mobile number."),
    "other_phone": StandardField("Another phone number."),
    **_address("", "main"),
    **_address("home_", "home"),
    **_address("work_", "work"),
    **_address("other_", "other"),
}
"""The import's vocabulary and its bounds (vendor's API contract, schema of `contacts_json_import`)."""


def row_encoder(available: Collection[CustomField], mapping: FieldMapping) -> Callable[[Contact], EncodedRow]:
    """Return the function from a contact to its row.

    Args:
        available: The account's custom fields.
        mapping: The field mapping.

    Raises:
        CixError: `FIELD_UNKNOWN` for a custom field that the account does not have, `SETTING_INVALID` for too many.
    """
    custom_fields = find_custom_fields(mapping.custom_fields, available)
    if len(custom_fields) > MAX_CUSTOM_FIELDS:
        raise CixError(
            SETTING_INVALID,
            f"Setting `field_mapping.custom_fields` names {len(custom_fields)} fields; a contact has at most"
            f" {MAX_CUSTOM_FIELDS}.",
        )
    encoder = msgspec.json.Encoder()

    def encode(contact: Contact) -> EncodedRow:
        warnings: list[str] = []
        row: dict[str, Any] = {"email": contact.email_key}
        for name, text in contact.fields.items():
            value = _standard_value(name, text, warnings)
            if value:
                row[name] = value
        if ("birthday_month" in row) != ("birthday_day" in row):
            row.pop("birthday_month", None)
            row.pop("birthday_day", None)
            warnings.append("birthday: left out, month and day go together.")
        for name, text in contact.custom_fields.items():
            field = custom_fields[name]
            value = _custom_value(field, text, warnings)
            if value:
                row[field.key] = value
        return EncodedRow(encoder.encode(row), warnings)

    return encode


def _standard_value(name: str, text: str, warnings: list[str]) -> str | int | None:
    field = STANDARD_FIELDS[name]
    if field.kind == "date":
        day = fit_date(name, text, warnings)
        return day.isoformat() if day else None
    if field.kind == "integer":
        low, high = field.bounds
        if text.isdecimal() and len(text) <= _MAX_DIGITS and low <= int(text) <= high:
            return int(text)
        warnings.append(f"`{name}`: left out, the value is no number from {low} to {high}.")
        return None
    return fit_length(name, text, field.max_length, warnings)


def _custom_value(field: CustomField, text: str, warnings: list[str]) -> str:
    if field.kind in {"number", "currency"}:
        return fit_number(field.name, text, warnings)
    if field.kind == "date":
        day = fit_date(field.name, text, warnings)
        return day.isoformat() if day else ""
    if field.kind in {"single_select", "multi_select"}:
        choices = fit_choices(field.name, text, field.options, warnings)
        return ",".join(choices if field.kind == "multi_select" else choices[:1])
    return fit_length(field.name, text, MAX_CUSTOM_VALUE_LENGTH, warnings)
