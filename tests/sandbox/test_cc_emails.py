"""Constant Contact: quick checks answer as the patterns that say what is right."""

from __future__ import annotations

import re

import pytest
from cix_sandbox.constant_contact.field_rules import Field
from cix_sandbox.constant_contact.import_rows import is_email
from hypothesis import example, given
from hypothesis import strategies as st

_LONGEST = 80
_EMAIL = re.compile(r"[^\s@,;:()<>\[\]\\\"]+@(?:[^\s@,;:()<>\[\]\\\".]+\.)+[^\W\d_]{2,}")
_NUMBER = re.compile(r"-?\d+(?:\.(?P<decimals>\d+))?")


@given(st.text('ab1.@ ,<"_-é\t\n\xa0', max_size=12) | st.text() | st.emails())
@example("")
@example("@example.com")
@example("...@example.com")
@example("a@b@example.com")
@example("a b@example.com")
@example("a,b@example.com")
@example("o'brien+1@example.com")
@example("\uff11\u00e9@example.com")
@example("a@example.c")
@example("a@example.c0m")
@example("a@-.com")
@example("a@.com")
@example("a@example..com")
@example("a" * (_LONGEST - len("@example.com")) + "@example.com")
@example("a" * (_LONGEST - len("@example.com") + 1) + "@example.com")
def test_an_address_is_a_mailbox_and_a_full_domain_without_refused_characters(text: str) -> None:
    assert is_email(text, _LONGEST) == (len(text) <= _LONGEST and _EMAIL.fullmatch(text) is not None)


@pytest.mark.parametrize("places", [{}, {"integer": True}, {"integer": False, "decimal_places": 2}])
def test_a_number_is_digits_with_as_many_decimals_as_the_field_has(places: dict[str, object]) -> None:
    field = Field(1, "", "Points", "points", "number", {"allow_negative": True, **places})
    most = 0 if places.get("integer") else places.get("decimal_places", 99)

    @given(st.text("0127.+- ٣²", max_size=6) | st.integers().map(str) | st.floats().map(str))
    @example("")
    @example("²")
    @example("\uff11\uff12")
    @example("1.25")
    @example("1.255")
    def check(text: str) -> None:
        match = _NUMBER.fullmatch(text)
        assert field.takes(text) == (match is not None and len(match["decimals"] or "") <= int(str(most)))

    check()
