"""Constant Contact's answers: every shape and key of the reference, and what it means here."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from audience_sdk.contact import Action, Outcome, StagedRow
from audience_sdk.destination import Batch, BatchRefusedError, BatchResult, BrokenOffError, Job
from audience_sdk.errors import CixError
from audience_sdk.http import Again, Reply
from target_constant_contact.answers import TERMINAL_STATES, again, all_landed, error_key, error_of, list_error
from target_constant_contact.connection import token_url_of
from target_constant_contact.destination import ConstantContact
from target_constant_contact.paging import pages

ARRAY = [{"error_key": "contacts.api.validation.error", "error_message": "limit does not have a valid value"}]
UNAUTHORIZED = {"error_key": "unauthorized", "error_message": "Unauthorized"}
THROTTLED = {"error_key": "throttled", "error_message": "Too Many Requests"}
QUOTA = {"error_key": "quota_exceeded", "error_message": "Limit Exceeded"}
QUEUE = {"error_key": "queue_full", "error_message": "There are too many queued activities."}
GATEWAY = {"message": "Forbidden"}
TOKEN = {"error": "invalid_grant", "error_description": "The refresh token is invalid or expired."}


def reply(status: int, body: object = None) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (ARRAY, "contacts.api.validation.error"),
        ([UNAUTHORIZED, *ARRAY], "unauthorized"),
        (UNAUTHORIZED, "unauthorized"),
        (GATEWAY, ""),
        (TOKEN, ""),
        ([], ""),
        (["text"], ""),
        ({}, ""),
        (None, ""),
        (b"<html>CloudFront</html>", ""),
        (b"", ""),
    ],
)
def test_the_key_is_read_out_of_an_array_an_object_and_what_is_not_json(body: object, key: str) -> None:
    assert error_key(reply(500, body)) == key


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (429, THROTTLED, Again.THROTTLED),
        (429, [THROTTLED], Again.THROTTLED),
        (429, QUEUE, None),
        (429, b"", Again.THROTTLED),
        (429, QUOTA, None),
        (429, [QUOTA], None),
        (500, ARRAY, Again.FAULT),
        (503, b"<html>", Again.FAULT),
        (400, ARRAY, None),
        (401, UNAUTHORIZED, None),
        (403, GATEWAY, None),
        (404, ARRAY, None),
        (409, ARRAY, None),
        (415, ARRAY, None),
        (200, {}, None),
    ],
)
def test_a_throttle_and_a_fault_are_worth_a_retry_a_spent_quota_and_a_full_queue_take_longer(
    status: int, body: object, why: Again | None
) -> None:
    assert again(reply(status, body)) is why


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, UNAUTHORIZED, "CIX-403"),
        (403, [{"error_key": "forbidden", "error_message": "Forbidden"}], "CIX-405"),
        (403, GATEWAY, "CIX-405"),
        (403, b"<html>", "CIX-405"),
        (429, QUOTA, "CIX-406"),
        (429, QUEUE, "CIX-407"),
        (418, {"error_key": "teapot"}, "CIX-411"),
        (302, b"", "CIX-411"),
        (400, ARRAY, "CIX-408"),
        (404, [{"error_key": "contacts.api.not_found", "error_message": "x"}], "CIX-408"),
        (405, ARRAY, "CIX-408"),
        (409, [{"error_key": "contacts.api.conflict", "error_message": "x"}], "CIX-408"),
        (413, {"message": "Request Too Long"}, "CIX-408"),
        (415, ARRAY, "CIX-408"),
    ],
)
def test_a_refusal_is_named_by_its_code_and_by_what_was_asked_for(status: int, body: object, code: str) -> None:
    error = error_of(reply(status, body), "Import")
    assert error.code.code == code
    assert error.message.startswith("Import")


def test_a_spent_quota_says_when_it_resets_and_ends_with_the_code_for_later() -> None:
    error = error_of(reply(429, QUOTA), "Import")
    assert "00:00 UTC" in error.message
    assert error.exit_code == 75


def test_a_missing_permission_names_the_scopes() -> None:
    assert "`contact_data`" in error_of(reply(403, GATEWAY), "Import").action


@pytest.mark.parametrize(
    ("status", "code"), [(404, "CIX-404"), (400, "CIX-404"), (401, "CIX-403"), (403, "CIX-405"), (500, "CIX-411")]
)
def test_a_list_that_is_not_there_is_an_unknown_list(status: int, code: str) -> None:
    error = list_error(reply(status, ARRAY), "L1")
    assert error.code.code == code
    assert "L1" in error.message


@pytest.mark.parametrize(
    ("activity", "landed"),
    [
        ({"status": {"items_total_count": 3, "person_count": 2, "error_count": 0}}, True),
        ({"status": {"person_count": 2, "cannot_add_to_list_count": 0}, "activity_errors": []}, True),
        ({"status": {}}, False),
        ({}, False),
        ({"status": None, "activity_errors": None}, False),
        ({"status": {"person_count": "2"}}, False),
        ({"status": {"person_count": 1}}, False),
        ({"status": {"person_count": 2, "error_count": 1}}, False),
        ({"status": {"person_count": 2, "correctable_count": 1}}, False),
        ({"status": {"person_count": 2, "cannot_add_to_list_count": 1}}, False),
        ({"status": {"person_count": 2}, "activity_errors": ["Line 2: Invalid birthday"]}, False),
        ({"status": {"person_count": 2}, "activity_errors": [{"message": "Line 2"}]}, False),
    ],
)
def test_completed_means_that_all_rows_landed_only_if_no_counter_says_otherwise(
    activity: dict[str, Any],
    landed: bool,
) -> None:
    assert all_landed({"state": "completed", **activity}, 2) is landed


class Scripted:
    """An API that answers what it is told, in that order, and keeps what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.stop = threading.Event()

    def call(self, method: str, path: str, **options: Any) -> Reply:
        self.asked.append((method, path, options.get("params") or {}))
        return self.replies.pop(0)


BATCH = Batch("L1", Action.CREATE, [StagedRow("a@example.com", "a@example.com", "c1", (0,), b"{}")], 0.0)


@pytest.mark.parametrize("state", ["failed", "timed_out", "time_out", "cancelled", "lost"])
def test_an_activity_that_ends_in_any_other_way_than_completed_confirms_nothing(state: str) -> None:
    assert state in TERMINAL_STATES
    with pytest.raises(CixError, match=f"job-1 ended as `{state}`") as caught:
        ConstantContact(Scripted(), 60).settle(BATCH, {"activity_id": "job-1", "state": state})
    assert caught.value.code.code == "CIX-410"


def test_a_completed_activity_with_clean_counters_confirms_every_row_without_a_further_request() -> None:
    api = Scripted()
    answer = {"activity_id": "job-1", "state": "completed", "status": {"person_count": 1}}
    assert ConstantContact(api, 60).settle(BATCH, answer) == BatchResult(warnings=[])
    assert api.asked == []


@pytest.mark.parametrize("state", ["initialized", "processing", "some_new_state"])
def test_an_activity_in_any_other_state_is_waited_for(state: str) -> None:
    api = Scripted(reply(200, {"activities": [{"activity_id": "job-1", "state": state}]}))
    assert ConstantContact(api, 60).poll(["job-1"]) == {}


def test_one_listing_polls_all_jobs_and_only_one_that_it_lacks_is_asked_for_by_its_own_id() -> None:
    # The links of a listing point at another activity, as observed.
    listed = [
        {"activity_id": "job-2", "state": "completed", "_links": {"self": {"href": "/v3/activities/job-9"}}},
        {"activity_id": "job-9", "state": "completed"},
    ]
    api = Scripted(
        reply(200, {"activities": listed}),
        reply(404, [{"error_key": "contacts.api.not_found", "error_message": "x"}]),
    )
    answers = ConstantContact(api, 60).poll(["job-1", "job-2"])
    assert {job: answer["state"] for job, answer in answers.items()} == {"job-1": "lost", "job-2": "completed"}
    assert [path for _, path, _ in api.asked] == ["/activities", "/activities/job-1"]


def test_a_refused_import_is_to_be_halved() -> None:
    with pytest.raises(BatchRefusedError) as caught:
        ConstantContact(Scripted(reply(200, {"activities": []}), reply(400, ARRAY)), 60).send(BATCH)
    assert caught.value.problem.outcome is Outcome.REJECTED


@pytest.mark.parametrize("last", [{}, {"_links": None}, {"_links": {}}, {"_links": {"next": None}}])
def test_a_listing_is_read_to_the_page_without_a_link_and_its_links_never_lead_elsewhere(last: dict[str, Any]) -> None:
    href = "/elsewhere/v4/contacts?cursor=bGltaXQ9NQ%3D%3D"
    api = Scripted(
        reply(200, {"contacts": [{"n": 1}], "_links": {"next": {"href": href}}}),
        reply(200, {"contacts": [{"n": 2}], **last}),
    )
    assert list(pages(api, "/contacts", "contacts", {"limit": 5})) == [{"n": 1}, {"n": 2}]
    assert api.asked == [("GET", "/contacts", {"limit": 5}), ("GET", "/contacts", {"cursor": "bGltaXQ9NQ=="})]


LEAVERS = Batch("L1", Action.REMOVE, [StagedRow(e, e, e, (0,), b"") for e in ("a@example.com", "b@example.com")], 0.0)


def found(email: str, *lists: str) -> Reply:
    contact = {"contact_id": email, "email_address": {"address": email}, "list_memberships": lists}
    return reply(200, {"contacts": [contact]})


@pytest.mark.parametrize(
    "ending",
    [
        {"status": {"items_total_count": 2, "items_completed_count": 1}},
        {"status": {"items_total_count": 2, "items_completed_count": 2}, "activity_errors": ["Line 2: x"]},
    ],
)
def test_a_removal_that_does_not_say_that_everybody_has_left_is_looked_into(ending: dict[str, Any]) -> None:
    api = Scripted(found("a@example.com", "L1"), found("b@example.com"))
    answer = {"activity_id": "job-1", "state": "completed", **ending}
    result = ConstantContact(api, 60).settle(LEAVERS, answer)
    assert {email: problem.outcome for email, problem in result.problems.items()} == {"a@example.com": Outcome.REJECTED}


@pytest.mark.parametrize("status", [{"items_total_count": 2, "items_completed_count": 2}, {"items_total_count": 2}, {}])
def test_a_removal_that_says_nothing_else_is_done(status: dict[str, int]) -> None:
    answer = {"activity_id": "job-1", "state": "completed", "status": status, "activity_errors": []}
    on_list = [found(row.email_key, "L1") for row in LEAVERS.rows]
    begin = [reply(200, {"activities": []}), reply(201, {"activity_id": "job-1"})]
    api = Scripted(*on_list, *begin)
    destination = ConstantContact(api, 60)
    leavers = destination.look_up(LEAVERS)
    assert (leavers.absent, leavers.unknown) == ([], [])
    assert destination.send(replace(LEAVERS, rows=leavers.rows)) == Job("job-1")
    assert destination.settle(LEAVERS, answer).problems == {}
    assert api.replies == []


def test_unsubscribing_that_breaks_off_says_who_is_unsubscribed_and_who_had_left() -> None:
    """Else the next run would take them for people who left by their own act."""
    for replies, asked, absent in (
        ([found("a@example.com", "L1"), reply(200, {}), reply(400, ARRAY)], ["a@example.com"], []),
        ([found("a@example.com"), reply(400, ARRAY)], [], ["a@example.com"]),
    ):
        with pytest.raises(BrokenOffError) as caught:
            ConstantContact(Scripted(*replies), 60).unsubscribe(LEAVERS)
        assert (caught.value.asked, caught.value.leavers.absent) == (asked, absent)


def test_looking_people_up_ends_when_the_run_is_stopped() -> None:
    api = Scripted()
    api.stop.set()
    with pytest.raises(CixError) as caught:
        ConstantContact(api, 60).look_up(LEAVERS)
    assert (caught.value.code.code, api.asked) == ("CIX-604", [])


@pytest.mark.parametrize("refusal", [reply(403, UNAUTHORIZED), reply(400, ARRAY)])
@pytest.mark.parametrize("batch", [BATCH, LEAVERS], ids=["import", "removal"])
def test_an_order_that_is_refused_after_an_answer_was_lost_is_in_doubt(batch: Batch, refusal: Reply) -> None:
    api = Scripted(reply(200, {"activities": []}), replace(refusal, repeated=True))
    with pytest.raises(CixError) as caught:
        ConstantContact(api, 60).send(batch)
    assert caught.value.in_doubt


def test_an_order_that_meets_a_full_queue_after_an_answer_was_lost_is_in_doubt() -> None:
    api = Scripted(reply(200, {"activities": []}), replace(reply(429, QUEUE), repeated=True))
    with pytest.raises(CixError) as caught:
        ConstantContact(api, 0).send(BATCH)
    assert caught.value.in_doubt


def test_what_may_be_a_lost_order_is_young_unfinished_and_of_a_kind_of_ours() -> None:
    def activity(number: int, state: str = "processing", **status: int) -> dict[str, Any]:
        created_at = "2026-11-22T10:00:00Z" if number else "2026-11-22T08:00:00Z"
        return {"activity_id": f"a{number}", "state": state, "created_at": created_at, "status": status}

    listed = [
        *(activity(0), activity(1, person_count=2), activity(2, list_count=1), activity(3)),
        *(activity(4, items_total_count=9), activity(5, "completed", person_count=2)),
    ]
    api = Scripted(reply(200, {"activities": listed}))
    since = datetime(2026, 11, 22, 9, 30, tzinfo=timezone.utc).timestamp()
    assert ConstantContact(api, 60).unfinished(since) == {"a1", "a2", "a3"}


def test_a_removal_of_an_earlier_process_is_looked_into_whatever_it_says() -> None:
    """Its activity may have been found after a lost answer, and be somebody else's."""
    status = {"items_total_count": 2, "items_completed_count": 2}
    answer = {"activity_id": "job-1", "state": "completed", "status": status, "activity_errors": []}
    api = Scripted(found("a@example.com", "L1"), found("b@example.com"))
    assert set(ConstantContact(api, 60).settle(LEAVERS, answer).problems) == {"a@example.com"}


@pytest.mark.parametrize("body", [b"<html>all well</html>", b"[1]", b""])
def test_a_listing_that_is_none_is_an_unknown_answer_and_not_an_empty_one(body: bytes) -> None:
    with pytest.raises(CixError) as caught:
        list(pages(Scripted(Reply(200, {}, body)), "/contacts", "contacts", {"limit": 5}))
    assert caught.value.code.code == "CIX-411"
    with pytest.raises(CixError) as caught:
        ConstantContact(Scripted(Reply(200, {}, body)), 60).poll(["job-1"])
    assert caught.value.code.code == "CIX-411"


@pytest.mark.parametrize(
    ("api_url", "token_url"),
    [
        ("https://api.cc.email/v3", "https://authz.constantcontact.com/oauth2/default/v1/token"),
        ("http://127.0.0.1:8765/constantcontact/v3", "http://127.0.0.1:8765/constantcontact/oauth2/default/v1/token"),
        ("http://127.0.0.1:8765/constantcontact/v3/", "http://127.0.0.1:8765/constantcontact/oauth2/default/v1/token"),
    ],
)
def test_the_token_endpoint_goes_with_the_api(api_url: str, token_url: str) -> None:
    assert token_url_of(api_url) == token_url
