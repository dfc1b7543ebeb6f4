"""Campaign Monitor's answers: every code and shape of the reference, and what it means here."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from audience_sdk.contact import Action, Outcome, StagedRow
from audience_sdk.destination import Batch, BatchRefusedError
from audience_sdk.errors import CixError
from audience_sdk.http import Again, Reply, again_on_faults
from target_campaign_monitor.answers import error_of, import_result, leaving_problem
from target_campaign_monitor.codes import ERRORS

ROWS = [
    StagedRow(key, key.title(), f"c{key[0]}", (0,), json.dumps({"EmailAddress": key, "Name": name}).encode())
    for key, name in (("a@example.com", "Anna Ærø"), ("b@example.com", "Bo Moe"))
]
BATCH = Batch("L1", Action.CREATE, ROWS, 0.0)


def reply(status: int, body: object = None) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def counted(new: int, existing: int, *failures: tuple[str, int]) -> dict[str, Any]:
    return {
        "FailureDetails": [{"EmailAddress": email, "Code": code, "Message": "Any text"} for email, code in failures],
        "TotalUniqueEmailsSubmitted": new + existing + len(failures),
        "TotalExistingSubscribers": existing,
        "TotalNewSubscribers": new,
        "DuplicateEmailsInSubmission": [],
    }


def partial(result: dict[str, Any]) -> Reply:
    return reply(400, {"ResultData": result, "Code": 210, "Message": "Subscriber Import had some failures"})


@pytest.mark.parametrize(("new", "existing"), [(2, 0), (1, 1), (0, 2)])
@pytest.mark.parametrize("status", [200, 201])
def test_a_whole_success_tells_how_many_were_new(status: int, new: int, existing: int) -> None:
    result = import_result(BATCH, reply(status, counted(new, existing)))
    assert (dict(result.problems), result.created) == ({}, new)


@pytest.mark.parametrize(
    ("code", "outcome", "error_code"),
    [
        (1, Outcome.REJECTED, "CIX-705"),
        (204, Outcome.SUPPRESSED, "CIX-706"),
        (205, Outcome.SUPPRESSED, "CIX-706"),
        (206, Outcome.SUPPRESSED, "CIX-706"),
        (207, Outcome.SUPPRESSED, "CIX-706"),
        (208, Outcome.SUPPRESSED, "CIX-706"),
        (220, Outcome.REJECTED, "CIX-705"),
        (221, Outcome.REJECTED, "CIX-705"),
        (214, Outcome.REJECTED, "CIX-705"),
        (215, Outcome.REJECTED, "CIX-705"),
        (-213, Outcome.REJECTED, "CIX-705"),
        (429, Outcome.DEFERRED, "CIX-407"),
        (9999, Outcome.REJECTED, "CIX-411"),
    ],
)
def test_a_partial_success_gives_the_failed_row_its_own_outcome_and_confirms_the_others(
    code: int, outcome: Outcome, error_code: str
) -> None:
    result = import_result(BATCH, partial(counted(1, 0, ("B@Example.com", code))))
    problem = result.problems["b@example.com"]
    assert result.problems.keys() == {"b@example.com"}
    assert (problem.outcome, problem.code.code) == (outcome, error_code)
    assert f"code {code}" in problem.reason
    assert "@" not in problem.reason
    assert result.created == 1


def test_a_batch_of_which_every_row_failed_is_a_result_too() -> None:
    result = import_result(BATCH, partial(counted(0, 0, ("a@example.com", 206), ("b@example.com", 1))))
    assert {key: problem.outcome for key, problem in result.problems.items()} == {
        "a@example.com": Outcome.SUPPRESSED,
        "b@example.com": Outcome.REJECTED,
    }
    assert result.created == 0


def test_a_failed_row_that_was_not_sent_is_no_outcome_of_anybody() -> None:
    with pytest.raises(CixError) as caught:
        import_result(BATCH, partial(counted(1, 0, ("stranger@example.com", 1))))
    assert caught.value.code.code == "CIX-408"
    assert "stranger" not in str(caught.value)


def test_more_new_people_than_confirmed_rows_are_never_counted() -> None:
    result = import_result(BATCH, partial(counted(7, 0, ("a@example.com", 206))))
    assert result.created == 1


def test_a_partial_success_that_does_not_tell_which_part_leaves_the_batch_in_doubt() -> None:
    with pytest.raises(CixError) as caught:
        import_result(BATCH, reply(400, {"Code": 210, "Message": "Any text"}))
    assert caught.value.code.code == "CIX-408"
    assert caught.value.in_doubt
    with pytest.raises(CixError) as caught:
        import_result(BATCH, reply(400, {"Code": 209, "Message": "Any text"}))
    assert not caught.value.in_doubt


@pytest.mark.parametrize("code", [400, 1, 204, 220])
def test_a_batch_that_was_refused_for_what_is_in_it_is_to_be_halved(code: int) -> None:
    with pytest.raises(BatchRefusedError) as caught:
        import_result(BATCH, reply(400, {"Code": code, "Message": "Fields in error: subscriber"}))
    assert caught.value.problem.code.code in {"CIX-705", "CIX-706"}


@pytest.mark.parametrize("code", [-213, 214, 215])
def test_a_wrong_consent_to_tracking_names_the_setting(code: int) -> None:
    with pytest.raises(CixError, match=r"What to do: .*`consent_to_track`") as caught:
        import_result(BATCH, reply(400, {"Code": code, "Message": "Please provide a consent to track value."}))
    assert caught.value.code.code == "CIX-408"


RUN_ENDS = {
    60: "CIX-405",
    100: "CIX-402",
    101: "CIX-404",
    102: "CIX-404",
    120: "CIX-403",
    121: "CIX-403",
    122: "CIX-403",
    403: "CIX-405",
}
REFUSED = [
    *(5, 110, 172, 176, 201, 203, 209, 210, 211, 212, 250, 251, 252, 253, 254, 255, 256, 257, 259, 261, 271, 404),
    *(601, 602, 603, 610, 800, 801, 802, 803, 980),
]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize(("code", "error_code"), [*RUN_ENDS.items(), *((code, "CIX-408") for code in REFUSED)])
def test_a_code_ends_the_run_with_the_same_error_whatever_the_status(status: int, code: int, error_code: str) -> None:
    answer = reply(status, {"Code": code, "Message": "Any text"})
    with pytest.raises(CixError) as caught:
        import_result(BATCH, answer)
    assert caught.value.code.code == error_code
    assert error_of(answer, "List L1").code.code == error_code
    assert "List L1" in str(error_of(answer, "List L1"))
    assert f"code {code}" in str(error_of(answer, "List L1"))


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_code_of_the_reference_is_told_in_words(code: int) -> None:
    error = error_of(reply(400, {"Code": code, "Message": "Any text"}), "List L1")
    assert error.code.code in {"CIX-401", "CIX-402", "CIX-403", "CIX-404", "CIX-405", "CIX-407", "CIX-408"}
    assert "Any text" not in error.message


def test_the_codes_of_the_reference_are_all_known() -> None:
    documented = {
        1,
        5,
        60,
        *range(100, 103),
        110,
        *range(120, 123),
        172,
        176,
        201,
        *range(203, 213),
        214,
        215,
        220,
        221,
    }
    documented |= {*range(250, 258), 259, 261, *range(271, 288), 400, 403, 404, 429, 500, 601, 602, 603, 610}
    documented |= {800, 801, 802, 803, 980, -213}
    assert ERRORS.keys() == documented


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((400, body) for body in (b"", b" ", b"<html>Bad Gateway</html>", b'"a text"', b"[]", b"null", b"{}")),
        *((200, body) for body in (b"", b"<html>Sign in</html>", b"[]", b"{}", b'{"FailureDetails":[]}', b'"done"')),
        (400, {"Code": 50, "Message": "Something new about Anna Ærø <anna@example.com>"}),
        (401, {"Code": 9999, "Message": "Bo Moe may not"}),
        (401, b"<html>Proxy of Anna</html>"),
        (201, {"Code": 9999, "Message": "Queued for a@example.com", "Name": "Anna"}),
    ],
)
def test_an_answer_that_nobody_knows_is_never_success_and_is_kept_without_personal_data(
    status: int, body: object
) -> None:
    with pytest.raises(CixError) as caught:
        import_result(BATCH, reply(status, body))
    assert caught.value.code.code == "CIX-411"
    assert caught.value.in_doubt, "what was not understood may have been carried out"
    assert f"HTTP {status}" in caught.value.message
    assert not re.search("@|Anna|Ærø|Moe", caught.value.message)


def test_a_row_that_fails_for_an_unknown_reason_is_told_with_it_and_without_its_values() -> None:
    answer = counted(1, 0)
    failure = {"EmailAddress": "b@example.com", "Code": 4711, "Message": "Moe at 'B@example.com' is not wanted"}
    problem = import_result(BATCH, partial({**answer, "FailureDetails": [failure]})).problems["b@example.com"]
    assert (problem.outcome, problem.code.code) == (Outcome.REJECTED, "CIX-411")
    assert problem.reason == "Import of a row: <sent> at <address> is not wanted (code 4711)."


def test_counts_that_do_not_add_up_and_addresses_that_are_taken_for_one_are_warned_of() -> None:
    odd = import_result(BATCH, reply(201, counted(1, 2)))
    merged = import_result(BATCH, reply(201, {**counted(1, 0), "DuplicateEmailsInSubmission": ["a@example.com"]}))
    assert [dict(each.problems) for each in (odd, merged)] == [{}, {}]
    assert ["add up" in text for text in odd.warnings] == [True]
    assert ["for the same" in text for text in merged.warnings] == [True]


def test_a_code_210_without_its_result_confirms_nothing() -> None:
    with pytest.raises(CixError) as caught:
        import_result(BATCH, reply(400, {"Code": 210, "Message": "Subscriber Import had some failures"}))
    assert caught.value.code.code == "CIX-408"


@pytest.mark.parametrize(
    ("status", "again"),
    [
        (200, None),
        (201, None),
        (400, None),
        (401, None),
        (403, None),
        (404, None),
        (429, Again.THROTTLED),
        (500, Again.FAULT),
        (502, Again.FAULT),
        (503, Again.FAULT),
        (504, Again.FAULT),
    ],
)
def test_only_a_throttle_and_a_fault_of_the_platform_are_worth_a_retry(status: int, again: Again | None) -> None:
    assert again_on_faults(reply(status, {"Code": status, "Message": "Any text"})) is again


@pytest.mark.parametrize(("status", "body"), [(200, b""), (200, None), (400, {"Code": 203, "Message": "Not in list"})])
def test_whoever_is_not_on_the_list_has_left_it(status: int, body: object) -> None:
    assert leaving_problem(ROWS[0], reply(status, body)) is None


@pytest.mark.parametrize(
    ("code", "error_code", "outcome"),
    [
        *((code, "CIX-707", Outcome.REJECTED) for code in (1, 204, 250)),
        # Whether it was done all the same is not known.
        (9999, "CIX-411", Outcome.FAILED),
    ],
)
def test_a_person_who_cannot_be_taken_off_is_no_failed_run(code: int, error_code: str, outcome: Outcome) -> None:
    problem = leaving_problem(ROWS[0], reply(400, {"Code": code, "Message": "No: a@example.com"}))
    assert problem is not None
    assert (problem.outcome, problem.code.code) == (outcome, error_code)
    assert "@" not in problem.reason


@pytest.mark.parametrize(
    "answer", [reply(200, b"<html>Sign in</html>"), reply(302), reply(400, b""), reply(204, b"<p>")]
)
def test_an_odd_answer_is_not_taken_for_a_person_who_has_left(answer: Reply) -> None:
    problem = leaving_problem(ROWS[0], answer)
    assert problem is not None
    assert (problem.outcome, problem.code.code) == (Outcome.FAILED, "CIX-411")


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(("code", "error_code"), RUN_ENDS.items())
def test_lost_credentials_end_the_run_while_people_are_taken_off(status: int, code: int, error_code: str) -> None:
    with pytest.raises(CixError) as caught:
        leaving_problem(ROWS[0], reply(status, {"Code": code, "Message": "Any text"}))
    assert caught.value.code.code == error_code
