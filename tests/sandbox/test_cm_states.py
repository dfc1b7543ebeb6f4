"""Campaign Monitor: the state machine of a subscriber, as a table and through the API."""

from __future__ import annotations

from typing import Any

import pytest
from cix_sandbox.campaign_monitor.states import EntryRules, State, Verdict, enter
from cm_api import CLIENT, LIST, Api, person, problem

ANNA = "anna@example.com"
COI = "c01157c01157c01157c01157c01157c0"

# before, suppressed, on which list, Resubscribe -> state afterwards, code of the failure
TABLE = [
    (None, False, "plain", False, "Active", None),
    (None, False, "plain", True, "Active", None),
    (None, False, "confirmed", False, "Unconfirmed", None),
    (None, False, "confirmed", True, "Unconfirmed", None),
    ("Active", False, "plain", False, "Active", None),
    ("Active", False, "plain", True, "Active", None),
    ("Deleted", False, "plain", False, "Deleted", 205),
    ("Deleted", False, "plain", True, "Active", None),
    ("Unsubscribed", False, "plain", False, "Unsubscribed", 206),
    ("Unsubscribed", False, "plain", True, "Active", None),
    ("Bounced", False, "plain", False, "Bounced", 207),
    ("Bounced", False, "plain", True, "Active", None),
    ("Unconfirmed", False, "plain", False, "Unconfirmed", 208),
    ("Unconfirmed", False, "plain", True, "Active", None),
    ("Unconfirmed", False, "confirmed", False, "Unconfirmed", 208),
    (None, True, "plain", False, None, 204),
    (None, True, "plain", True, "Active", None),
    ("Active", True, "plain", False, "Active", 204),
    ("Active", True, "plain", True, "Active", None),
    ("Deleted", True, "plain", False, "Deleted", 204),
    ("Deleted", True, "plain", True, "Active", None),
    ("Unsubscribed", True, "plain", False, "Unsubscribed", 204),
    ("Unsubscribed", True, "plain", True, "Active", None),
    ("Bounced", True, "plain", False, "Bounced", 204),
    ("Unconfirmed", True, "plain", False, "Unconfirmed", 204),
    (None, True, "alone", False, "Active", None),
    ("Active", True, "alone", False, "Active", None),
    ("Deleted", True, "alone", False, "Deleted", 205),
    ("Unsubscribed", True, "alone", False, "Unsubscribed", 206),
    ("Bounced", True, "alone", False, "Bounced", 207),
]
LISTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "confirmed": {"confirmed_opt_in": True},
    "alone": {"unsubscribe_setting": "OnlyThisList"},
}


def prepare(cm: Api, before: str | None, kind: str, *, suppressed: bool) -> None:
    people = [{"email": ANNA, "name": "Before", "state": before}] if before else []
    addresses = [{"email": ANNA, "reason": "Unsubscribed"}] if suppressed else []
    cm.sandbox.seed(
        "campaign_monitor",
        list_id=COI,
        lists=[{"list_id": COI, "title": "Another", **LISTS[kind]}],
        subscribers=people,
        suppressed=addresses,
    )


@pytest.mark.parametrize(("before", "suppressed", "kind", "resubscribe", "after", "code"), TABLE)
def test_an_import_follows_the_state_machine(
    cm: Api, before: str | None, kind: str, after: str | None, code: int | None, *, suppressed: bool, resubscribe: bool
) -> None:
    prepare(cm, before, kind, suppressed=suppressed)
    row = person(ANNA, Name="After")
    assert cm.failures(row, list_id=COI, Resubscribe=resubscribe) == ({ANNA: code} if code else {})
    assert cm.states(COI) == ({ANNA: after} if after else {})
    if after:
        assert cm.member(ANNA, COI)["name"] == ("Before" if code else "After")


@pytest.mark.parametrize(("before", "suppressed", "kind", "resubscribe", "after", "code"), TABLE)
def test_adding_one_follows_the_same_state_machine(
    cm: Api, before: str | None, kind: str, after: str | None, code: int | None, *, suppressed: bool, resubscribe: bool
) -> None:
    prepare(cm, before, kind, suppressed=suppressed)
    response = cm.add(person(ANNA, Resubscribe=resubscribe), COI)
    assert (response.status_code, response.json()) == (201, ANNA) if not code else problem(response) == (400, code)
    assert cm.states(COI) == ({ANNA: after} if after else {})


@pytest.mark.parametrize(
    ("before", "resubscribe", "bucket"),
    [
        (None, False, "TotalNewSubscribers"),
        ("Active", False, "TotalExistingSubscribers"),
        ("Deleted", True, "TotalExistingSubscribers"),
        ("Unsubscribed", True, "TotalExistingSubscribers"),
    ],
)
def test_the_bucket_of_a_row(cm: Api, before: str | None, bucket: str, *, resubscribe: bool) -> None:
    prepare(cm, before, "plain", suppressed=False)
    result = cm.result(person(ANNA), list_id=COI, Resubscribe=resubscribe)
    names = ("TotalNewSubscribers", "TotalExistingSubscribers")
    assert {name: result[name] for name in names} == {name: int(name == bucket) for name in names}


@pytest.mark.parametrize(("before", "new"), [("Deleted", 1), ("Active", 0)])
def test_the_bucket_of_the_resubscribed_is_a_switch(cm: Api, before: str, new: int) -> None:
    cm.switch(resubscribed_counts_as="new")
    cm.seed({"email": ANNA, "state": before})
    assert cm.result(person(ANNA), Resubscribe=True)["TotalNewSubscribers"] == new


@pytest.mark.parametrize(("switch", "state", "code"), [("204", None, 204), ("allow", "Active", None)])
def test_a_suppressed_newcomer_is_a_switch(cm: Api, switch: str, state: str | None, code: int | None) -> None:
    cm.switch(suppressed_newcomer=switch)
    cm.seed(suppressed=[{"email": ANNA}])
    assert cm.failures(person(ANNA)) == ({ANNA: code} if code else {})
    assert cm.states() == ({ANNA: state} if state else {})


@pytest.mark.parametrize(("first", "code"), [(True, 204), (False, 205)])
def test_which_code_comes_first_is_a_switch(cm: Api, code: int, *, first: bool) -> None:
    cm.switch(suppressed_first=first)
    cm.seed({"email": ANNA, "state": "Deleted"}, suppressed=[{"email": ANNA}])
    assert cm.failures(person(ANNA)) == {ANNA: code}


@pytest.mark.parametrize(("lifts", "left"), [(True, []), (False, [ANNA])])
def test_whether_a_resubscription_lifts_the_suppression_is_a_switch(cm: Api, left: list[str], *, lifts: bool) -> None:
    cm.switch(resubscribe_lifts_suppression=lifts)
    cm.seed({"email": ANNA, "state": "Unsubscribed"}, suppressed=[{"email": ANNA}])
    assert cm.failures(person(ANNA), Resubscribe=True) == {}
    assert cm.suppressed() == left


def test_an_import_without_resubscribe_never_lifts_a_suppression(cm: Api) -> None:
    cm.switch(suppressed_newcomer="allow")
    cm.seed(suppressed=[{"email": ANNA}])
    assert cm.failures(person(ANNA)) == {}
    assert cm.suppressed() == [ANNA]


@pytest.mark.parametrize(("switch", "state"), [("active", "Active"), ("unconfirmed", "Unconfirmed")])
def test_what_resubscribe_makes_of_the_unconfirmed_is_a_switch(cm: Api, switch: str, state: str) -> None:
    cm.switch(unconfirmed_resubscribed=switch)
    prepare(cm, "Unconfirmed", "confirmed", suppressed=False)
    cm.post_import(person(ANNA), list_id=COI, Resubscribe=True)
    assert cm.states(COI) == {ANNA: state}


@pytest.mark.parametrize(("switch", "name"), [("keep", "Before"), ("update", "After")])
def test_whether_a_refused_row_updates_its_fields_is_a_switch(cm: Api, switch: str, name: str) -> None:
    cm.switch(inactive_row_fields=switch)
    cm.seed({"email": ANNA, "name": "Before", "state": "Unsubscribed"}, suppressed=[{"email": "new@example.com"}])
    rows: list[dict[str, Any]] = [person(ANNA, Name="After"), person("new@example.com")]
    assert cm.failures(*rows) == {ANNA: 206, "new@example.com": 204}
    assert cm.member(ANNA)["name"] == name
    assert cm.states() == {ANNA: "Unsubscribed"}


def test_two_passes_bring_back_the_deleted_and_nobody_who_left(cm: Api) -> None:
    cm.seed(
        {"email": "gone@example.com", "state": "Deleted"},
        {"email": "left@example.com", "state": "Unsubscribed"},
        {"email": "both@example.com", "state": "Deleted"},
        suppressed=[{"email": "both@example.com"}],
    )
    rows = {email: person(email) for email in cm.states()}
    failed = cm.failures(*rows.values())
    cm.post_import(*[row for email, row in rows.items() if failed[email] == 205], Resubscribe=True)
    assert cm.states() == {
        "gone@example.com": "Active",
        "left@example.com": "Unsubscribed",
        "both@example.com": "Deleted",
    }


def test_unsubscribing_leads_to_204_and_deleting_to_205(cm: Api) -> None:
    cm.post_import(person(ANNA), person("ben@example.org"))
    cm.post(f"/subscribers/{LIST}/unsubscribe.json", {"EmailAddress": ANNA})
    cm.remove("ben@example.org")
    assert cm.failures(person(ANNA), person("ben@example.org")) == {ANNA: 204, "ben@example.org": 205}
    cm.put(f"/clients/{CLIENT}/unsuppress.json", email=ANNA)
    assert cm.failures(person(ANNA)) == {ANNA: 206}


def test_the_pure_machine_refuses_nobody_who_resubscribes() -> None:
    rules = EntryRules(confirmed_opt_in=False, heeds_suppression=True)
    for before in (None, *State):
        for suppressed in (False, True):
            verdict = enter(before, suppressed=suppressed, resubscribe=True, rules=rules)
            assert verdict == Verdict(State.ACTIVE)
