"""A value is made to fit the platform's field, or left out, and every change is named without the value."""

from __future__ import annotations

from datetime import date

import pytest
from audience_sdk.fitting import fit_choices, fit_date, fit_length, fit_number
from hypothesis import given, settings
from hypothesis import strategies as st

MODERATE = settings(max_examples=100, deadline=None)


@MODERATE
@given(st.text(max_size=30), st.integers(min_value=0, max_value=30))
def test_a_text_is_cut_to_the_length_and_only_then_warned_about(text: str, limit: int) -> None:
    warnings: list[str] = []

    assert fit_length("Note", text, limit, warnings) == text[:limit]
    assert warnings == ([f"`Note`: cut to {limit} characters."] if len(text) > limit else [])


@MODERATE
@given(st.one_of(st.integers().map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr)))
def test_every_decimal_number_passes_as_it_is(text: str) -> None:
    warnings: list[str] = []

    assert fit_number("Points", text, warnings) == text
    assert warnings == []


@pytest.mark.parametrize(
    "text", ["", "abc", "1,5", "1 000", "NaN", "Infinity", "0x10", "1e", "--1", "1.2.3", ".", "\u0661\u0662"]
)
def test_what_is_no_number_is_left_empty_with_a_warning(text: str) -> None:
    warnings: list[str] = []

    assert fit_number("Points", text, warnings) == ""
    assert warnings == ["`Points`: left empty, the value is no number."]


@MODERATE
@given(st.dates(), st.sampled_from(["", "T23:59:59Z", "T00:00:00+13:00", " 12:30:00"]))
def test_the_day_of_a_date_is_taken_as_it_is_written(day: date, time: str) -> None:
    warnings: list[str] = []

    assert fit_date("Birthday", f"{day.isoformat()}{time}", warnings) == day
    assert warnings == []


@pytest.mark.parametrize(
    "text", ["", "31/12/2020", "2020-02-30", "soon", "2020-1-1", "2020-01-01 or so", "2020-01-015", "\u0662020-01-01"]
)
def test_what_is_no_date_is_left_empty_with_a_warning(text: str) -> None:
    warnings: list[str] = []

    assert fit_date("Birthday", text, warnings) is None
    assert warnings == ["`Birthday`: left empty, the value is no date."]


OPTIONS = ("Red", "Dark Blue", "Green, light")


@pytest.mark.parametrize(
    ("text", "chosen", "warned"),
    [
        ("red", ["Red"], False),
        ("RED; dark blue", ["Red", "Dark Blue"], False),
        ("red,dark blue,", ["Red", "Dark Blue"], False),
        ("green, light", ["Green, light"], False),
        ("red, mauve", ["Red"], True),
        ("mauve", [], True),
    ],
)
def test_options_are_found_in_any_case_and_strangers_are_left_out_with_a_warning(
    text: str, chosen: list[str], warned: bool
) -> None:
    warnings: list[str] = []

    assert fit_choices("Colour", text, OPTIONS, warnings) == chosen
    assert warnings == (["`Colour`: a value that is not among the field's options was left out."] if warned else [])


@MODERATE
@given(st.text(min_size=12, max_size=20))
def test_no_warning_quotes_a_value(text: str) -> None:
    warnings: list[str] = []
    fit_length("A", text, 3, warnings)
    fit_number("A", text, warnings)
    fit_date("A", text, warnings)
    fit_choices("A", text, OPTIONS, warnings)

    assert not any(text in warning for warning in warnings)


def test_the_furthest_dates_pass() -> None:
    warnings: list[str] = []

    assert fit_date("Birthday", "0001-01-01", warnings) == date.min
    assert fit_date("Birthday", "9999-12-31", warnings) == date.max
    assert warnings == []
