"""Constant Contact works on imports by itself: how its activities end, and what a later run makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from constant_contact_api import ConstantContactApi
from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Target

HOUR = 3_600
DAY = 24 * HOUR
QUOTA = {"error_key": "quota_exceeded", "error_message": "Limit Exceeded"}


@pytest.mark.parametrize("end", ["failed", "timed_out", "cancelled"])
def test_rows_of_an_activity_that_ends_without_success_are_failed_and_sent_again_later(
    to_constant_contact: Target, end: str
) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.broken_import_share", 0.5)
    target.sandbox.fault(f"activity_{end}", count=1)
    ran = target.run(stream(people(4)))
    assert ran.code == 1
    assert "CIX-504" in ran.stderr
    assert ran.counts == {"received": 4, "failed": 4}
    assert {(line["outcome"], line["code"]) for line in ran.rejected} == {("failed", "CIX-707")}
    assert all(end in line["reason"] for line in ran.rejected)

    assert target.run(stream(people(4))).code == 0
    assert target.on_list() == {row["EMail"] for row in people(4)}


def test_an_activity_that_takes_too_long_is_left_and_the_next_run_settles_it_by_its_id(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.sandbox.fault("activity_delay", seconds=HOUR, count=1)
    ran = target.run(stream(people(3)), job_deadline_seconds=1)
    assert ran.code == 75
    assert "CIX-505" in ran.stderr
    assert ran.summary["status"] == "incomplete"
    assert ran.counts == {"received": 3, "deferred": 3}
    assert {line["code"] for line in ran.rejected} == {"CIX-409"}
    assert target.rows_sent() == [3]

    target.sandbox.advance(2 * HOUR)
    later = target.run(stream(people(4)))
    assert later.code == 0
    assert later.counts == {"received": 4, "unchanged": 3, "created": 1}
    assert target.rows_sent() == [3, 1], "rows of an activity that has ended well were sent again"
    assert len(target.on_list()) == 4


def test_rows_of_an_activity_that_may_still_end_are_not_sent_again(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.fault("activity_stuck", count=1)
    assert target.run(stream(people(3)), job_deadline_seconds=1).counts == {"received": 3, "deferred": 3}
    later = target.run(stream(people(3)), job_deadline_seconds=1)
    assert later.code == 75
    assert "CIX-409" in later.stderr
    assert target.rows_sent() == [3]


def test_an_activity_that_the_platform_has_forgotten_is_sent_again(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.fault("activity_stuck", count=1)
    target.run(stream(people(3)), job_deadline_seconds=1)
    target.sandbox.advance(11 * DAY)
    later = target.run(stream(people(3)))
    assert later.counts == {"received": 3, "created": 3}
    assert target.rows_sent() == [3, 3]


def test_a_quota_that_is_spent_while_an_activity_is_under_way_loses_nothing(to_constant_contact: Target) -> None:
    target = to_constant_contact
    # The first look is before the activity begins.
    target.sandbox.fault("throttle", method="GET", path="/activities", body=QUOTA, skip=1)
    ran = target.run(stream(people(3)))
    assert ran.code == 75
    assert ran.counts == {"received": 3, "deferred": 3}
    assert {line["code"] for line in ran.rejected} == {"CIX-406"}

    target.sandbox.control("DELETE", "/faults")
    later = target.run(stream(people(3)))
    assert later.counts == {"received": 3, "unchanged": 3}
    assert target.rows_sent() == [3]
    assert len(target.on_list()) == 3


def test_changes_that_a_slow_activity_brought_leave_the_transit_list_too(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(2)))
    target.sandbox.fault("activity_delay", path="contacts_json_import", seconds=HOUR, count=1)
    changed = stream(people(2, City="Ribe"))
    assert target.run(changed, job_deadline_seconds=1).counts == {"received": 2, "deferred": 2}
    target.sandbox.advance(2 * HOUR)
    assert target.run(changed).counts == {"received": 2, "unchanged": 2}
    assert list(ConstantContactApi(target.sandbox).people_in_transit().values()) == [0]
    assert {member["fields"]["city"] for member in target.members().values()} == {"Ribe"}


@pytest.mark.parametrize("form", ["line", "object", "none"])
def test_errors_of_an_activity_are_understood_in_any_form(to_constant_contact: Target, form: str) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.activity_errors", form)
    too_long = {**people(1, start=9)[0], "EMail": f"{'x' * 60}@example.com"}
    ran = target.run(stream([*people(3), too_long]))
    assert ran.counts == {"received": 4, "created": 3, "rejected": 1}
    assert ran.rejected[0]["row_key"] == "c9"


def test_counters_without_a_header_row_mean_the_same(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.control("PATCH", "/switches", {"constant_contact.import_counts_header": False})
    assert target.run(stream(people(3)), read_back_sample=0).counts == {"received": 3, "created": 3}
    assert len(target.requests("GET", "/contacts")) == 0
