"""Campaign Monitor's rows: a contact as an element of `Subscribers`. Pure."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.destination import CustomField, EncodedRow, find_custom_fields
from audience_sdk.fitting import fit_choices, fit_date, fit_length, fit_number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from audience_sdk.contact import Contact
    from audience_sdk.mapping import FieldMapping

    Fitter = Callable[[str, list[str]], Sequence[str]]

MAX_VALUE_LENGTH = 250
"""Characters of a custom field's value (vendor's documentation of the import call)."""

_FIRST_DATE, _LAST_DATE = date(1900, 1, 1), date(2076, 6, 6)
"""Dates outside are ignored silently (vendor's documentation of the import call)."""

CONSENT_WORDS = {"yes": "Yes", "no": "No", "unchanged": "Unchanged"}
_CONSENT_VALUES = {"yes": "Yes", "true": "Yes", "1": "Yes", "no": "No", "false": "No", "0": "No"}


def fold_key(name: str) -> str:
    """Return a custom field's name or key as Campaign Monitor compares it: no brackets, no blanks, any case.

    Args:
        name: `Loyalty Points`, `LoyaltyPoints` or `[LoyaltyPoints]`.
    """
    return name.strip("[]").replace(" ", "").casefold()


def row_encoder(
    available: Collection[CustomField], mapping: FieldMapping, consent: str | None
) -> Callable[[Contact], EncodedRow]:
    """Return the function from a contact to its row.

    Args:
        available: The list's custom fields.
        mapping: The field mapping.
        consent: `Yes`, `No` or `Unchanged` for everybody, or None to take it from the mapped column.

    Raises:
        CixError: `FIELD_UNKNOWN` if the mapping names a custom field that the list does not have.
    """
    custom_fields = find_custom_fields(mapping.custom_fields, available, fold=fold_key)
    named = any(field in mapping.fields for field in ("name", "first_name", "last_name"))
    fitters = [(name, field.key, _fitter(field)) for name, field in custom_fields.items()]
    encoder = msgspec.json.Encoder()

    def encode(contact: Contact) -> EncodedRow:
        warnings: list[str] = []
        row: dict[str, Any] = {
            "EmailAddress": contact.email,
            "ConsentToTrack": consent or consent_of(contact.fields.get("consent_to_track", ""), warnings),
        }
        if named:
            row["Name"] = name_of(contact)
        if fitters:
            elements = row["CustomFields"] = []
            texts = contact.custom_fields
            for name, key, fit in fitters:
                values = fit(texts[name], warnings) if name in texts else ()
                if values:
                    elements.extend([{"Key": key, "Value": value} for value in values])
                else:
                    # An empty value clears the field at the platform.
                    elements.append({"Key": key, "Value": "", "Clear": True})
        return EncodedRow(encoder.encode(row), warnings)

    return encode


def name_of(contact: Contact) -> str:
    """Return the one name that Campaign Monitor holds: `name`, or first and last name joined.

    Args:
        contact: The contact.
    """
    fields = contact.fields
    return fields.get("name") or " ".join(filter(None, (fields.get("first_name"), fields.get("last_name"))))


def consent_of(text: str, warnings: list[str]) -> str:
    """Return the consent to tracking that a column's value means.

    Anything but a clear yes counts as no: `Unchanged` would mean consent for an address that is new to the account.

    Args:
        text: The value.
        warnings: Gets a sentence if the value is neither yes nor no.
    """
    consent = _CONSENT_VALUES.get(text.casefold())
    if consent is None:
        warnings.append("`consent_to_track`: the value is neither yes nor no, sent as no.")
    return consent or "No"


def _fitter(field: CustomField) -> Fitter:
    """Return the function that fits a text to a custom field: the values to send, none to clear it."""
    name, kind = field.name, field.kind

    def fit_text(text: str, warnings: list[str]) -> Sequence[str]:
        return (text,) if len(text) <= MAX_VALUE_LENGTH else (fit_length(name, text, MAX_VALUE_LENGTH, warnings),)

    def fit_decimal(text: str, warnings: list[str]) -> Sequence[str]:
        number = fit_number(name, text, warnings)
        return (number,) if number else ()

    def fit_day(text: str, warnings: list[str]) -> Sequence[str]:
        day = fit_date(name, text, warnings)
        if day is not None and not _FIRST_DATE <= day <= _LAST_DATE:
            warnings.append(f"`{name}`: left empty, the date is before 1900 or after 6 June 2076.")
            day = None
        return (day.isoformat().replace("-", "/"),) if day else ()

    def fit_options(text: str, warnings: list[str]) -> Sequence[str]:
        choices = fit_choices(name, text, field.options, warnings)
        return choices if kind == "MultiSelectMany" else choices[:1]

    by_kind = {"Number": fit_decimal, "Date": fit_day, "MultiSelectOne": fit_options, "MultiSelectMany": fit_options}
    return by_kind.get(kind, fit_text)
