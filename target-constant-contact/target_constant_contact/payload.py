"""Constant Contact's rows: a contact as an element of `import_data`. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.destination import CustomField, EncodedRow, find_custom_fields
from audience_sdk.errors import SETTING_INVALID, CixError
from audience_sdk.fitting import fit_choices, fit_date, fit_length

from target_constant_contact.fields import Field, fold_label
from target_constant_contact.vocabulary import MAX_PHONES, STANDARD_FIELDS, check_places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from audience_sdk.contact import Contact
    from audience_sdk.destination import PlatformList
    from audience_sdk.mapping import FieldMapping

    Fit = Callable[[str, list[str]], str | int]
    """Makes a text fit a field: empty if nothing fits, with a sentence in the list for every change."""

MAX_CUSTOM_FIELDS = 25
"""Custom fields of one contact (vendor's API contract)."""

MAX_CUSTOM_VALUE_LENGTH = 255
"""Characters of a custom field's value (vendor's API contract)."""

_MAX_DIGITS = 4
_MAX_WHOLE_DIGITS, _MAX_DECIMALS = 17, 10
"""Numbers beyond this are noise; the platform's own bounds, where a field states any, are narrower."""

_TRUE = {"true", "yes", "y", "on", "1"}
_FALSE = {"false", "no", "n", "off", "0"}
_FRACTION = re.compile(r"\.\d+")
_US_NUMBER = re.compile(r"(?:\+?1[ .-]?)?\(?(\d{3})\)?[ .-]?(\d{3})[ .-]?(\d{4})", re.ASCII).fullmatch


def mapped_fields(platform_list: PlatformList, mapping: FieldMapping) -> dict[str, CustomField]:
    """Return the custom fields that the field mapping names, by the name that the user wrote.

    Args:
        platform_list: The list, with the account's custom fields.
        mapping: The field mapping.

    Raises:
        CixError: `FIELD_UNKNOWN` for a custom field that the account does not have, `SETTING_INVALID` for too many of
            them, or for two standard fields that are one.
    """
    check_places(mapping.fields)
    custom_fields = find_custom_fields(mapping.custom_fields, platform_list.custom_fields, fold=fold_label)
    if len(custom_fields) > MAX_CUSTOM_FIELDS:
        raise CixError(
            SETTING_INVALID,
            f"Setting `field_mapping.custom_fields` names {len(custom_fields)} fields; a contact has at most"
            f" {MAX_CUSTOM_FIELDS}.",
        )
    return custom_fields


def row_encoder(
    platform_list: PlatformList, mapping: FieldMapping, *, explicit_sms: bool = False
) -> Callable[[Contact], EncodedRow]:
    """Return the function from a contact to its row.

    Args:
        platform_list: The list, with the account's custom fields.
        mapping: The field mapping.
        explicit_sms: Whether numbers for text messages are sent with a consent, which then needs its date.

    Raises:
        CixError: As `mapped_fields`.
    """
    custom_fields = mapped_fields(platform_list, mapping)
    standard = {name: _standard_fit(name) for name in mapping.fields}
    custom = {
        name: (field.key, _custom_fit(field, grows=platform_list.options_grow)) for name, field in custom_fields.items()
    }
    phones = [name for name in mapping.fields if STANDARD_FIELDS[name].place.part == "phone"]
    checks = [
        *([_check_birthday] if any(name.startswith("birthday") for name in mapping.fields) else []),
        *([_phones_check(phones)] if len(phones) > MAX_PHONES else []),
        *([_sms_check(explicit=explicit_sms)] if any(name.startswith("sms") for name in mapping.fields) else []),
    ]
    to_json = msgspec.json.Encoder().encode

    def encode(contact: Contact) -> EncodedRow:
        warnings: list[str] = []
        row: dict[str, Any] = {"email": contact.email_key}
        for name, text in contact.fields.items():
            value = standard[name](text, warnings)
            if value:
                row[name] = value
        for check in checks:
            check(row, warnings)
        for name, text in contact.custom_fields.items():
            key, fit = custom[name]
            value = fit(text, warnings)
            if value:
                row[key] = value
        return EncodedRow(to_json(row), warnings)

    return encode


def _standard_fit(name: str) -> Fit:
    field = STANDARD_FIELDS[name]
    if field.kind == "date":
        return _day_fit(name)
    if field.kind == "sms":
        return _sms_fit(name)
    if field.kind == "integer":
        return _integer_fit(name, *field.bounds)
    return _length_fit(name, field.max_length)


def _custom_fit(field: CustomField, *, grows: bool) -> Fit:
    if field.kind in {"number", "currency"}:
        return _number_fit(field)
    if field.kind == "boolean":
        return _boolean_fit(field.name)
    if field.kind == "date":
        return _day_fit(field.name)
    if field.kind == "datetime":
        return _moment_fit(field.name)
    if field.kind in {"single_select", "multi_select"}:
        return _choice_fit(field, grows=grows)
    return _length_fit(field.name, MAX_CUSTOM_VALUE_LENGTH)


def _length_fit(name: str, limit: int) -> Fit:
    def fit(text: str, warnings: list[str]) -> str:
        return text if len(text) <= limit else fit_length(name, text, limit, warnings)

    return fit


def _day_fit(name: str) -> Fit:
    def fit(text: str, warnings: list[str]) -> str:
        return text[:10] if fit_date(name, text, warnings) else ""

    return fit


def _moment_fit(name: str) -> Fit:
    """Of the forms that the import may take a date-time in, none is documented: ISO 8601 in UTC, without fractions."""

    def fit(text: str, warnings: list[str]) -> str:
        try:
            moment = datetime.fromisoformat(_FRACTION.sub("", text).replace("Z", "+00:00"))
        except ValueError:
            warnings.append(f"`{name}`: left empty, the value is no date and time.")
            return ""
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone.utc)
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"

    return fit


def _integer_fit(name: str, low: int, high: int) -> Fit:
    def fit(text: str, warnings: list[str]) -> int:
        if text.isdecimal() and len(text) <= _MAX_DIGITS and low <= int(text) <= high:
            return int(text)
        warnings.append(f"`{name}`: left out, the value is no number from {low} to {high}.")
        return 0

    return fit


def _number_fit(field: CustomField) -> Fit:
    """Numbers as plain decimals, within what the field says of decimals and sign."""
    details = field if isinstance(field, Field) else Field(field.name, field.key, field.kind)
    places = 0 if details.integer else _MAX_DECIMALS if details.decimal_places is None else details.decimal_places

    def fit(text: str, warnings: list[str]) -> str:
        if len(text) <= _MAX_WHOLE_DIGITS and text.isdecimal() and text.isascii():
            return text
        number = _decimal(text)
        if number is None:
            warnings.append(f"`{field.name}`: left empty, the value is no number.")
            return ""
        if number < 0 and not details.allow_negative:
            warnings.append(f"`{field.name}`: left empty, the field takes no negative numbers.")
            return ""
        if -int(number.as_tuple().exponent) > places:
            warnings.append(f"`{field.name}`: rounded to {places} decimals.")
            number = round(number, places)
        return format(number, "f")

    return fit


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number.adjusted() < _MAX_WHOLE_DIGITS and "_" not in text else None


def _boolean_fit(name: str) -> Fit:
    def fit(text: str, warnings: list[str]) -> str:
        folded = text.casefold()
        if folded in _TRUE:
            return "true"
        if folded in _FALSE:
            return "false"
        warnings.append(f"`{name}`: left empty, the value is neither true nor false.")
        return ""

    return fit


def _choice_fit(field: CustomField, *, grows: bool) -> Fit:
    several = field.kind == "multi_select"

    def fit(text: str, warnings: list[str]) -> str:
        choices = _grown(field, text, several) if grows else fit_choices(field.name, text, field.options, warnings)
        if not several:
            if choices[1:]:
                warnings.append(f"`{field.name}`: the first of several options was taken, the field holds one.")
            return choices[0] if choices else ""
        whole = [choice for choice in choices if "," not in choice]
        if len(whole) < len(choices):
            warnings.append(f"`{field.name}`: an option with a comma in it was left out, as commas part the options.")
        joined = ",".join(whole)
        if len(joined) <= MAX_CUSTOM_VALUE_LENGTH:
            return joined
        warnings.append(
            f"`{field.name}`: the last options were left out, all have {MAX_CUSTOM_VALUE_LENGTH} characters."
        )
        return joined[: MAX_CUSTOM_VALUE_LENGTH + 1].rpartition(",")[0]

    return fit


def _grown(field: CustomField, text: str, several: bool) -> list[str]:
    """Return the options that a text names, those too that the field does not have yet."""
    spelling = {option.casefold(): option for option in field.options}
    parts = [part.strip() for part in re.split("[,;]", text)] if several and text.casefold() not in spelling else [text]
    named = [spelling.get(part.casefold(), part) for part in parts if part]
    return list(dict.fromkeys(named))


def _sms_fit(name: str) -> Fit:
    def fit(text: str, warnings: list[str]) -> str:
        match = _US_NUMBER(text)
        if match is None:
            warnings.append(f"`{name}`: left out, the value is no number in the United States.")
            return ""
        return "".join(match.groups())

    return fit


def _check_birthday(row: dict[str, Any], warnings: list[str]) -> None:
    if ("birthday_month" in row) != ("birthday_day" in row):
        row.pop("birthday_month", None)
        row.pop("birthday_day", None)
        warnings.append("birthday: left out, month and day go together.")
    elif "birthday_month" in row and row["birthday_day"] > _days_of(row["birthday_month"]):
        del row["birthday_month"], row["birthday_day"]
        warnings.append("birthday: left out, the month has no such day.")


def _days_of(month: int) -> int:
    return (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _phones_check(phones: Sequence[str]) -> Callable[[dict[str, Any], list[str]], None]:
    def check(row: dict[str, Any], warnings: list[str]) -> None:
        for name in [name for name in phones if name in row][MAX_PHONES:]:
            del row[name]
            warnings.append(f"`{name}`: left out, a contact has at most {MAX_PHONES} phone numbers.")

    return check


def _sms_check(*, explicit: bool) -> Callable[[dict[str, Any], list[str]], None]:
    def check(row: dict[str, Any], warnings: list[str]) -> None:
        if explicit and "sms_number" in row and "sms_consent_date" not in row:
            del row["sms_number"]
            warnings.append("`sms_number`: left out, an explicit permission needs `sms_consent_date`.")
        elif "sms_consent_date" in row and "sms_number" not in row:
            del row["sms_consent_date"]

    return check
