"""People who unsubscribed, bounced or left a list stay away, and each of them is named with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from constant_contact_api import ConstantContactApi
from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Target

CAMPAIGN_MONITOR_STATES = {
    "unsubscribed@example.com": ("Unsubscribed", 206),
    "bounced@example.com": ("Bounced", 207),
    "deleted@example.com": ("Deleted", 205),
    "unconfirmed@example.com": ("Unconfirmed", 208),
}


def profiles(*emails: str, **values: Any) -> list[dict[str, Any]]:
    return [{"CustomerId": email.split("@")[0], "EMail": email, "FirstName": "Kim", **values} for email in emails]


def test_campaign_monitor_takes_the_good_rows_and_every_other_one_keeps_its_state_and_gets_its_reason(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    known = [{"email": email, "state": state} for email, (state, _) in CAMPAIGN_MONITOR_STATES.items()]
    suppressed = [{"email": "suppressed@example.com"}]
    target.sandbox.seed("campaign_monitor", subscribers=known, suppressed=suppressed)
    emails = [*CAMPAIGN_MONITOR_STATES, "suppressed@example.com", "good@example.com", "better@example.com"]

    ran = target.run(stream(profiles(*emails)))

    assert ran.code == 0
    [imported] = target.imports()
    assert (imported["status"], imported["rows"]) == (400, 6), "somebody suppressed was sent"
    assert ran.counts == {"received": 7, "created": 2, "suppressed": 5}
    reasons = {email: f"code {code}" for email, (_, code) in CAMPAIGN_MONITOR_STATES.items()}
    for email, reason in {**reasons, "suppressed@example.com": "suppression list"}.items():
        problem = ran.problem_of(email)
        assert (problem["outcome"], problem["code"]) == ("suppressed", "CIX-706")
        assert reason in problem["reason"]
    states = {email: member["state"] for email, member in target.members().items()}
    assert states == {email: state for email, (state, _) in CAMPAIGN_MONITOR_STATES.items()} | {
        "good@example.com": "Active",
        "better@example.com": "Active",
    }
    assert "suppressed@example.com" not in target.on_list()


def test_somebody_whom_an_export_put_on_the_list_and_who_then_unsubscribed_stays_away(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    target.run(stream(profiles("anna@example.com", "bo@example.com")))
    target.sandbox.seed("campaign_monitor", subscribers=[{"email": "anna@example.com", "state": "Unsubscribed"}])
    ran = target.run(stream(profiles("anna@example.com", "bo@example.com", City="Ribe")))
    assert ran.counts == {"received": 2, "updated": 1, "suppressed": 1}
    assert target.on_list() == {"bo@example.com"}
    assert target.members()["anna@example.com"]["fields"] == {}


def test_a_person_whom_the_platform_suppresses_is_not_sent_again_by_every_run(target: Target) -> None:
    if target.is_campaign_monitor:
        gone: dict[str, Any] = {"subscribers": [{"email": "gone@example.com", "state": "Unsubscribed"}]}
    else:
        gone = {"contacts": [{"email": "gone@example.com", "permission": "unsubscribed"}]}
    target.sandbox.seed(target.platform, **gone)
    segment = stream(profiles("gone@example.com", "good@example.com"))
    first = target.run(segment)
    target.forget_requests()
    second = target.run(segment)
    assert first.counts == {"received": 2, "created": 1, "suppressed": 1}
    assert second.counts == {"received": 2, "unchanged": 1, "suppressed": 1}
    assert second.problem_of("gone@example.com")["outcome"] == "suppressed"
    assert target.writes() == []


def test_constant_contact_counts_only_so_the_few_who_could_not_be_added_are_looked_up(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    gone = [f"gone{number}@example.com" for number in range(3)]
    target.sandbox.seed("constant_contact", contacts=[{"email": email, "permission": "unsubscribed"} for email in gone])
    ran = target.run(stream(profiles(*gone, "good@example.com")))
    assert ran.code == 0
    assert ran.counts == {"received": 4, "created": 1, "suppressed": 3}
    assert {line["email"] for line in ran.rejected} == set(gone)
    assert {line["code"] for line in ran.rejected} == {"CIX-706"}
    assert target.on_list() == {"good@example.com"}


def test_the_many_who_could_not_be_added_are_found_in_listings_and_not_one_by_one(to_constant_contact: Target) -> None:
    target = to_constant_contact
    gone = [f"gone{number:03}@example.com" for number in range(130)]
    target.sandbox.seed("constant_contact", contacts=[{"email": email, "permission": "unsubscribed"} for email in gone])
    target.forget_requests()
    ran = target.run(stream(profiles(*gone, "good@example.com", "better@example.com")))
    assert ran.counts == {"received": 132, "created": 2, "suppressed": 130}
    assert {line["email"] for line in ran.rejected if line["outcome"] == "suppressed"} == set(gone)
    assert target.on_list() == {"good@example.com", "better@example.com"}
    assert len(target.requests("GET", "/contacts")) < 10


def test_a_row_that_constant_contact_does_not_take_is_rejected_and_the_others_are_confirmed(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    too_long = f"{'x' * 60}@example.com"  # the import's contract has 50, the rest of the API 80
    ran = target.run(stream(profiles(too_long, "good@example.com")), max_rejected_ratio=1)
    assert ran.code == 0
    assert ran.counts == {"received": 2, "created": 1, "rejected": 1}
    problem = ran.problem_of(too_long)
    assert (problem["code"], problem["reason"]) == (
        "CIX-705",
        "Constant Contact did not take the row: Invalid email address",
    )
    assert target.on_list() == {"good@example.com"}


@pytest.fixture
def exported(to_constant_contact: Target) -> Target:
    """An export of two people, of whom one then leaves the list by their own act, but not the account."""
    target = to_constant_contact
    target.run(stream(profiles("left@example.com", "stayed@example.com", City="Århus")))
    target.sandbox.seed("constant_contact", contacts=[{"email": "left@example.com", "lists": []}])
    assert target.on_list() == {"stayed@example.com"}
    target.forget_requests()
    return target


def test_who_left_a_list_is_not_put_back_when_their_profile_changes_though_their_data_is(exported: Target) -> None:
    ran = exported.run(stream(profiles("left@example.com", "stayed@example.com", City="Ribe", LastName="Moe")))

    assert ran.code == 0
    assert ran.counts == {"received": 2, "updated": 2}
    assert exported.on_list() == {"stayed@example.com"}
    api = ConstantContactApi(exported.sandbox)
    left, stayed = api.contact("left@example.com"), api.contact("stayed@example.com")
    assert (left["last_name"], left["custom_fields"]) == ("Moe", {"City": "Ribe"})
    assert (stayed["last_name"], stayed["custom_fields"]) == ("Moe", {"City": "Ribe"})
    assert left["list_memberships"] == []
    assert stayed["list_memberships"] == [exported.list_id]
    assert list(api.people_in_transit().values()) == [0]


def test_who_left_a_list_is_not_put_back_by_a_run_without_changes(exported: Target) -> None:
    ran = exported.run(stream(profiles("left@example.com", "stayed@example.com", City="Århus")))
    assert ran.counts == {"received": 2, "unchanged": 2}
    assert exported.on_list() == {"stayed@example.com"}
    assert exported.writes() == []


def test_the_transit_list_is_made_once(exported: Target) -> None:
    for city in ("Ribe", "Odense"):
        exported.run(stream(profiles("left@example.com", "stayed@example.com", City=city)))
    assert len(exported.requests("POST", "/contact_lists")) == 1
    api = ConstantContactApi(exported.sandbox)
    assert list(api.people_in_transit().values()) == [0]
    assert api.contact("left@example.com")["custom_fields"] == {"City": "Odense"}


def test_a_change_of_somebody_who_unsubscribed_since_is_suppressed_and_puts_them_on_no_list(exported: Target) -> None:
    gone = {"email": "stayed@example.com", "permission": "unsubscribed"}
    exported.sandbox.seed("constant_contact", contacts=[gone])
    ran = exported.run(stream(profiles("left@example.com", "stayed@example.com", City="Ribe")))
    assert ran.counts == {"received": 2, "updated": 1, "suppressed": 1}
    assert ran.problem_of("stayed@example.com")["code"] == "CIX-706"
    assert ConstantContactApi(exported.sandbox).contact("stayed@example.com")["list_memberships"] == []


def test_a_mirror_takes_off_the_list_whoever_left_the_segment_and_deletes_nobody(target: Target) -> None:
    everybody = people(20)
    target.run(stream(everybody), sync_mode="mirror")
    ran = target.run(stream(everybody[2:]), sync_mode="mirror")
    assert ran.code == 0
    assert ran.counts == {"received": 18, "unchanged": 18, "removed": 2}
    assert target.on_list() == {row["EMail"] for row in everybody[2:]}
    if not target.is_campaign_monitor:
        leaver = ConstantContactApi(target.sandbox).contact(everybody[0]["EMail"])
        assert leaver["email_address"]["permission_to_send"] == "implicit"


def test_who_was_taken_off_by_us_comes_back_after_the_platform_suppressed_them_for_a_while(
    to_campaign_monitor: Target,
) -> None:
    target, everybody = to_campaign_monitor, people(3)
    again = {"sync_mode": "mirror", "max_removal_ratio": 1, "ask_suppressed_again_days": 0}
    target.run(stream(everybody), **again)
    target.run(stream(everybody[1:]), **again)
    fault = target.sandbox.fault("status", path="suppressionlist", status=401, body={"Code": 60, "Message": "No."})
    assert target.run(stream(everybody), **again).counts == {"received": 3, "unchanged": 2, "suppressed": 1}
    target.sandbox.control("DELETE", f"/faults/{fault}")

    assert target.run(stream(everybody), **again).counts["created"] == 1
    assert target.on_list() == {row["EMail"] for row in everybody}
