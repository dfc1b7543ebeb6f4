"""Fitting texts to what a platform's fields take. Pure; every change is named in a warning, without the value."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_DATE = re.compile(r"(\d{4}-\d\d-\d\d)([T ][0-9:.,Zz+-]*)?", re.ASCII).fullmatch
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII).fullmatch


def fit_length(name: str, text: str, limit: int, warnings: list[str]) -> str:
    """Return a text cut to a length.

    Args:
        name: The field, for the warning.
        text: The text.
        limit: Most characters.
        warnings: Gets a sentence if the text was cut.
    """
    if len(text) <= limit:
        return text
    warnings.append(f"`{name}`: cut to {limit} characters.")
    return text[:limit]


def fit_number(name: str, text: str, warnings: list[str]) -> str:
    """Return a text if it is a decimal number, else an empty one.

    Args:
        name: The field, for the warning.
        text: The text.
        warnings: Gets a sentence if the text is no number.
    """
    if (text.isdecimal() and text.isascii()) or _NUMBER(text):
        return text
    warnings.append(f"`{name}`: left empty, the value is no number.")
    return ""


def fit_date(name: str, text: str, warnings: list[str]) -> date | None:
    """Return the day of an ISO 8601 date or date-time, else None.

    Args:
        name: The field, for the warning.
        text: The text; of a date-time the day is taken as it is written, whatever its offset.
        warnings: Gets a sentence if the text is no date.
    """
    match = _DATE(text)
    day = _day(match[1]) if match else None
    if day is None:
        warnings.append(f"`{name}`: left empty, the value is no date.")
    return day


@lru_cache(maxsize=4_096)
def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def fit_choices(name: str, text: str, options: Collection[str], warnings: list[str]) -> list[str]:
    """Return the options that a text names, in the platform's own spelling.

    Args:
        name: The field, for the warning.
        text: One option, or several with commas or semicolons between them.
        options: What the field can hold.
        warnings: Gets a sentence if the text names something else.
    """
    by_folded = {option.casefold(): option for option in options}
    if text.casefold() in by_folded:
        return [by_folded[text.casefold()]]
    parts = [part.strip().casefold() for part in re.split("[,;]", text)]
    if any(part not in by_folded for part in parts if part):
        warnings.append(f"`{name}`: a value that is not among the field's options was left out.")
    return [by_folded[part] for part in parts if part in by_folded]
