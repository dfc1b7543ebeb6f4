"""Values of the export folder in the form in which the store keeps them: the text that JSON will show.

What does not fit its type is absent, as a value that was never there.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from cix_sandbox.dataverse.columns import BIG_INTEGER, BOOLEAN, DATE_ONLY, DATE_TIME, DECIMAL, DOUBLE, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)").fullmatch
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?").fullmatch
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").match
_PLAIN_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z").fullmatch
_BOOLEANS = {"true": "true", "false": "false", "1": "true", "0": "false"}
_DATE_LENGTH = 10


def moment(value: str) -> str | None:
    """Return a time in UTC, such as `2026-11-20T04:00:00Z`."""
    if _PLAIN_MOMENT(value):
        return value
    try:
        found = datetime.fromisoformat(value.replace("Z", "+00:00").replace(" ", "T", 1))
    except ValueError:
        return None
    found = found.replace(tzinfo=found.tzinfo or timezone.utc).astimezone(timezone.utc)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


def _integer(value: str) -> str | None:
    return value if _INTEGER(value) else None


def _number(value: str) -> str | None:
    return value if _NUMBER(value) else None


def _boolean(value: str) -> str | None:
    return _BOOLEANS.get(value.lower())


def _date(value: str) -> str | None:
    return value[:_DATE_LENGTH] if _DATE(value) else None


_CONVERTERS: dict[Kind, Callable[[str], str | None]] = {
    BIG_INTEGER: _integer,
    DECIMAL: _number,
    DOUBLE: _number,
    BOOLEAN: _boolean,
    DATE_ONLY: _date,
    DATE_TIME: moment,
}


def converter(kind: Kind) -> Callable[[str], str | None] | None:
    """Return the function that brings texts of a type into the stored form; None if they have it already."""
    return _CONVERTERS.get(kind)
