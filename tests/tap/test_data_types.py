"""Each data type of the Common Data Model: what its texts become, and what does not fit."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR
from tap_cix_segments.data_types import DATA_TYPES, INT64_MAX, INT64_MIN, read_column

UTC = timezone.utc
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def read(name: str, *texts: str) -> list[Any]:
    """Read texts that fit."""
    values, misfits = read_column(texts, DATA_TYPES[name])
    assert misfits == []
    return list(values)


def assert_valid(name: str, values: list[Any]) -> None:
    """The values, as they are sent, validate against the schema of the type."""
    schema = DATA_TYPES[name].schema
    validator = DEFAULT_JSONSCHEMA_VALIDATOR(schema, format_checker=DEFAULT_JSONSCHEMA_VALIDATOR.FORMAT_CHECKER)
    for value in json.loads(_ENCODER.encode(values)):
        validator.validate(value)


@pytest.mark.parametrize("name", sorted(DATA_TYPES))
def test_empty_text_is_an_absent_value_in_every_type(name: str) -> None:
    assert read(name, "", "") == [None, None]
    assert_valid(name, [None])


@pytest.mark.parametrize("name", ["string", "unclassified", "guid", "json"])
@given(texts=st.lists(st.text(min_size=1)))
def test_text_is_never_altered(name: str, texts: list[str]) -> None:
    assert read(name, *texts) == texts


@given(numbers=st.lists(st.integers(INT64_MIN, INT64_MAX)))
def test_int64_round_trip(numbers: list[int]) -> None:
    assert read("int64", *map(str, numbers)) == numbers
    assert_valid("int64", list(numbers))


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_double_round_trip(numbers: list[float]) -> None:
    assert read("double", *map(repr, numbers)) == numbers
    assert_valid("double", list(numbers))


@given(
    numbers=st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14)
    )
)
def test_decimal_keeps_every_digit_until_it_is_sent(numbers: list[Decimal]) -> None:
    texts = [str(number) for number in numbers]
    values = read("decimal", *texts)
    assert [str(value) for value in json.loads(_ENCODER.encode(values), parse_float=Decimal)] == texts
    assert_valid("decimal", values)


@given(moments=st.lists(st.datetimes(timezones=st.just(UTC))))
def test_datetime_round_trip(moments: list[datetime]) -> None:
    assert read("datetime", *(moment.isoformat().replace("+00:00", "Z") for moment in moments)) == moments
    assert read("datetime", *(moment.replace(tzinfo=None).isoformat(sep=" ") for moment in moments)) == moments
    assert_valid("datetime", list(moments))


@given(days=st.lists(st.dates()))
def test_date_round_trip(days: list[date]) -> None:
    assert read("date", *(day.isoformat() for day in days)) == days
    assert_valid("date", list(days))


@given(times=st.lists(st.times()))
def test_time_round_trip(times: list[time]) -> None:
    assert read("time", *(moment.isoformat() for moment in times)) == times
    assert_valid("time", list(times))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("boolean", "true", True),
        ("boolean", "False", False),
        ("boolean", "1", True),
        ("int64", " 12 ", 12),
        ("int64", "  ", None),
        ("decimal", "1E2", Decimal("1E2")),
        ("date", "2026-03-01T00:00:00.0000000Z", date(2026, 3, 1)),
        ("datetime", "2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("datetime", "9999-12-31T23:59:59.9999999", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        (
            "datetimeoffset",
            "2020-03-13 09:49:00-08:00",
            datetime(2020, 3, 13, 9, 49, tzinfo=timezone(timedelta(hours=-8))),
        ),
    ],
)
def test_variants_of_writing(name: str, text: str, value: Any) -> None:
    assert read(name, text) == [value]
    assert_valid(name, [value])


def test_offset_of_a_datetimeoffset_is_kept() -> None:
    [moment] = read("datetimeoffset", "2020-03-13 09:49:00-08:00")
    assert json.loads(_ENCODER.encode(moment)) == "2020-03-13T09:49:00-08:00"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("int64", text) for text in ("many", "1.5", "1_000", "1,000", "9223372036854775808", "0x10", "٣")),
        *(("double", text) for text in ("NaN", "inf", "-Infinity", "1,5", "1e999", "1_0", "a")),
        *(("decimal", text) for text in ("NaN", "Infinity", "1,5", "1_0", "1e999999", "ten")),
        *(("boolean", text) for text in ("yes", "2", "on")),
        *(("date", text) for text in ("2026-02-30", "3/1/2026", "2026-03-01T12:00:00Z", "20260301")),
        *(("time", text) for text in ("25:00:00", "noon")),
        *(("datetime", text) for text in ("2026-02-30T00:00:00Z", "yesterday", "1700000000", "2026-03-01T25:00:00Z")),
    ],
)
def test_value_that_does_not_fit_becomes_null_and_its_position_is_told(name: str, text: str) -> None:
    good = {"int64": "7", "double": "7.5", "decimal": "7.5", "boolean": "true", "time": "07:00:00"}
    fits = good.get(name, "2026-03-01" if name == "date" else "2026-03-01T00:00:00Z")
    values, misfits = read_column([fits, text, "", fits], DATA_TYPES[name])
    assert misfits == [1]
    assert values[1] is values[2] is None
    assert values[0] == values[3] == read(name, fits)[0]


@given(texts=st.lists(st.text()), name=st.sampled_from(sorted(DATA_TYPES)))
def test_no_text_can_break_the_reading_or_the_schema(texts: list[str], name: str) -> None:
    values, misfits = read_column(texts, DATA_TYPES[name])
    assert len(values) == len(texts)
    assert all(values[misfit] is None for misfit in misfits)
    assert_valid(name, list(values))
