"""Rules of custom fields: the name made from a label, and which values a type takes."""

from __future__ import annotations

import functools
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from cix_sandbox.constant_contact.ids import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = (
    "string",
    "text_area",
    "number",
    "currency",
    "boolean",
    "date",
    "datetime",
    "single_select",
    "multi_select",
)
SELECTS = ("single_select", "multi_select")
LABEL_LENGTH = 50
VALUE_LENGTH = 255
FIELDS_PER_CONTACT = 25
CHOICE_LENGTH = 255
CHOICES = {"dropdown": 100, "checkbox": 20, "radio": 20}
"""Most choices of a select by the `display_type` of its metadata."""
_DECIMAL_PLACES = range(1, 5)
_LEAP_YEAR = 2024

_NUMBER = re.compile(r"(?P<minus>-?)\d+(?:\.(?P<decimals>\d+))?")
_DATES = (
    re.compile(r"(?P<month>\d{1,2})(?P<mark>[/-])(?P<day>\d{1,2})(?P=mark)(?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})(?P<mark>[/-])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"),
)


class Field(msgspec.Struct, frozen=True):
    """A custom field of an account.

    Attributes:
        seq: Its key in a contact's stored values.
        id: Its identifier.
        label: What people see.
        name: What an import calls it, after `cf:`.
        type: One of `TYPES`.
        metadata: Settings of the type.
        choices: Labels of a select's choices.
    """

    seq: int
    id: str
    label: str
    name: str
    type: str
    metadata: dict[str, Any] = {}
    choices: tuple[str, ...] = ()

    def takes(self, text: str) -> bool:
        """Say whether a value, not blank, fits the type."""
        check = self.check()
        return check is None or check(text)

    def check(self) -> Callable[[str], bool] | None:
        """Return what says whether a value, not blank, fits the type; None if every value does."""
        check = _CHECKS.get(self.type)
        return None if check is None else functools.partial(check, self)


def slug(label: str) -> str:
    """Return the name that a label gives: lower case, blanks become underscores."""
    return label.strip().lower().replace(" ", "_")


def split_choices(text: str) -> list[str]:
    """Return the choices in the value of a multi-select: labels with commas between."""
    return [part.strip() for part in text.split(",")]


@functools.lru_cache(maxsize=65536)
def is_date(text: str) -> bool:
    """Say whether a text is a date in one of the documented forms, such as 2026-01-31 or 1/31/2026."""
    match = _DATES[0].fullmatch(text) or _DATES[1].fullmatch(text)
    if match is None:
        return False
    try:
        date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return False
    return True


def is_birthday(month: object, day: object) -> bool:
    """Say whether two values, numbers or texts, are a month and a day that it has in some year."""
    try:
        date(_LEAP_YEAR, int(str(month)), int(str(day)))
    except (ValueError, OverflowError):
        return False
    return True


def problems(label: object, kind: object, metadata: object, choices: object) -> list[str]:
    """Return what is wrong with the parts of a new custom field; nothing when all is well."""
    found = label_problems(label)
    if kind is None:
        return [*found, "type is missing"]
    if kind not in TYPES:
        return [*found, "type does not have a valid value"]
    if metadata is not None and not isinstance(metadata, dict):
        return [*found, "metadata does not have a valid value"]
    settings = metadata or {}
    fractional = kind in ("number", "currency") and settings.get("integer") is False
    if fractional and settings.get("decimal_places") not in _DECIMAL_PLACES:
        found.append("metadata[decimal_places] does not have a valid value")
    if kind in SELECTS:
        if settings.get("display_type") not in CHOICES:
            return [*found, "metadata[display_type] does not have a valid value"]
        found += choice_problems(choices, settings["display_type"])
    return found


def label_problems(label: object) -> list[str]:
    """Return what is wrong with a label."""
    if label is None:
        return ["label is missing"]
    if not isinstance(label, str) or not 0 < len(label.strip()) <= LABEL_LENGTH:
        return ["label does not have a valid value"]
    return []


def choice_problems(choices: object, display_type: str) -> list[str]:
    """Return what is wrong with the choices of a select."""
    if choices is None:
        return ["choices is missing"]
    if not isinstance(choices, list) or not 1 <= len(choices) <= CHOICES[display_type]:
        return ["choices does not have a valid value"]
    labels = [choice.get("choice_label") if isinstance(choice, dict) else None for choice in choices]
    if not all(isinstance(label, str) and 0 < len(label) <= CHOICE_LENGTH for label in labels):
        return ["choices[choice_label] does not have a valid value"]
    return []


def _is_number(field: Field, text: str) -> bool:
    decimals = 0
    if not text.isdecimal():  # most are: the pattern takes longer
        match = _NUMBER.fullmatch(text)
        if match is None or (match["minus"] and not field.metadata.get("allow_negative")):
            return False
        decimals = len(match["decimals"] or "")
    return decimals <= (0 if field.metadata.get("integer") else field.metadata.get("decimal_places", decimals))


# Every text fits the types that are not here.
_CHECKS: dict[str, Callable[[Field, str], bool]] = {
    "number": _is_number,
    "currency": _is_number,
    "boolean": lambda _, text: text.lower() in ("true", "false"),
    "date": lambda _, text: is_date(text),
    "datetime": lambda _, text: is_date(text) or parse_time(text) is not None,
    "single_select": lambda field, text: text in field.choices,
    "multi_select": lambda field, text: all(part in field.choices for part in split_choices(text)),
}
