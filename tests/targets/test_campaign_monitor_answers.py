"""Campaign Monitor's answers: every code and shape of the reference, and what it means here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from audience_sdk.contact import Action, Outcome, StagedRow
from audience_sdk.destination import Batch, BatchRefusedError
from audience_sdk.errors import CixError
from audience_sdk.http import Again, Reply, again_on_faults
from target_campaign_monitor.answers import error_of, import_result, leaving_problem

ROWS = [StagedRow(key, key.title(), f"c{key[0]}", "S", b"{}") for key in ("a@example.com", "b@example.com")]
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
        (9999, Outcome.REJECTED, "CIX-705"),
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


@pytest.mark.parametrize(
    ("status", "code", "error_code"),
    [
        (401, 60, "CIX-405"),
        (401, 100, "CIX-402"),
        (401, 101, "CIX-404"),
        (400, 101, "CIX-404"),
        (401, 102, "CIX-404"),
        (401, 120, "CIX-403"),
        (401, 121, "CIX-403"),
        (401, 122, "CIX-403"),
        (403, 403, "CIX-405"),
        (400, 209, "CIX-408"),
        (400, 212, "CIX-408"),
        (404, 404, "CIX-408"),
        (400, 50, "CIX-408"),
    ],
)
def test_a_code_ends_the_run_with_the_same_error_wherever_it_is_answered(
    status: int, code: int, error_code: str
) -> None:
    answer = reply(status, {"Code": code, "Message": "Any text"})
    with pytest.raises(CixError) as caught:
        import_result(BATCH, answer)
    assert caught.value.code.code == error_code
    assert error_of(answer, "List L1").code.code == error_code
    assert "List L1" in str(error_of(answer, "List L1"))


@pytest.mark.parametrize("body", [b"", b" ", b"<html>Bad Gateway</html>", b'"a text"', b"[]", b"null", b"{}"])
def test_an_answer_that_is_no_error_body_is_still_a_clear_error(body: bytes) -> None:
    with pytest.raises(CixError) as caught:
        import_result(BATCH, reply(400, body))
    assert caught.value.code.code == "CIX-408"


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
    assert leaving_problem(reply(status, body)) is None


def test_a_person_who_cannot_be_taken_off_is_a_failed_row_not_a_failed_run() -> None:
    problem = leaving_problem(reply(400, {"Code": 1, "Message": "Invalid"}))
    assert problem is not None
    assert (problem.outcome, problem.code.code) == (Outcome.FAILED, "CIX-707")


def test_lost_credentials_end_the_run_while_people_are_taken_off() -> None:
    with pytest.raises(CixError) as caught:
        leaving_problem(reply(401, {"Code": 100, "Message": "Invalid API Key"}))
    assert caught.value.code.code == "CIX-402"
