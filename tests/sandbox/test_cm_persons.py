"""Campaign Monitor: quick checks answer as the patterns that say what is right."""

from __future__ import annotations

import re

from cix_sandbox.campaign_monitor.persons import MAX_EMAIL, valid_email
from cix_sandbox.campaign_monitor.values import NUMBER, Field, ValueRules, read_value
from hypothesis import example, given
from hypothesis import strategies as st

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_RULES = ValueRules(truncate=True, blank_clears=True)
_POINTS = Field("1", "Points", "[Points]", NUMBER, (), visible=True)


@given(st.text("ab.@ \t\n\x1f\x85\xa0\u2028é", max_size=12) | st.text())
@example("")
@example("@example.com")
@example("a@b@example.com")
@example(" a@example.com")
@example("a @example.com")
@example("a\n@example.com")
@example("..a..@example.com")
@example("a@.example.com")
@example("a@example..com")
@example("a@example.com.")
@example("a@exa mple.com")
@example("a" * (MAX_EMAIL - len("@example.com")) + "@example.com")
@example("a" * (MAX_EMAIL - len("@example.com") + 1) + "@example.com")
def test_an_address_is_one_at_between_a_mailbox_and_a_dotted_domain_without_blanks(email: str) -> None:
    assert valid_email(email) == (len(email) <= MAX_EMAIL and _EMAIL.fullmatch(email) is not None)


@given(st.text("0127.+-e ٣²", max_size=6) | st.integers().map(str) | st.floats().map(str))
@example("")
@example("²")
@example("٣")
@example("\uff11\uff12")
def test_a_number_is_digits_with_a_sign_and_a_point_at_most(text: str) -> None:
    wanted = text.strip() if _NUMBER.fullmatch(text.strip()) else None
    assert read_value(_POINTS, text, _RULES) == wanted
