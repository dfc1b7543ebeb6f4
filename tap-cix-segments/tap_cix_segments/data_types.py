"""Data types of the Common Data Model: their JSON Schema, and how the text of a CSV becomes a value.

Facts: https://github.com/microsoft/CDM, docs/schema/modeljsonschema.json (names of the types); dates are ISO 8601,
`dateTime` is UTC, `dateTimeOffset` keeps its offset.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta, convert

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_DOUBLE_MAX = 1.7976931348623157e308

Int64 = Annotated[int, Meta(ge=INT64_MIN, le=INT64_MAX)]
Double = Annotated[float, Meta(ge=-_DOUBLE_MAX, le=_DOUBLE_MAX)]  # leaves out NaN and the infinities: JSON has none
_MORE_THAN_MICROSECONDS = re.compile(r"(\.\d{6})\d+")

Texts = Sequence["str | None"]


def _int64s(texts: Texts) -> list[Any]:
    return convert(texts, list[Int64 | None], strict=False)


def _doubles(texts: Texts) -> list[Any]:
    return convert(texts, list[Double | None], strict=False)


def _decimals(texts: Texts) -> list[Any]:
    _doubles(texts)  # the same grammar, which `Decimal` alone does not insist on
    return convert(texts, list[Decimal | None])


def _booleans(texts: Texts) -> list[Any]:
    return convert(texts, list[bool | None], strict=False)


def _dates(texts: Texts) -> list[Any]:
    return convert(texts, list[date | None])


def _times(texts: Texts) -> list[Any]:
    return convert(texts, list[time | None])


def _moments(texts: Texts) -> list[Any]:
    """Read date-times; one without an offset is in UTC."""
    moments = convert(texts, list[datetime | None])
    return [m if m is None or m.tzinfo else m.replace(tzinfo=timezone.utc) for m in moments]


def _moment_from_variant(text: str) -> datetime:
    """Read a date-time that is written as a date, or with more digits than microseconds (as .NET does)."""
    if "T" not in text and " " not in text:
        return datetime.combine(convert(text, date), time(), timezone.utc)
    [moment] = _moments([_MORE_THAN_MICROSECONDS.sub(r"\1", text)])
    return moment  # type: ignore[no-any-return]


def _date_from_variant(text: str) -> date:
    """Read a date that is written as the midnight which begins it."""
    moment = _moment_from_variant(text)
    if moment.time() != time():
        raise ValueError("a time of day does not fit a date")
    return moment.date()


@dataclass(frozen=True)
class DataType:
    """One data type of the Common Data Model.

    Attributes:
        name: Its name in lower case.
        schema: JSON Schema of its values; every column can be null.
        read: Turns texts into values, all or nothing, raising `ValueError`; None where the text is the value.
        read_variant: Reads one text that is written in another way than `read` expects.
    """

    name: str
    schema: dict[str, Any]
    read: Callable[[Texts], list[Any]] | None = None
    read_variant: Callable[[str], Any] | None = None


def _nullable(json_type: str, **keywords: Any) -> dict[str, Any]:
    return {"type": [json_type, "null"], **keywords}


STRING = DataType("string", _nullable("string"))
_MOMENT = _nullable("string", format="date-time")

DATA_TYPES = {
    data_type.name: data_type
    for data_type in (
        STRING,
        DataType("unclassified", _nullable("string")),
        DataType("guid", _nullable("string")),
        DataType("json", _nullable("string")),
        DataType("int64", _nullable("integer", minimum=INT64_MIN, maximum=INT64_MAX), _int64s),
        DataType("double", _nullable("number"), _doubles),
        DataType("decimal", _nullable("number"), _decimals),
        DataType("boolean", _nullable("boolean"), _booleans),
        DataType("date", _nullable("string", format="date"), _dates, _date_from_variant),
        DataType("time", _nullable("string", format="time"), _times),
        DataType("datetime", _MOMENT, _moments, _moment_from_variant),
        DataType("datetimeoffset", _MOMENT, _moments, _moment_from_variant),
    )
}
"""The data types by their names in lower case."""


def read_column(texts: Sequence[str], data_type: DataType) -> tuple[Sequence[Any], list[int]]:
    """Turn one column's texts into values.

    Args:
        texts: The texts as they stand in the CSV; an empty one is an absent value.
        data_type: The column's data type.

    Returns:
        The values, None for absent ones and for those that do not fit, and the positions of those that do not fit.
    """
    # Most columns have no absent value; not to copy those is a tenth of the tap's time.
    values: Sequence[Any] = [text or None for text in texts] if "" in texts else texts
    if data_type.read is None:
        return values, []
    try:
        return data_type.read(values), []
    except ValueError:
        return _read_one_by_one(values, data_type)


def _read_one_by_one(texts: Texts, data_type: DataType) -> tuple[list[Any], list[int]]:
    values: list[Any] = []
    misfits: list[int] = []
    for position, text in enumerate(texts):
        try:
            values.append(_read_one((text or "").strip(), data_type))
        except ValueError:  # noqa: PERF203 - only in a block with a value that does not fit
            values.append(None)
            misfits.append(position)
    return values, misfits


def _read_one(text: str, data_type: DataType) -> Any:
    if not text or data_type.read is None:
        return text or None
    try:
        return data_type.read([text])[0]
    except ValueError:
        if data_type.read_variant is None:
            raise
        return data_type.read_variant(text)
