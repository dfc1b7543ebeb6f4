"""What was in flight when a run ended is not forgotten, though the segment has moved on when the next run begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crash_export import KILLED, address, people, person, segment
from crash_runner import AtCall

if TYPE_CHECKING:
    from crash_export import Export

_LANDED = AtCall("audience_sdk.ledger.store:Ledger.confirm")
"""The platform has done what the batch asked for, the ledger does not know it yet."""
_NOT_SENT = AtCall("audience_sdk.ledger.store:Ledger.journal", after=True)
_JOB_IN_FLIGHT = AtCall("audience_sdk.ledger.store:Ledger.journal_job", after=True)
MIRROR = {"sync_mode": "mirror", "max_removal_ratio": 1}


@pytest.mark.parametrize("refused", [False, True], ids=["all-taken", "one-refused"])
def test_who_has_left_by_themselves_before_their_import_is_settled_stays_away(
    to_constant_contact: Export, refused: bool
) -> None:
    export = to_constant_contact
    too_long = [person(4, EMail=f"{'a' * 45}@example.com")] if refused else []
    rows = [*people(1, 2, 3), *too_long]
    assert export.run(segment(rows), death=_LANDED).code == KILLED
    assert address(3) in export.on_list()
    export.leave(address(3))
    for _ in range(2):
        assert export.run(segment(rows)).code == 0
        assert export.on_list() == {address(1), address(2)}
    readmitted = export.run(segment(rows), readmit=True)
    assert (address(3) in export.on_list()) is refused, readmitted.counts


@pytest.mark.parametrize("death", [_LANDED, _NOT_SENT], ids=["landed", "not-sent"])
def test_who_joined_in_a_killed_run_and_has_left_the_segment_since_leaves_the_list(
    export: Export, death: AtCall
) -> None:
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert export.run(segment(people(1, 2, 3)), death=death, **MIRROR).code == KILLED
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert export.on_list() == {address(1), address(2)}


@pytest.mark.parametrize("death", [_LANDED, _NOT_SENT], ids=["landed", "not-sent"])
def test_who_joined_in_a_killed_run_and_has_left_the_segment_since_can_join_again(
    export: Export, death: AtCall
) -> None:
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert export.run(segment(people(1, 2, 3)), death=death, **MIRROR).code == KILLED
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert export.run(segment(people(1, 2, 3)), **MIRROR).counts == {"received": 3, "unchanged": 2, "created": 1}
    assert export.on_list() == {address(1), address(2), address(3)}


def test_who_never_joined_can_join_again_where_those_who_leave_are_unsubscribed(to_campaign_monitor: Export) -> None:
    export, options = to_campaign_monitor, {**MIRROR, "on_leave": "unsubscribe"}
    assert export.run(segment(people(1, 2)), **options).code == 0
    assert export.run(segment(people(1, 2, 3)), death=_NOT_SENT, **options).code == KILLED
    assert export.run(segment(people(1, 2)), **options).code == 0
    assert export.run(segment(people(1, 2, 3)), **options).counts == {"received": 3, "unchanged": 2, "created": 1}


@pytest.mark.parametrize("death", [_LANDED, _NOT_SENT], ids=["landed", "not-sent"])
def test_a_change_of_a_killed_run_that_was_taken_back_since_is_taken_back_at_the_platform(
    export: Export, death: AtCall
) -> None:
    assert export.run(segment(people(1, 2))).code == 0
    assert export.run(segment(people(1, 2, City="Moved")), death=death).code == KILLED
    assert export.run(segment(people(1, 2))).code == 0
    assert {city for _, city in export.shown().values()} == {"Ribe"}


@pytest.mark.parametrize("death", [_LANDED, _NOT_SENT], ids=["landed", "not-sent"])
def test_who_left_in_a_killed_run_and_is_back_in_the_segment_since_is_on_the_list(
    export: Export, death: AtCall
) -> None:
    assert export.run(segment(people(1, 2))).code == 0
    assert export.run(segment(people(1)), death=death, **MIRROR).code == KILLED
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert export.on_list() == {address(1), address(2)}


def test_who_came_back_in_a_killed_run_and_has_left_since_can_come_back_again(export: Export) -> None:
    for rows in (people(1, 2), people(1)):
        assert export.run(segment(rows), **MIRROR).code == 0
    for rows, death in ((people(1, 2), _LANDED), (people(1), None), (people(1, 2), _NOT_SENT), (people(1, 2), None)):
        export.run(segment(rows), death=death, **MIRROR)
    assert export.on_list() == {address(1), address(2)}


def test_rows_whose_answers_were_lost_are_on_no_list_that_they_have_left_since(export: Export) -> None:
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    export.sandbox.fault("drop_after", platform=export.platform, method="POST", path="import")
    # Nor does the platform tell what it has begun, when it is asked for the second time.
    export.sandbox.fault("status", status=503, method="GET", path="/activities$", skip=1)
    ran = export.run(segment(people(1, 2, 3)), **MIRROR)
    assert (ran.code, ran.counts) == (1, {"received": 3, "unchanged": 2, "failed": 1})
    assert address(3) in export.on_list()
    export.sandbox.control("DELETE", "/faults")
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert export.on_list() == {address(1), address(2)}


def test_an_import_whose_answer_was_lost_and_that_waits_at_the_platform_is_waited_for(
    to_constant_contact: Export,
) -> None:
    export = to_constant_contact
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    export.sandbox.fault("activity_delay", path="contacts_json_import", seconds=3_600, count=1)
    export.sandbox.fault("drop_after", platform=export.platform, method="POST", path="import")
    export.sandbox.fault("status", status=503, method="GET", path="/activities$", skip=1)
    assert export.run(segment(people(1, 2, 3)), **MIRROR).counts["failed"] == 1
    export.sandbox.control("DELETE", "/faults")
    _is_waited_for(export, {address(1), address(2)})


@pytest.mark.parametrize("joins", [True, False], ids=["import", "removal"])
def test_what_waits_at_the_platform_without_our_knowing_its_id_is_waited_for(
    to_constant_contact: Export, joins: bool
) -> None:
    export = to_constant_contact
    few, many = people(1, 2), people(1, 2, 3)
    assert export.run(segment(few if joins else many), **MIRROR).code == 0
    order = "contacts_json_import" if joins else "remove_list_memberships"
    export.sandbox.fault("activity_delay", path=order, seconds=3_600, count=1)
    death = AtCall("audience_sdk.ledger.store:Ledger.journal_job")
    assert export.run(segment(many if joins else few), death=death, **MIRROR).code == KILLED
    _is_waited_for(export, {address(1), address(2)} | (set() if joins else {address(3)}))


def _is_waited_for(export: Export, wanted: set[str]) -> None:
    """Run until the platform has done what it had in its queue, over the segment as it was before."""
    rows = [person for person in people(1, 2, 3) if person["EMail"].lower() in wanted]
    ran = export.run(segment(rows), job_deadline_seconds=1, **MIRROR)
    assert (ran.code, ran.states) == (75, [])
    assert "" in ran.log
    export.sandbox.advance(7_200)
    for _ in range(2):
        assert export.run(segment(rows), **MIRROR).code == 0
    assert export.on_list() == wanted


def test_a_platform_that_cannot_be_read_makes_nobody_forget_who_left_by_themselves(to_constant_contact: Export) -> None:
    export = to_constant_contact
    assert export.run(segment(people(1, 2, 3)), **MIRROR).code == 0
    export.leave(address(3))
    export.sandbox.fault("status", status=503, method="GET", path="/contacts$")
    assert export.run(segment(people(1, 2)), **MIRROR).code == 1
    _stays_away(export)


@pytest.mark.parametrize("skip", [0, 1, 2], ids=["at-the-first", "at-the-second", "after-one-was-taken-off"])
def test_a_list_that_cannot_be_looked_at_makes_nobody_forget_whom_its_owner_has_deleted(
    to_campaign_monitor: Export, skip: int
) -> None:
    export = to_campaign_monitor
    assert export.run(segment(people(0, 1, 2, 3, 4)), **MIRROR).code == 0
    export.sandbox.seed(export.platform, subscribers=[{"email": address(3), "state": "Deleted"}])
    export.sandbox.fault("status", status=503, method="GET", path="/subscribers/", skip=skip)
    assert export.run(segment(people(1, 2)), **MIRROR).code == 1
    _stays_away(export)


def test_a_run_that_was_killed_while_people_were_taken_off_forgets_nobody_who_had_left_before(
    to_constant_contact: Export,
) -> None:
    export = to_constant_contact
    assert export.run(segment(people(1, 2, 3, 4)), **MIRROR).code == 0
    export.leave(address(3))
    assert export.run(segment(people(1, 2)), death=_NOT_SENT, **MIRROR).code == KILLED
    _stays_away(export)


def _stays_away(export: Export) -> None:
    """Person 3 is kept back when they return to the segment after a run that has gone well."""
    export.sandbox.control("DELETE", "/faults")
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert export.run(segment(people(0, 1, 2, 3)), **MIRROR).counts["suppressed"] == 1
    assert address(3) not in export.on_list()
    assert address(0) in export.on_list()


def test_who_was_added_by_hand_and_never_sent_stays_when_they_leave_the_segment(to_constant_contact: Export) -> None:
    export = to_constant_contact
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    export.add_by_hand(address(3))
    export.sandbox.fault("status", status=503, method="GET", path="/activities$")
    assert export.run(segment(people(1, 2, 3)), **MIRROR).code == 1
    export.sandbox.control("DELETE", "/faults")
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert address(3) in export.on_list()


def test_rows_of_a_job_that_broke_off_are_on_no_list_that_they_have_left_since(to_constant_contact: Export) -> None:
    export = to_constant_contact
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    export.sandbox.switch("constant_contact.broken_import_share", 1)
    export.sandbox.fault("activity_failed", count=1)
    assert export.run(segment(people(1, 2, 3)), **MIRROR).counts == {"received": 3, "unchanged": 2, "failed": 1}
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert export.on_list() == {address(1), address(2)}


def test_who_left_by_themselves_what_a_broken_job_had_put_them_on_stays_away(to_constant_contact: Export) -> None:
    export = to_constant_contact
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    export.sandbox.switch("constant_contact.broken_import_share", 1)
    export.sandbox.fault("activity_failed", count=1)
    assert export.run(segment(people(1, 2, 3)), **MIRROR).counts == {"received": 3, "unchanged": 2, "failed": 1}
    assert address(3) in export.on_list()
    export.leave(address(3))
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    assert export.run(segment(people(1, 2, 3)), **MIRROR).counts == {"received": 3, "unchanged": 2, "suppressed": 1}
    assert export.on_list() == {address(1), address(2)}


def test_people_added_by_hand_who_were_in_a_killed_run_are_not_resubscribed(to_campaign_monitor: Export) -> None:
    """Only whom we took off the list ourselves may be put back over the platform's own word."""
    export = to_campaign_monitor
    export.sandbox.seed(export.platform, subscribers=[{"email": address(3), "state": "Deleted"}])
    assert export.run(segment(people(1, 3)), death=_NOT_SENT).code == KILLED
    assert export.run(segment(people(1, 3))).counts == {"received": 2, "created": 1, "suppressed": 1}
    assert export.on_list() == {address(1)}


def test_who_was_not_put_on_the_list_keeps_all_other_mail_of_the_account(to_constant_contact: Export) -> None:
    """Leaving by unsubscribing is for people of the list: it stops everything that the account sends."""
    export, options = to_constant_contact, {**MIRROR, "on_leave": "unsubscribe"}
    other = export.make_list()
    elsewhere = [{"email": address(number), "lists": [other]} for number in (3, 4)]
    export.sandbox.seed(export.platform, contacts=elsewhere)
    assert export.run(segment(people(1, 2, 4)), **options).code == 0
    assert export.run(segment(people(1, 2, 3, 4)), death=_NOT_SENT, **options).code == KILLED
    export.sandbox.seed(export.platform, contacts=elsewhere)  # person 4 leaves our list by their own act
    assert export.run(segment(people(1, 2)), **options).code == 0
    assert export.on_list(other) == {address(3), address(4)}
    assert export.run(segment(people(1, 2, 3, 4)), **options).counts["suppressed"] == 2


@pytest.mark.parametrize("step", ["killed", "stopped"])
def test_who_had_left_before_the_others_were_taken_off_stays_away_though_the_job_is_settled_later(
    to_constant_contact: Export, step: str
) -> None:
    export = to_constant_contact
    assert export.run(segment(people(1, 2, 3, 4)), **MIRROR).code == 0
    export.leave(address(3))
    if step == "killed":
        assert export.run(segment(people(1, 2)), death=_JOB_IN_FLIGHT, **MIRROR).code == KILLED
    else:
        export.sandbox.fault("status", status=503, method="GET", path="/activities$", skip=1)
        assert export.run(segment(people(1, 2)), **MIRROR).code == 1
        export.sandbox.control("DELETE", "/faults")
    ran = export.run(segment(people(1, 2)), **MIRROR)
    assert (ran.code, ran.counts["removed"]) == (0, 2)
    assert {line["email"] for line in ran.rejected if line["outcome"] == "removed"} == {address(3), address(4)}
    assert export.run(segment(people(1, 2, 3, 4)), **MIRROR).counts == {
        "received": 4,
        "unchanged": 2,
        "created": 1,
        "suppressed": 1,
    }
    assert export.on_list() == {address(1), address(2), address(4)}
