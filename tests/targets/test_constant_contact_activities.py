"""Activities of Constant Contact: lost answers, full queues, unknown states, and bodies cut by their bytes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest
from constant_contact_api import ConstantContactApi
from target_process import people, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_process import Target

IMPORT = "contacts_json_import"
REMOVAL = "remove_list_memberships"


@contextmanager
def lost(target: Target, path: str, meanwhile: Callable[[], object]) -> Iterator[None]:
    """Let a request get lost on its way, and something else happen before the newest activities are looked at."""
    target.sandbox.fault("drop_before", path=path, count=1)
    target.sandbox.fault("latency", method="GET", path="/activities$", seconds=3, skip=1, count=1)

    def wait() -> None:
        while not ended.wait(0.05):
            if any(each["faults"] for each in target.requests("POST", path)):
                meanwhile()
                return

    ended = threading.Event()
    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_an_import_that_was_accepted_without_an_answer_is_picked_up_and_not_sent_again(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.sandbox.fault("drop_after", path=IMPORT, count=1)
    ran = target.run(stream(people(4)))
    assert ran.code == 0
    assert ran.counts == {"received": 4, "created": 4}
    assert target.rows_sent() == [4]
    assert "though its answer was lost" in ran.stderr
    assert target.on_list() == {row["EMail"] for row in people(4)}


def test_an_import_that_never_arrived_is_sent_again(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.fault("drop_before", path=IMPORT, count=1)
    ran = target.run(stream(people(4)))
    assert ran.counts == {"received": 4, "created": 4}
    assert [each["status"] for each in target.imports()] == [None, 201]


def test_a_fault_of_the_platform_after_which_the_import_runs_is_looked_through_too(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.fault("status", status=503, path=IMPORT, count=1)
    assert target.run(stream(people(2))).counts == {"received": 2, "created": 2}
    assert [each["status"] for each in target.imports()] == [503, 201]
    listings = target.requests("GET", "/activities")
    assert listings[0]["seq"] < target.imports()[1]["seq"], "the newest activities were not looked through first"


def test_the_activity_of_somebody_else_is_never_taken_for_a_lost_one(to_constant_contact: Target) -> None:
    target = to_constant_contact
    other, emails = ConstantContactApi(target.sandbox), ["a@example.com", "b@example.com", "c@example.com"]
    with lost(target, IMPORT, lambda: other.post_import(emails, target.list_id)):
        ran = target.run(stream(people(5)))
    assert ran.counts == {"received": 5, "created": 5}
    assert target.on_list() >= {row["EMail"] for row in people(5)}


def test_where_several_activities_may_be_the_lost_one_it_is_not_sent_again_before_they_have_ended(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.activity_work_seconds", 6)
    other = ConstantContactApi(target.sandbox)
    [elsewhere] = other.make_lists("Elsewhere")

    def others() -> None:
        for name in ("a", "b"):
            other.post_import([f"{name}1@example.com", f"{name}2@example.com"], elsewhere)

    with lost(target, IMPORT, others):
        ran = target.run(stream(people(2)))
    assert (ran.code, ran.counts) == (1, {"received": 2, "failed": 2})
    assert "2 activities may have come of it" in ran.rejected[0]["reason"]
    assert len(target.imports()) == 3, "sent once, and the two of somebody else"
    assert target.run(stream(people(2))).counts == {"received": 2, "created": 2}


def test_an_import_of_an_earlier_run_is_never_taken_for_a_lost_one(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(2)))
    target.sandbox.fault("drop_before", path=IMPORT, count=1)
    assert target.run(stream(people(2, start=3))).counts == {"received": 2, "created": 2}
    assert len(target.on_list()) == 4


def test_an_activity_of_as_many_rows_that_is_somebody_elses_confirms_nobody(to_constant_contact: Target) -> None:
    target = to_constant_contact
    other = ConstantContactApi(target.sandbox)
    [elsewhere] = other.make_lists("Elsewhere")
    with lost(target, IMPORT, lambda: other.post_import(["a@example.com", "b@example.com"], elsewhere)):
        ran = target.run(stream(people(2)))
    assert ran.code == 1
    assert ran.counts == {"received": 2, "failed": 2}
    assert {line["code"] for line in ran.rejected} == {"CIX-707"}
    assert target.run(stream(people(2))).counts == {"received": 2, "created": 2}
    assert target.on_list() == {row["EMail"] for row in people(2)}


def test_an_activity_that_was_taken_for_a_lost_one_confirms_nobody_in_a_later_run_either(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.activity_work_seconds", 12)
    other = ConstantContactApi(target.sandbox)
    [elsewhere] = other.make_lists("Elsewhere")
    with lost(target, IMPORT, lambda: other.post_import(["a@example.com", "b@example.com"], elsewhere)):
        late = target.run(stream(people(2)), job_deadline_seconds=2)
    assert (late.code, late.counts) == (75, {"received": 2, "deferred": 2})
    target.sandbox.switch("constant_contact.activity_work_seconds", 0)
    assert target.run(stream(people(2))).counts == {"received": 2, "created": 2}
    assert target.on_list() == {row["EMail"] for row in people(2)}


def test_an_activity_that_turns_out_to_have_another_number_of_rows_confirms_nobody(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    # Nothing is known of an activity before the platform works on it.
    target.sandbox.switch("constant_contact.activity_work_seconds", 6)
    other, emails = ConstantContactApi(target.sandbox), [row["EMail"] for row in people(3)]
    with lost(target, IMPORT, lambda: other.post_import(emails, target.list_id)):
        ran = target.run(stream(people(2)))
    assert ran.counts == {"received": 2, "failed": 2}
    assert "is not it" in ran.rejected[0]["reason"]


def test_people_of_an_import_that_was_picked_up_are_read_back_one_and_all(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.seed(
        "constant_contact", contacts=[{"email": "person00002@example.com", "permission": "unsubscribed"}]
    )
    target.sandbox.fault("drop_after", path=IMPORT, count=1)
    ran = target.run(stream(people(3)))
    assert ran.counts == {"received": 3, "created": 2, "suppressed": 1}


def test_a_removal_without_an_answer_is_picked_up_too(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(6)), sync_mode="mirror")
    target.forget_requests()
    target.sandbox.fault("drop_after", path=REMOVAL, count=1)
    ran = target.run(stream(people(4)), sync_mode="mirror")
    assert ran.code == 0
    assert ran.counts == {"received": 4, "unchanged": 4, "removed": 2}
    assert len(target.requests("POST", REMOVAL)) == 1
    assert target.on_list() == {row["EMail"] for row in people(4)}


def test_leavers_whose_removal_was_mistaken_for_anothers_are_still_on_the_list_and_said_to_be(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.run(stream(people(6)), sync_mode="mirror")
    api = ConstantContactApi(target.sandbox)
    [elsewhere] = api.make_lists("Elsewhere")
    others = [api.contact(row["EMail"])["contact_id"] for row in people(2)]
    order = {"source": {"contact_ids": others}, "list_ids": [elsewhere]}
    with lost(target, REMOVAL, lambda: api.post(f"/activities/{REMOVAL}", order)):
        ran = target.run(stream(people(4)), sync_mode="mirror")
    assert ran.code == 1
    assert ran.summary["not_removed"] == 2
    assert len(target.on_list()) == 6
    assert target.run(stream(people(4)), sync_mode="mirror").counts == {"received": 4, "unchanged": 4, "removed": 2}
    assert target.on_list() == {row["EMail"] for row in people(4)}


@pytest.mark.parametrize("key", ["queue_full", "throttled"])
def test_a_full_queue_is_waited_for_and_loses_nobody(to_constant_contact: Target, key: str) -> None:
    target = to_constant_contact
    api = ConstantContactApi(target.sandbox)
    target.sandbox.control(
        "PATCH",
        "/switches",
        {
            "constant_contact.queue_error_key": key,
            "constant_contact.queued_activities": 1,
            "constant_contact.activity_work_seconds": 2,
        },
    )
    api.post_import(["a@example.com"], target.list_id)
    ran = target.run(stream(people(2)))
    assert ran.code == 0
    assert ran.counts == {"received": 2, "created": 2}
    assert [each["status"] for each in target.imports()][1:-1] == [429] * (len(target.imports()) - 2)
    assert target.imports()[-1]["status"] == 201


def test_a_queue_that_stays_full_leaves_the_rows_for_a_later_run(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.queued_activities", 0)
    ran = target.run(stream(people(2)), job_deadline_seconds=1)
    assert ran.code == 75
    assert ran.counts == {"received": 2, "deferred": 2}
    assert {line["code"] for line in ran.rejected} == {"CIX-407"}
    target.sandbox.switch("constant_contact.queued_activities", 1_000)
    assert target.run(stream(people(2))).counts == {"received": 2, "created": 2}


def test_a_state_that_nobody_knows_is_told_waited_for_and_never_taken_for_success(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.fault("activity_unknown", count=1)
    ran = target.run(stream(people(2)), job_deadline_seconds=1)
    assert ran.code == 75
    assert ran.counts == {"received": 2, "deferred": 2}
    assert "`abandoned`" in ran.stderr


def test_an_acceptance_without_an_id_is_an_unknown_answer_and_no_success(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.fault("status", status=201, body={"state": "initialized"}, path=IMPORT)
    ran = target.run(stream(people(2)))
    assert ran.code == 1
    assert ran.counts == {"received": 2, "failed": 2}
    assert "CIX-411" in ran.rejected[0]["reason"]


def test_an_answer_that_nobody_knows_is_kept_without_personal_data(to_constant_contact: Target) -> None:
    target = to_constant_contact
    body = [{"error_key": "contacts.api.new", "error_message": "No room for anna@example.com, sorry"}]
    target.sandbox.fault("status", status=418, body=body, path=IMPORT)
    ran = target.run(stream(people(2)))
    assert ran.code == 1
    assert ran.counts == {"received": 2, "failed": 2}
    assert "contacts.api.new" in ran.stderr
    assert "anna" not in ran.stderr


def test_imports_are_cut_by_their_bytes_several_are_in_flight_and_one_listing_asks_for_all_of_them(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    switches = {"constant_contact.activity_work_seconds": 2, "constant_contact.activities_in_parallel": 1}
    target.sandbox.control("PATCH", "/switches", switches)
    rows = people(13_000, City="x" * 250, FirstName="Ærø" * 16, LastName="y" * 50)
    ran = target.run(stream(rows), read_back_sample=0)
    assert ran.counts == {"received": 13_000, "created": 13_000}

    sizes = [each["bytes_in"] for each in target.imports()]
    assert max(sizes) <= 3_900_000
    assert [size > 3_890_000 for size in sorted(sizes)] == [False, True], "a body is not filled"
    assert sum(target.rows_sent()) == 13_000

    polls = [each for each in target.sandbox.requests("constant_contact") if each["method"] == "GET"]
    polls = [each for each in polls if "/activities" in each["path"]]
    assert all(each["path"].endswith("/activities") for each in polls), "activities were asked for one by one"
    before_the_last = [each for each in polls if each["seq"] < target.imports()[-1]["seq"]]
    assert len(before_the_last) <= 2, "an import waited for the one before it"
    assert target.requests("GET", "/contacts") == []


@pytest.mark.parametrize(("switch", "value"), [("import_rows", 10), ("import_bytes", 1_500)], ids=["rows", "bytes"])
def test_rows_that_the_platform_cuts_off_without_a_word_are_noticed_and_not_counted_as_sent(
    to_constant_contact: Target, switch: str, value: int
) -> None:
    target = to_constant_contact
    target.sandbox.switch(f"constant_contact.{switch}", value)
    ran = target.run(stream(people(30)), max_rejected_ratio=1)
    held = target.on_list()
    assert 0 < len(held) < 30
    assert ran.counts == {"received": 30, "created": len(held), "rejected": 30 - len(held)}
    assert held.isdisjoint(line["email"] for line in ran.rejected)


def test_a_body_that_a_gateway_finds_too_large_is_halved(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.gateway_bytes", 1_500)
    ran = target.run(stream(people(30)))
    assert ran.counts == {"received": 30, "created": 30}
    assert {each["status"] for each in target.imports()} == {413, 201}


def test_a_body_of_a_batch_is_valid_json_of_its_rows_and_lists(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(1)), sms_permission_to_send="explicit")
    [imported] = target.imports()
    without_rows = msgspec.json.encode(
        {"import_data": [], "list_ids": [target.list_id], "sms_permission_to_send": "explicit"}
    )
    assert imported["bytes_in"] > len(without_rows)
    assert imported["status"] == 201
