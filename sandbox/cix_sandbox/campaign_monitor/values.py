"""Custom fields as pure functions: their keys, and what values their types take."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Final

from cix_sandbox.campaign_monitor.places import COUNTRIES, US_STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cix_sandbox.campaign_monitor.forms import FieldValue

TEXT: Final = "Text"
NUMBER: Final = "Number"
DATE: Final = "Date"
SELECT_ONE: Final = "MultiSelectOne"
SELECT_MANY: Final = "MultiSelectMany"
COUNTRY: Final = "Country"
US_STATE: Final = "USState"
TYPES = (TEXT, NUMBER, DATE, SELECT_ONE, SELECT_MANY, COUNTRY, US_STATE)
SELECTS = (SELECT_ONE, SELECT_MANY)
GENERATED_OPTIONS = {COUNTRY: COUNTRIES, US_STATE: US_STATES}

MAX_NAME = 100
MAX_VALUE = 250
CLEARING_DATE = "0000-00-00"
_EARLIEST = date(1900, 1, 1)
_LATEST = date(2076, 6, 6)
_DATE = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})(?:[ T]\d{1,2}:\d{2}.*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)

Values = dict[str, str | list[str]]
"""Stored values of one person: number of the field (as text) to the value or the options."""


@dataclass(frozen=True)
class Field:
    """A custom field of a list.

    Attributes:
        no: Its number, which survives a renaming.
        name: Its name.
        key: Its key in brackets.
        type: One of `TYPES`.
        options: What can be selected, empty for plain types.
        visible: Whether it is shown in the preference centre.
    """

    no: str
    name: str
    key: str
    type: str
    options: tuple[str, ...]
    visible: bool

    @cached_property
    def option_by_lower(self) -> dict[str, str]:
        """The options by their lower-case spelling."""
        return {option.lower(): option for option in self.options}


@dataclass(frozen=True)
class ValueRules:
    """How values are taken that the documentation says nothing about.

    Attributes:
        truncate: Cut over-long values, instead of ignoring them.
        blank_clears: An empty value clears, instead of being ignored.
    """

    truncate: bool
    blank_clears: bool


def make_key(name: str) -> str:
    """Return the key of a field: its name without spaces, in brackets."""
    return f"[{name.replace(' ', '')}]"


@lru_cache(maxsize=4096)
def spelled(key: str) -> str:
    """Return what all accepted spellings of a key have in common.

    Writers send the key with or without brackets, or the field's name.
    """
    return key.strip().removeprefix("[").removesuffix("]").replace(" ", "").lower()


def read_value(field: Field, text: str, rules: ValueRules) -> str | None:
    """Return the value as it is stored, or None where the service drops it silently."""
    return _reader(field, rules)(text)


def _reader(field: Field, rules: ValueRules) -> Callable[[str], str | None]:
    """Return what reads the values of a field."""
    if field.type == TEXT:
        return operator.itemgetter(slice(MAX_VALUE)) if rules.truncate else _short_text
    if field.type == NUMBER:
        return _number
    if field.type == DATE:
        return _date
    return partial(_option, field)


def _short_text(text: str) -> str | None:
    return text if len(text) <= MAX_VALUE else None


def _number(text: str) -> str | None:
    number = text.strip()
    whole = number.isascii() and number.isdecimal()  # most are: the pattern takes longer
    return number if whole or _NUMBER.fullmatch(number) else None


def _option(field: Field, text: str) -> str | None:
    return field.option_by_lower.get(text.strip().lower())


@lru_cache(maxsize=4096)
def _date(text: str) -> str | None:
    match = _DATE.fullmatch(text.strip())
    if not match:
        return None
    try:
        value = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
    return value.isoformat() if _EARLIEST <= value <= _LATEST else None


class ValueWriter:
    """Works out what a write makes of the values of people on one list.

    Args:
        fields: The list's fields by `spelled` key.
        rules: How doubtful values are taken.
    """

    def __init__(self, fields: Mapping[str, Field], rules: ValueRules) -> None:
        self._targets = _Targets(fields, rules)
        self._blank_clears = rules.blank_clears

    def merge(self, current: Values, wanted: Iterable[FieldValue]) -> Values:
        """Return a person's values after a write; what the write does not name stays.

        Args:
            current: The values before.
            wanted: What the write says.
        """
        merged = dict(current)
        chosen: dict[str, list[str]] = {}
        targets = self._targets
        for item in wanted:
            target = targets[item.key]
            if target is None:
                continue
            no, read, field = target
            value = item.value
            if not value:
                if item.clear or self._blank_clears:
                    merged.pop(no, None)
            elif read is None:
                _choose(merged, chosen, field, value, clear=item.clear)
            elif item.clear or (value == CLEARING_DATE and field.type == DATE):
                merged.pop(no, None)
            else:
                stored = read(value)
                if stored is not None:
                    merged[no] = stored
        if chosen:
            merged.update(chosen)
        return merged


_Target = tuple[str, "Callable[[str], str | None] | None", Field]
"""A field's number, what reads its values (None where there can be several), and the field."""


class _Targets(dict["str | None", "_Target | None"]):
    """The fields of a list by every key that a write names them with; None for a key that names none."""

    def __init__(self, fields: Mapping[str, Field], rules: ValueRules) -> None:
        super().__init__()
        self._fields = fields
        self._rules = rules

    def __missing__(self, key: str | None) -> _Target | None:
        field = self._fields.get(spelled(key or ""))
        target = None
        if field is not None:
            target = field.no, None if field.type == SELECT_MANY else _reader(field, self._rules), field
        self[key] = target
        return target


def _choose(merged: Values, chosen: dict[str, list[str]], field: Field, text: str, *, clear: bool) -> None:
    """Add one option to those that replace the person's, or take one away from what they have."""
    option = _option(field, text)
    if option is None:
        return
    if not clear:
        options = chosen.setdefault(field.no, [])
        if option not in options:
            options.append(option)
        return
    kept = [other for other in merged.pop(field.no, ()) if other != option]
    if kept:
        merged[field.no] = kept
