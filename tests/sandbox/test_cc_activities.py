"""Constant Contact: the life of an activity."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cc_application import LIST, OTHER, OTHER_LIST, UNKNOWN_ID, Application, invalid, problem

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_ROW = {"email": "a@example.com"}


@pytest.fixture
def slow(cc: Application) -> Application:
    """The same application; activities wait 100 s and then work 100 s."""
    cc.switch(activity_queue_seconds=100, activity_work_seconds=100)
    return cc


def start(cc: Application, *rows: dict[str, Any]) -> str:
    answer = cc.post_import(*(rows or (_ROW,)))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["activity_id"])


def look(cc: Application, activity_id: str) -> dict[str, Any]:
    return dict(cc.get(f"/activities/{activity_id}").json())


def ids(answer: requests.Response) -> list[str]:
    return [activity["activity_id"] for activity in answer.json()["activities"]]


def test_an_activity_is_initialized_then_processing_then_completed(slow: Application) -> None:
    activity_id = start(slow)
    young = look(slow, activity_id)
    assert (young["state"], young["percent_done"], young["status"]) == ("initialized", 1, {})
    assert not {"started_at", "completed_at"} & set(young)
    slow.sandbox.advance(150)
    working = look(slow, activity_id)
    assert working["state"] == "processing"
    assert 40 <= working["percent_done"] <= 60
    assert _TIME.fullmatch(working["started_at"])
    assert "completed_at" not in working
    slow.sandbox.advance(60)
    done = look(slow, activity_id)
    assert (done["state"], done["percent_done"]) == ("completed", 100)
    assert young["created_at"] < done["started_at"] < done["completed_at"]
    assert done["updated_at"] == done["completed_at"]


def test_the_work_is_done_at_the_end_and_not_before(slow: Application) -> None:
    start(slow)
    assert slow.members() == []
    slow.sandbox.advance(150)
    assert slow.members() == []
    assert slow.get("/contacts").json()["contacts"] == []
    slow.sandbox.advance(60)
    assert slow.emails() == ["a@example.com"]


def test_nobody_has_to_poll(slow: Application) -> None:
    start(slow)
    slow.sandbox.advance(1_000)
    assert slow.emails() == ["a@example.com"]


def test_activities_work_in_the_order_in_which_they_end(slow: Application) -> None:
    start(slow, {**_ROW, "first_name": "First"})
    start(slow, {**_ROW, "first_name": "Second"})
    slow.sandbox.advance(1_000)
    assert slow.members()[0]["first_name"] == "Second"


def test_only_so_many_process_at_a_time_if_that_is_switched_on(slow: Application) -> None:
    slow.switch(activities_in_parallel=1)
    started = [start(slow) for _ in range(3)]
    slow.sandbox.advance(150)
    assert [look(slow, one)["state"] for one in started] == ["processing", "initialized", "initialized"]
    slow.sandbox.advance(100)
    assert [look(slow, one)["state"] for one in started] == ["completed", "processing", "initialized"]
    slow.sandbox.advance(200)
    assert [look(slow, one)["state"] for one in started] == ["completed"] * 3


def test_an_activity_goes_on_after_a_crash(own_sandbox: RunningSandbox) -> None:
    cc = Application(own_sandbox, activity_queue_seconds=100, activity_work_seconds=100)
    activity_id = start(cc, _ROW, {"email": "nonsense"})
    own_sandbox.kill()
    own_sandbox.start_again()
    assert look(cc, activity_id)["state"] == "initialized"
    own_sandbox.advance(150)
    assert look(cc, activity_id)["state"] == "processing"
    own_sandbox.kill()
    own_sandbox.start_again()
    own_sandbox.advance(60)
    done = look(cc, activity_id)
    assert (done["state"], done["status"]["person_count"], done["status"]["correctable_count"]) == ("completed", 1, 1)
    own_sandbox.kill()
    own_sandbox.start_again()
    assert look(cc, activity_id) == done
    assert cc.emails() == ["a@example.com"]


# The end that a fault chooses


@pytest.mark.parametrize(
    ("fault", "state"),
    [("failed", "failed"), ("timed_out", "timed_out"), ("cancelled", "cancelled"), ("unknown", "abandoned")],
)
def test_an_activity_can_end_badly(slow: Application, fault: str, state: str) -> None:
    slow.sandbox.fault(f"activity_{fault}", platform="constant_contact", count=1)
    activity_id = start(slow)
    assert look(slow, activity_id)["state"] == "initialized"
    slow.sandbox.advance(150)
    assert look(slow, activity_id)["state"] == "processing"
    slow.sandbox.advance(60)
    ended = look(slow, activity_id)
    assert ended["state"] == state
    assert ended["percent_done"] < 100
    assert "completed_at" not in ended
    assert slow.members() == []
    slow.sandbox.advance(1_000)
    assert look(slow, activity_id)["state"] == state
    start(slow)
    slow.sandbox.advance(1_000)
    assert slow.emails() == ["a@example.com"]


def test_an_import_that_ends_badly_can_have_stored_a_part(cc: Application) -> None:
    cc.switch(broken_import_share=0.5)
    cc.sandbox.fault("activity_timed_out", platform="constant_contact", count=1)
    activity_id = start(cc, *({"email": f"p{number}@example.com"} for number in range(10)))
    assert look(cc, activity_id)["state"] == "timed_out"
    assert len(cc.members()) == 5


def test_an_activity_can_be_stuck(slow: Application) -> None:
    slow.sandbox.fault("activity_stuck", platform="constant_contact", count=1)
    activity_id = start(slow)
    slow.sandbox.advance(9 * 86_400)
    slow.token = slow.refresh().json()["access_token"]
    assert look(slow, activity_id)["state"] == "initialized"
    assert slow.members() == []


def test_an_activity_can_take_longer(slow: Application) -> None:
    slow.sandbox.fault("activity_delay", platform="constant_contact", seconds=500, count=1)
    activity_id = start(slow)
    slow.sandbox.advance(690)
    assert look(slow, activity_id)["state"] == "processing"
    slow.sandbox.advance(20)
    assert look(slow, activity_id)["state"] == "completed"


def test_a_fault_strikes_the_kind_of_activity_that_it_is_aimed_at(cc: Application) -> None:
    cc.sandbox.fault("activity_failed", platform="constant_contact", path="remove_list_memberships$", count=1)
    assert look(cc, start(cc))["state"] == "completed"
    body = {"source": {"list_ids": [LIST]}, "list_ids": [LIST]}
    removal = cc.post("/activities/remove_list_memberships", body).json()["activity_id"]
    assert look(cc, removal)["state"] == "failed"
    assert cc.emails() == ["a@example.com"]


def test_a_lost_answer_leaves_an_activity_that_the_listing_shows(cc: Application) -> None:
    cc.sandbox.fault("drop_after", platform="constant_contact", path="contacts_json_import$", count=1)
    with pytest.raises(requests.ConnectionError):
        cc.post_import(_ROW)
    (activity,) = cc.get("/activities").json()["activities"]
    assert activity["state"] == "completed"
    assert cc.emails() == ["a@example.com"]


def test_a_connection_cut_before_the_request_leaves_nothing(cc: Application) -> None:
    cc.sandbox.fault("drop_before", platform="constant_contact", path="contacts_json_import$", count=1)
    with pytest.raises(requests.ConnectionError):
        cc.post_import(_ROW)
    assert ids(cc.get("/activities")) == []


# The queue and how long it remembers


def test_a_full_queue_refuses_with_429(slow: Application) -> None:
    slow.switch(queued_activities=2)
    started = [start(slow), start(slow)]
    answer = slow.post_import(_ROW)
    assert answer.status_code == 429
    assert answer.json()["error_key"] == "queue_full"
    assert answer.json()["error_message"]
    slow.switch(queue_error_key="throttled")
    assert slow.delete(f"/contact_lists/{LIST}").json()["error_key"] == "throttled"
    assert ids(slow.get("/activities")) == started[::-1]
    slow.sandbox.advance(1_000)
    start(slow)


def test_each_account_has_its_own_queue(slow: Application) -> None:
    slow.switch(queued_activities=1)
    start(slow)
    assert slow.post_import(_ROW).status_code == 429
    assert Application(slow.sandbox, OTHER).post_import(_ROW, lists=(OTHER_LIST,)).status_code == 201


def test_an_activity_is_forgotten_after_ten_days(cc: Application) -> None:
    activity_id = start(cc)
    cc.sandbox.advance(10 * 86_400 - 60)
    cc.token = cc.refresh().json()["access_token"]
    assert look(cc, activity_id)["state"] == "completed"
    cc.sandbox.advance(120)
    assert problem(cc.get(f"/activities/{activity_id}"))[:2] == (404, "contacts.api.not_found")
    assert ids(cc.get("/activities")) == []


def test_unknown_and_foreign_activities_do_not_exist(cc: Application) -> None:
    other = Application(cc.sandbox, OTHER)
    foreign = other.post_import(_ROW, lists=(OTHER_LIST,)).json()["activity_id"]
    for activity_id in (UNKNOWN_ID, foreign):
        assert problem(cc.get(f"/activities/{activity_id}"))[:2] == (404, "contacts.api.not_found")
    assert problem(cc.get("/activities/nonsense"))[2] == "activity_id is in an invalid format."


def test_activities_cannot_be_cancelled(cc: Application) -> None:
    assert cc.delete(f"/activities/{start(cc)}").status_code == 405


# The listing


def test_the_listing_goes_from_the_newest_to_the_oldest_in_pages(cc: Application) -> None:
    started = [start(cc) for _ in range(5)]
    seen: list[list[str]] = []
    path: str | None = "/activities?limit=2"
    while path:
        answer = cc.get(path)
        seen.append(ids(answer))
        href = answer.json().get("_links", {}).get("next", {}).get("href")
        assert href is None or re.match(r"/v3/activities\?cursor=[\w%]+$", href)
        path = href and href.removeprefix("/v3")
    assert seen == [started[:2:-1], started[2:0:-1], started[:1]]


def test_every_row_of_the_listing_links_to_the_last_one(cc: Application) -> None:
    started = [start(cc) for _ in range(3)]
    links = [activity["_links"]["self"]["href"] for activity in cc.get("/activities").json()["activities"]]
    assert links == [f"/v3/activities/{started[0]}"] * 3


def test_the_listing_can_be_filtered_by_state(slow: Application) -> None:
    first = start(slow)
    slow.sandbox.advance(150)
    second = start(slow)
    assert ids(slow.get("/activities", state="processing")) == [first]
    slow.sandbox.advance(60)
    assert ids(slow.get("/activities", state="completed")) == [first]
    assert ids(slow.get("/activities")) == [second, first]
    assert ids(slow.get("/activities", state="failed")) == []


@pytest.mark.parametrize("query", [{"state": "initialized"}, {"state": "new"}, {"limit": "501"}, {"limit": "0"}])
def test_a_parameter_that_cannot_be_is_named(cc: Application, query: dict[str, str]) -> None:
    assert invalid(cc.get("/activities", **query)) == f"{next(iter(query))} does not have a valid value"


def test_each_account_lists_its_own(cc: Application) -> None:
    start(cc)
    assert ids(Application(cc.sandbox, OTHER).get("/activities")) == []
