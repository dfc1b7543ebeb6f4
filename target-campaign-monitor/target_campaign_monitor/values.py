"""Texts made to fit what Campaign Monitor's fields hold. Pure; every change gets a warning that names no value."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from audience_sdk.fitting import fit_choices, fit_date, fit_length, fit_number

from target_campaign_monitor.customfields import CHOICES, MANY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from audience_sdk.destination import CustomField

    Fitter = Callable[[str, list[str]], Sequence[str]]

MAX_VALUE_LENGTH = 250
"""Characters of a custom field's value (vendor's documentation of the import call)."""

_FIRST_DATE, _LAST_DATE = date(1900, 1, 1), date(2076, 6, 6)
"""Dates outside are ignored silently (vendor's documentation of the import call)."""

_MOST_ZEROS = 100
"""Zeros that a number with an exponent may be written out with."""

_MOBILE_SIGNS = re.compile(r"[\s().\-/\u2010-\u2015]+")
_MOBILE = re.compile(r"\+[1-9]\d{6,14}", re.ASCII).fullmatch
"""International form of ITU-T E.164: `+`, country code and number, 15 digits at most (error 220 otherwise)."""


def fitter(field: CustomField, *, options_grow: bool) -> Fitter:
    """Return the function that fits a text to a custom field: the values to send, none to clear it.

    Args:
        field: The field.
        options_grow: Whether a field of choices gets the options that it lacks.
    """
    fits = {"Text": _fit_text, "Number": _fit_decimal, "Date": _fit_day}
    if field.kind in CHOICES and options_grow:
        return partial(_fit_any_options, field, {option.casefold(): option for option in field.options})
    if field.kind not in fits and field.options:
        # Choices, countries and states.
        return partial(_fit_options, field)
    return partial(fits.get(field.kind, _fit_text), field.name)


def fit_mobile(text: str, warnings: list[str]) -> str:
    """Return a mobile number in the international form, or nothing, which clears it at the platform.

    Args:
        text: The number; blanks and signs between the digits are left out, `00` before the country code becomes `+`.
        warnings: Gets a sentence if it is no such number; the platform would refuse the whole row.
    """
    number = _MOBILE_SIGNS.sub("", text)
    if number.startswith("00"):
        number = f"+{number[2:]}"
    if not number or _MOBILE(number):
        return number
    warnings.append("`mobile_number`: left empty, the value is no number with `+` and country code (E.164).")
    return ""


def _fit_text(name: str, text: str, warnings: list[str]) -> Sequence[str]:
    return (text,) if len(text) <= MAX_VALUE_LENGTH else (fit_length(name, text, MAX_VALUE_LENGTH, warnings),)


def _fit_decimal(name: str, text: str, warnings: list[str]) -> Sequence[str]:
    number = fit_number(name, text, warnings)
    if not number:
        return ()
    # What the platform makes of an exponent is not known.
    if "e" in number or "E" in number:
        exact = Decimal(number)
        number = format(exact, "f") if abs(exact.adjusted()) <= _MOST_ZEROS else ""
    if not number or len(number) > MAX_VALUE_LENGTH:
        warnings.append(f"`{name}`: left empty, the number has too many digits.")
        return ()
    return (number,)


def _fit_day(name: str, text: str, warnings: list[str]) -> Sequence[str]:
    day = fit_date(name, text, warnings)
    if day is None:
        return ()
    if not _FIRST_DATE <= day <= _LAST_DATE:
        warnings.append(f"`{name}`: left empty, the date is before 1900 or after 6 June 2076.")
        return ()
    return (text[:10].replace("-", "/"),)


def _fit_options(field: CustomField, text: str, warnings: list[str]) -> Sequence[str]:
    choices = fit_choices(field.name, text, field.options, warnings)
    return choices if field.kind == MANY else choices[:1]


def _fit_any_options(field: CustomField, known: dict[str, str], text: str, warnings: list[str]) -> Sequence[str]:
    """Fit a text to options that need not be there yet; those that are keep their spelling."""
    several = field.kind == MANY and text.casefold() not in known
    parts = [part.strip() for part in re.split("[,;]", text)] if several else [text]
    return [
        known.get(part.casefold()) or _fit_text(field.name, part, warnings)[0] for part in dict.fromkeys(parts) if part
    ]
