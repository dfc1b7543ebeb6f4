"""Columns of Arrow: which data type they are, and their values; needs one of the extras `parquet` and `delta`."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.types as kinds  # type: ignore[import-untyped]

from tap_cix_segments.data_types import DATA_TYPES, INT64_MAX, STRING, DataType
from tap_cix_segments.model import IDENTITIES
from tap_cix_segments.segment import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KINDS: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (kinds.is_boolean, "boolean"),
    (kinds.is_integer, "int64"),
    (kinds.is_floating, "double"),
    (kinds.is_decimal, "decimal"),
    (kinds.is_date, "date"),
    (kinds.is_timestamp, "datetime"),
    (kinds.is_time, "time"),
)
_NUMBERS = {"int64", "double", "decimal"}
_TEXTS: tuple[Callable[[Any], bool], ...] = (kinds.is_string, kinds.is_large_string, kinds.is_string_view)

_GUID_BYTES = 16


def column_of(field: pa.Field) -> Column:
    """Return a column of a segment.

    Args:
        field: The column in Arrow; what is no plain value is sent as JSON text.
    """
    return Column(field.name, STRING if field.name in IDENTITIES else _data_type(field.type))


def _data_type(arrow_type: pa.DataType) -> DataType:
    if kinds.is_dictionary(arrow_type):
        return _data_type(arrow_type.value_type)
    name = next((name for is_kind, name in _KINDS if is_kind(arrow_type)), None)
    return DATA_TYPES[name] if name else STRING


def fits(given: pa.Field, wanted: pa.Field) -> bool:
    """Return whether the values of one column can be brought to the type of another without being altered.

    Args:
        given: The column as a file has it: no text is a number, and no number a date.
        wanted: The column as its table has it; an id is sent as text, whatever its type.
    """
    kind, own = column_of(wanted).data_type, _data_type(given.type)
    return kind is STRING or own is kind or kinds.is_null(given.type) or {own.name, kind.name} <= _NUMBERS


def cast(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Bring columns that fit to the types of their table.

    Args:
        rows: The rows of a file.
        schema: The wanted types, of these columns and maybe of others.

    Returns:
        The rows; ids are left as they are, since each of their digits counts.

    Raises:
        pa.ArrowException: A value does not fit.
    """
    arrays = [
        array if name in IDENTITIES or array.type == schema.field(name).type else array.cast(schema.field(name).type)
        for name, array in zip(rows.schema.names, rows.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=rows.schema.names) if arrays else rows


def read_values(array: pa.Array, column: Column) -> tuple[Sequence[Any], list[int]]:
    """Return the values of a column.

    Args:
        array: The values in Arrow.
        column: The column.

    Returns:
        The values, None for absent ones and for those that do not fit, and the positions of those that do not fit.
    """
    arrow_type = array.type
    if kinds.is_dictionary(arrow_type):
        array = array.dictionary_decode()
        arrow_type = array.type
    if kinds.is_timestamp(arrow_type):
        # Finer than microseconds is finer than Python's own; the others can be read as well that way.
        array = array.cast(pa.timestamp("us", arrow_type.tz), safe=False)
    elif kinds.is_time(arrow_type):
        array = array.cast(pa.time64("us"), safe=False)
    values = array.to_pylist()
    if column.data_type is STRING:
        return _texts(values, is_text=any(is_text(arrow_type) for is_text in _TEXTS)), []
    if kinds.is_timestamp(arrow_type):
        return [_with_zone(value) for value in values], []
    if kinds.is_floating(arrow_type):
        return _without(values, lambda value: not math.isfinite(value))
    if kinds.is_uint64(arrow_type):
        return _without(values, lambda value: value > INT64_MAX)
    return values, []


def _texts(values: list[Any], *, is_text: bool) -> list[str | None]:
    if is_text:
        # An empty text is an absent value, as in the other sources, where the two cannot be told apart.
        return [value or None for value in values] if "" in values else values
    return [None if value is None else _as_text(value) for value in values]


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return _bytes_as_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, (int, UUID)) else msgspec.json.encode(value).decode()


def _bytes_as_text(value: bytes) -> str:
    """Return bytes as the text that they are, else as a GUID or in hexadecimal: different bytes stay different."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    is_guid = len(value) == _GUID_BYTES and not text.isprintable()
    if text and not is_guid:
        return text
    return str(UUID(bytes=value)) if len(value) == _GUID_BYTES else value.hex()


def _with_zone(value: datetime | None) -> datetime | None:
    """Return a moment with its zone; one without is in UTC."""
    return value if value is None or value.tzinfo else value.replace(tzinfo=timezone.utc)


def _without(values: list[Any], is_misfit: Callable[[Any], bool]) -> tuple[list[Any], list[int]]:
    misfits = [place for place, value in enumerate(values) if value is not None and is_misfit(value)]
    for place in misfits:
        values[place] = None
    return values, misfits
