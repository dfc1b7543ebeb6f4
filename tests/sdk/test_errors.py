"""Every code that a user can meet has a meaning and an action, and means one thing only."""

from __future__ import annotations

import re

import pytest
from audience_sdk import errors
from audience_sdk.errors import (
    JOB_UNFINISHED,
    QUOTA_SPENT,
    ROWS_DEFERRED,
    SKIPPED_BUT_NEEDED,
    THROTTLED,
    UNEXPECTED,
    CixError,
    ErrorCode,
    all_codes,
)

NAMED = {name: value for name, value in vars(errors).items() if isinstance(value, ErrorCode)}


def test_every_code_is_registered_once_and_has_one_name() -> None:
    codes = [entry.code for entry in all_codes()]

    assert codes == sorted(set(codes))
    assert sorted(entry.code for entry in NAMED.values()) == codes


@pytest.mark.parametrize("entry", all_codes(), ids=lambda entry: entry.code)
def test_a_code_has_a_number_a_meaning_and_an_action_in_whole_sentences(entry: ErrorCode) -> None:
    assert re.fullmatch(r"CIX-[1-9]\d\d", entry.code)
    for text in (entry.meaning, entry.action):
        assert re.fullmatch(r"([A-Z`]|model\.json ).*[.`]", text)


@pytest.mark.parametrize("entry", all_codes(), ids=lambda entry: entry.code)
def test_no_text_holds_a_gap_for_somebody_to_fill(entry: ErrorCode) -> None:
    assert not re.search(r"<\w+>", entry.meaning + entry.action)


def test_a_code_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="CIX-101"):
        errors._register(101, "Something else.", "Something else.")


def test_an_error_is_shown_in_one_line_with_code_and_action() -> None:
    assert str(CixError(UNEXPECTED, "It broke.")) == f"CIX-901: It broke. What to do: {UNEXPECTED.action}"
    assert str(CixError(UNEXPECTED, "It broke.", "Run.")) == "CIX-901: It broke. What to do: Run."


def test_the_exit_code_tells_whether_only_a_later_run_is_needed() -> None:
    later = {entry for entry in all_codes() if CixError(entry, "").exit_code == 75}

    assert later == {ROWS_DEFERRED, QUOTA_SPENT, THROTTLED, JOB_UNFINISHED, SKIPPED_BUT_NEEDED}
    assert {CixError(entry, "").exit_code for entry in all_codes()} == {1, 75}
