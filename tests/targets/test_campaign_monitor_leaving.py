"""Leaving a Campaign Monitor list: one by one, several at once, resumable, with a warning where it reaches further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Target

OTHER = "c" * 32


def emails(rows: list[dict[str, Any]]) -> set[str]:
    return {row["EMail"] for row in rows}


def test_many_leave_one_by_one_under_the_budget_and_nobody_twice(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    rows = people(130)
    target.run(stream(rows), sync_mode="mirror")
    target.forget_requests()
    ran = target.run(stream(rows[:10]), sync_mode="mirror", max_removal_ratio=1)
    assert ran.code == 0
    assert ran.counts == {"received": 10, "unchanged": 10, "removed": 120}
    assert len(target.requests("DELETE", ".json")) == 120
    assert target.on_list() == emails(rows[:10])
    assert {member["state"] for member in target.members().values()} == {"Active", "Deleted"}


@pytest.mark.parametrize("fault", ["throttle", "drop_before", "drop_after", "status"])
def test_removals_ride_out_what_goes_wrong_and_whoever_we_took_off_may_come_back(
    to_campaign_monitor: Target, fault: str
) -> None:
    target = to_campaign_monitor
    rows = people(30)
    target.run(stream(rows), sync_mode="mirror")
    target.sandbox.fault(fault, method="DELETE", skip=5, count=2)
    ran = target.run(stream(rows[:10]), sync_mode="mirror", max_removal_ratio=1)
    assert (ran.code, ran.counts["removed"]) == (0, 20)
    assert target.on_list() == emails(rows[:10])
    assert target.run(stream(rows), sync_mode="mirror").counts["created"] == 20
    assert target.on_list() == emails(rows)


@pytest.mark.parametrize("delete_inactive", ["203", "200", "deleted"])
@pytest.mark.parametrize(
    ("fault", "settings", "codes"),
    [
        ("throttle", {}, {75, 1}),
        ("status", {"status": 401, "body": {"Code": 100, "Message": "Invalid API Key"}}, {1}),
    ],
)
def test_removals_that_broke_off_are_taken_up_again_and_nobody_is_taken_for_one_who_left_by_themselves(
    to_campaign_monitor: Target, fault: str, settings: dict[str, Any], codes: set[int], delete_inactive: str
) -> None:
    target = to_campaign_monitor
    target.sandbox.switch("campaign_monitor.delete_inactive", delete_inactive)
    rows = people(40)
    target.run(stream(rows), sync_mode="mirror")
    number = target.sandbox.fault(fault, method="DELETE", skip=12, **settings)
    broken = target.run(stream(rows[:10]), sync_mode="mirror", max_removal_ratio=1, max_attempts=1)
    assert broken.code in codes
    assert len(target.on_list()) > 10
    target.sandbox.control("DELETE", f"/faults/{number}")
    ran = target.run(stream(rows[:10]), sync_mode="mirror", max_removal_ratio=1)
    assert (ran.code, target.on_list()) == (0, emails(rows[:10]))
    # Everybody was taken off by us, so everybody comes back.
    back = target.run(stream(rows), sync_mode="mirror")
    assert (back.code, target.on_list()) == (0, emails(rows))


@pytest.mark.parametrize("setting", ["AllClientLists", "OnlyThisList"])
@pytest.mark.parametrize("delete_inactive", ["203", "200", "deleted"])
def test_whoever_had_left_by_themselves_when_they_were_to_leave_stays_away(
    to_campaign_monitor: Target, delete_inactive: str, setting: str
) -> None:
    target = to_campaign_monitor
    lists = [{"list_id": target.list_id, "title": "Newsletter", "unsubscribe_setting": setting}]
    target.sandbox.seed("campaign_monitor", lists=lists)
    target.sandbox.switch("campaign_monitor.delete_inactive", delete_inactive)
    rows = people(4)
    target.run(stream(rows), sync_mode="mirror")
    # Seeded, not asked for: nobody is on the suppression list, as if the list had not fed it at that time.
    states = {rows[0]["EMail"]: "Unsubscribed", rows[1]["EMail"]: "Bounced"}
    known = [{"email": email, "state": state} for email, state in states.items()]
    target.sandbox.seed("campaign_monitor", subscribers=known)
    ran = target.run(stream(rows[2:]), sync_mode="mirror")
    assert (ran.code, ran.counts["removed"]) == (0, 2)
    back = target.run(stream(rows), sync_mode="mirror")
    assert back.counts == {"received": 4, "unchanged": 2, "suppressed": 2}
    assert {email: target.members()[email]["state"] for email in states} == states


def test_whoever_has_not_confirmed_yet_is_taken_off_so_that_they_cannot_confirm_later(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    target.sandbox.switch("campaign_monitor.delete_inactive", "deleted")
    rows = people(2)
    target.run(stream(rows), sync_mode="mirror")
    target.sandbox.seed("campaign_monitor", subscribers=[{"email": rows[0]["EMail"], "state": "Unconfirmed"}])
    assert target.run(stream(rows[1:]), sync_mode="mirror").counts["removed"] == 1
    assert target.members()[rows[0]["EMail"]]["state"] == "Deleted"


def test_nobody_is_taken_off_whose_state_is_not_known(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    rows = people(3)
    target.run(stream(rows), sync_mode="mirror")
    number = target.sandbox.fault("status", method="GET", path="/subscribers/", status=200, body={"Odd": "answer"})
    ran = target.run(stream(rows[2:]), sync_mode="mirror", read_back_sample=0)
    assert ran.code == 1
    assert {line["code"] for line in ran.rejected} == {"CIX-411"}
    assert target.on_list() == emails(rows)
    target.sandbox.control("DELETE", f"/faults/{number}")
    assert target.run(stream(rows[2:]), sync_mode="mirror").code == 0
    assert target.on_list() == emails(rows[2:])
    assert target.run(stream(rows), sync_mode="mirror").counts["created"] == 2


def test_unsubscribing_on_a_list_that_shares_its_unsubscribes_is_warned_of_in_log_and_summary(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    target.sandbox.seed("campaign_monitor", lists=[{"list_id": OTHER, "title": "Other"}])
    target.sandbox.seed("campaign_monitor", list_id=OTHER, subscribers=[{"email": "person00001@example.com"}])
    target.run(stream(people(2)), sync_mode="mirror")
    ran = target.run(stream(people(1, start=2)), sync_mode="mirror", on_leave="unsubscribe")
    assert (ran.code, ran.counts["removed"]) == (0, 1)
    [warning] = ran.summary["warnings"]
    assert "AllClientLists" in warning
    assert "AllClientLists" in ran.stderr
    assert target.members()["person00001@example.com"]["state"] == "Unsubscribed"
    assert target.members(OTHER)["person00001@example.com"]["state"] == "Unsubscribed", "the warning is idle"


@pytest.mark.parametrize(
    ("setting", "settings"),
    [
        ("OnlyThisList", {"sync_mode": "mirror", "on_leave": "unsubscribe"}),
        ("AllClientLists", {"sync_mode": "mirror"}),
        ("AllClientLists", {"on_leave": "unsubscribe"}),
        ("AllClientLists", {"sync_mode": "mirror", "on_leave": "keep"}),
    ],
)
def test_there_is_no_warning_where_nothing_reaches_further(
    to_campaign_monitor: Target, setting: str, settings: dict[str, Any]
) -> None:
    target = to_campaign_monitor
    lists = [{"list_id": target.list_id, "title": "Newsletter", "unsubscribe_setting": setting}]
    target.sandbox.seed("campaign_monitor", lists=lists)
    ran = target.run(stream(people(2)), **settings)
    assert (ran.code, ran.summary["warnings"]) == (0, {})


def test_a_list_that_ignores_the_suppression_list_takes_whom_its_owner_lets_it_take(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    lists = [{"list_id": target.list_id, "title": "Newsletter", "unsubscribe_setting": "OnlyThisList"}]
    target.sandbox.seed("campaign_monitor", lists=lists, suppressed=[{"email": "person00001@example.com"}])
    assert target.run(stream(people(2))).counts == {"received": 2, "created": 2}


def test_nobody_who_is_suppressed_comes_back_even_to_a_list_that_ignores_the_suppression_list(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    lists = [{"list_id": target.list_id, "title": "Newsletter", "unsubscribe_setting": "OnlyThisList"}]
    target.sandbox.seed("campaign_monitor", lists=lists)
    rows = people(3)
    target.run(stream(rows), sync_mode="mirror")
    target.run(stream(rows[2:]), sync_mode="mirror")
    target.sandbox.seed("campaign_monitor", suppressed=[{"email": rows[0]["EMail"]}])
    ran = target.run(stream(rows), sync_mode="mirror")
    assert ran.counts == {"received": 3, "created": 1, "unchanged": 1, "suppressed": 1}
    assert target.on_list() == emails(rows[1:])


@pytest.mark.parametrize("only_this_list", [False, True])
@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        ("throttle", {"path": "import", "skip": 1}),
        ("status", {"path": "import", "skip": 1, "status": 401, "body": {"Code": 100, "Message": "Invalid"}}),
        ("throttle", {"path": "suppressionlist"}),
        ("status", {"path": "suppressionlist", "status": 401, "body": {"Code": 100, "Message": "Invalid"}}),
    ],
)
def test_rows_of_an_import_whose_second_pass_failed_leave_with_their_segment(
    to_campaign_monitor: Target, fault: str, settings: dict[str, Any], *, only_this_list: bool
) -> None:
    target = to_campaign_monitor
    if only_this_list:
        lists = [{"list_id": target.list_id, "title": "Newsletter", "unsubscribe_setting": "OnlyThisList"}]
        target.sandbox.seed("campaign_monitor", lists=lists)
    rows, others = people(3), people(2, start=10)
    target.run(stream([*rows, *others]), sync_mode="mirror")
    target.run(stream(others), sync_mode="mirror")
    number = target.sandbox.fault(fault, **settings)
    # The newcomers are stored by the first pass; those who come back need the second, which fails.
    newcomers = people(2, start=20)
    broken = target.run(stream([*rows, *others, *newcomers]), sync_mode="mirror", max_attempts=1)
    assert broken.code != 0
    # A list that heeds the suppression list is not sent to before that is read.
    stored = only_this_list or settings["path"] == "import"
    assert target.on_list() == emails([*others, *(newcomers if stored else [])])
    target.sandbox.control("DELETE", f"/faults/{number}")
    ran = target.run(stream([*rows, *others]), sync_mode="mirror")
    assert ran.code == 0
    assert target.on_list() == emails([*rows, *others])


def test_a_second_pass_that_is_refused_for_what_is_in_it_costs_nobody_else_their_place(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    rows, others = people(4), people(2, start=10)
    target.run(stream([*rows, *others]), sync_mode="mirror")
    target.run(stream(others), sync_mode="mirror")
    refusal = {"status": 400, "body": {"Code": 400, "Message": "Failed to deserialize your request."}}
    # The first pass is taken; all of the second, then its first half, then the first of that half are refused.
    target.sandbox.fault("status", path="import", skip=1, count=3, **refusal)
    newcomers = people(1, start=20)
    ran = target.run(stream([*rows, *others, *newcomers]), sync_mode="mirror")
    assert (ran.code, ran.counts["rejected"], ran.counts["created"]) == (0, 1, 4)
    assert target.on_list() == emails([*rows[1:], *others, *newcomers])
    assert target.rows_sent()[-6:] == [5, None, None, None, 1, 2], "refused requests have no count of rows"


@pytest.mark.parametrize(
    ("path", "status", "code"), [("suppressionlist", 401, 60), ("/clients.json", 403, 403), ("/lists.json", 401, 102)]
)
def test_credentials_that_may_not_read_the_suppression_list_leave_it_to_the_platform(
    to_campaign_monitor: Target, path: str, status: int, code: int
) -> None:
    target = to_campaign_monitor
    rows = people(4)
    target.run(stream(rows), sync_mode="mirror")
    target.run(stream(rows[2:]), sync_mode="mirror")
    target.sandbox.seed("campaign_monitor", suppressed=[{"email": "new@example.com"}])
    target.sandbox.fault("status", path=path, status=status, body={"Code": code, "Message": "No"})
    ran = target.run(stream([*rows, {"CustomerId": "n", "EMail": "new@example.com"}]), sync_mode="mirror")
    assert ran.code == 0
    # Nobody comes back of whom it is not known that they may.
    assert ran.counts == {"received": 5, "unchanged": 2, "suppressed": 3}
    assert ran.stderr.count("The suppression list cannot be read") == 1
