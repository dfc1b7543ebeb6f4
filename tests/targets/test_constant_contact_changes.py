"""Changed people at Constant Contact: who was deleted stays deleted, and what has become empty is cleared."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from audience_sdk.contact import StagedRow
from audience_sdk.http import Reply
from constant_contact_api import ConstantContactApi
from target_constant_contact.clearing import Clearing
from target_process import MAPPING, people, stream

if TYPE_CHECKING:
    from target_process import Target

DELETED = "person00001@example.com"
WIDE = {
    **MAPPING,
    "home_phone": "HomePhone",
    "work_phone": "WorkPhone",
    "work_city": "WorkCity",
    "work_country": "WorkCountry",
    "birthday_month": "Month",
    "birthday_day": "Day",
}
COLUMNS = ("City", "LoyaltyPoints", "HomePhone", "WorkPhone", "WorkCity", "WorkCountry", "Month", "Day")
FULL = {
    "LastName": "Moe",
    "City": "Ribe",
    "LoyaltyPoints": 12,
    "LastPurchase": "2026-01-31",
    "HomePhone": "555 0100",
    "WorkPhone": "555 0101",
    "WorkCity": "Esbjerg",
    "WorkCountry": "Denmark",
    "Month": 2,
    "Day": 29,
}


def wide(*rows: dict[str, Any]) -> str:
    return stream(rows, columns=COLUMNS)


@pytest.mark.parametrize("imported", ["revive", "skip"])
def test_a_change_leaves_a_deleted_contact_deleted_and_says_so(to_constant_contact: Target, imported: str) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.import_deleted", imported)
    target.run(stream(people(3)))
    target.sandbox.seed("constant_contact", contacts=[{"email": DELETED, "deleted": True}])
    target.forget_requests()

    ran = target.run(stream(people(3, City="Ribe")))

    assert ran.code == 0
    assert ran.counts == {"received": 3, "updated": 2, "suppressed": 1}
    problem = ran.problem_of(DELETED)
    assert (problem["outcome"], problem["code"]) == ("suppressed", "CIX-711")
    deleted = ConstantContactApi(target.sandbox).contact(DELETED)
    assert deleted["deleted_at"]
    assert deleted["list_memberships"] == []
    assert target.rows_sent() == [2]


def test_deleted_people_are_looked_up_one_by_one_or_in_one_listing_whichever_is_cheaper(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.run(stream(people(40)))
    gone = [{"email": f"gone{number}@example.com", "deleted": True} for number in range(10)]
    target.sandbox.seed("constant_contact", contacts=[*gone, {"email": DELETED, "deleted": True}])

    target.forget_requests()
    ran = target.run(stream([*people(1, City="Ribe"), *people(39, start=2)]), read_back_sample=0)
    assert ran.counts == {"received": 40, "suppressed": 1, "unchanged": 39}
    assert [sorted(each["query"]) for each in target.requests("GET", "/contacts")] == [
        ["email", "include", "limit", "status"]
    ]

    target.forget_requests()
    ran = target.run(stream(people(40, City="Odense")), read_back_sample=0, max_cleared=0)
    assert ran.counts == {"received": 40, "suppressed": 1, "updated": 39}
    asked = [sorted(each["query"]) for each in target.requests("GET", "/contacts") if "lists" not in each["query"]]
    assert asked == [["include_count", "limit", "status"], ["limit", "status"]]


def test_a_deleted_contact_who_joins_the_segment_joins_the_list(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.sandbox.seed("constant_contact", contacts=[{"email": DELETED, "deleted": True}])
    assert target.run(stream(people(2))).counts == {"received": 2, "created": 2}
    assert DELETED in target.on_list()


def test_unsubscribing_those_who_leave_leaves_deleted_contacts_deleted(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(12)), sync_mode="mirror")
    target.sandbox.seed("constant_contact", contacts=[{"email": DELETED, "deleted": True}])
    ran = target.run(stream(people(10, start=3)), sync_mode="mirror", on_leave="unsubscribe")
    assert ran.counts == {"received": 10, "unchanged": 10, "removed": 2}
    assert ConstantContactApi(target.sandbox).contact(DELETED)["deleted_at"]
    ran = target.run(stream(people(12)), sync_mode="mirror", on_leave="unsubscribe")
    assert ran.counts == {"received": 12, "unchanged": 10, "suppressed": 2}, "one was deleted, one is unsubscribed"
    assert ConstantContactApi(target.sandbox).contact(DELETED)["deleted_at"]


@pytest.fixture
def filled(to_constant_contact: Target) -> Target:
    """An export of eight people with a value in every mapped field."""
    target = to_constant_contact
    target.config["field_mapping"] = WIDE
    ran = target.run(wide(*people(8, **FULL)))
    assert ran.counts == {"received": 8, "created": 8}
    target.forget_requests()
    return target


def test_values_that_have_become_empty_are_cleared_and_all_others_stay(filled: Target) -> None:
    api = ConstantContactApi(filled.sandbox)
    before = api.contact(DELETED)
    emptied = {"LastName": None, "City": "", "WorkPhone": None, "WorkCity": None, "Month": None, "Day": None}
    ran = filled.run(wide({**people(1, **FULL)[0], **emptied}, *people(7, start=2, **FULL)))
    assert ran.counts == {"received": 8, "updated": 1, "unchanged": 7}
    assert ran.summary["warnings"] == {}
    after = api.contact(DELETED)
    for gone in ("last_name", "birthday_month", "birthday_day"):
        assert before[gone]
        assert gone not in after
    assert after["first_name"] == "Given1"
    assert after["custom_fields"] == {"Loyalty Points": "12", "Last Purchase": "2026-01-31"}
    whole = api.get(f"/contacts/{after['contact_id']}", include="phone_numbers,street_addresses")
    assert [(each["kind"], each["phone_number"]) for each in whole["phone_numbers"]] == [("home", "555 0100")]
    assert [(each["kind"], each.get("city"), each["country"]) for each in whole["street_addresses"]] == [
        ("work", None, "Denmark")
    ]
    assert after["list_memberships"] == before["list_memberships"]
    assert len(filled.requests("PUT", f"/contacts/{after['contact_id']}")) == 1


def test_a_change_of_an_earlier_run_clears_nothing_that_only_the_mapping_of_now_has(
    to_constant_contact: Target,
) -> None:
    target, segment = to_constant_contact, [{**row, "City": "Odense"} for row in people(2, **FULL)]
    target.config["field_mapping"] = {name: column for name, column in WIDE.items() if name != "last_name"}
    assert target.run(wide(*people(2, **FULL))).code == 0
    gone, stays = (row["EMail"] for row in segment)
    for email in (gone, stays):
        lists = [target.config["list_id"]]
        target.sandbox.seed("constant_contact", contacts=[{"email": email, "last_name": "Owner", "lists": lists}])
    target.sandbox.fault("activity_delay", path="contacts_json_import", seconds=3_600, count=1)
    assert target.run(wide(*segment), job_deadline_seconds=1).counts["deferred"] == 2
    target.sandbox.advance(7_200)

    target.config["field_mapping"] = WIDE
    ran = target.run(wide(*segment[1:]))

    assert (ran.code, ran.counts) == (0, {"received": 1, "updated": 1})
    api = ConstantContactApi(target.sandbox)
    assert (api.contact(gone)["last_name"], api.contact(stays)["last_name"]) == ("Owner", "Moe")
    assert target.members()[gone]["fields"]["city"] == "Odense"


def test_of_many_emptied_values_so_many_are_cleared_as_the_setting_says_and_the_others_are_counted(
    filled: Target,
) -> None:
    ran = filled.run(wide(*people(8, **{**FULL, "City": None})), max_cleared=3)
    assert ran.counts == {"received": 8, "updated": 8}
    assert list(ran.summary["warnings"].values()) == [5]
    assert "max_cleared" in next(iter(ran.summary["warnings"]))
    kept = [member for member in filled.members().values() if "city" in member["fields"]]
    assert len(kept) == 5
    assert len([each for each in filled.writes() if each.startswith("PUT")]) == 3
    listings = [each for each in filled.requests("GET", "/contacts") if "lists" in each["query"]]
    assert len(listings) == 1, "people were looked up one by one"


def test_without_clearing_nobody_is_looked_at(filled: Target) -> None:
    ran = filled.run(wide(*people(8, **{**FULL, "City": None})), max_cleared=0, read_back_sample=0)
    assert ran.counts == {"received": 8, "updated": 8}
    assert [each for each in filled.requests("GET", "/contacts") if "lists" in each["query"]] == []
    assert len([member for member in filled.members().values() if "city" in member["fields"]]) == 8


def test_a_clearing_that_the_platform_refuses_is_counted_and_nobody_is_lost(filled: Target) -> None:
    filled.sandbox.fault("status", status=400, method="PUT", count=1)
    ran = filled.run(wide(*people(2, **{**FULL, "City": None}), *people(6, start=3, **FULL)))
    assert ran.counts == {"received": 8, "updated": 2, "unchanged": 6}
    assert ran.summary["warnings"] == {"`cf:city`: is empty now, and could not be cleared (HTTP 400).": 1}


@pytest.mark.parametrize("blank", ["ignore", "clear"])
def test_what_a_blank_does_in_an_import_matters_not_as_none_is_sent(filled: Target, blank: str) -> None:
    filled.sandbox.switch("constant_contact.import_blank", blank)
    ran = filled.run(wide(*people(8, **{**FULL, "City": ""})))
    assert ran.counts == {"received": 8, "updated": 8}
    assert not [member for member in filled.members().values() if "city" in member["fields"]]


def test_nobody_is_brought_back_or_written_by_a_clearing(filled: Target) -> None:
    gone = {"email": DELETED, "permission": "unsubscribed"}
    filled.sandbox.seed("constant_contact", contacts=[gone])
    ran = filled.run(wide(*people(8, **{**FULL, "City": None})))
    assert ran.counts == {"received": 8, "updated": 7, "suppressed": 1}
    assert len([each for each in filled.writes() if each.startswith("PUT")]) == 7


class Moving:
    """An API whose contacts change between a listing and what follows it."""

    def __init__(self, emails: list[str], meanwhile: dict[str, Any]) -> None:
        self.stop = threading.Event()
        self.stop_after = len(emails)
        self.put: list[dict[str, Any]] = []
        self._meanwhile = meanwhile
        self._contacts = {
            email: {
                "contact_id": email,
                "email_address": {"address": email, "permission_to_send": "implicit"},
                "last_name": "Moe",
                "job_title": "Baker",
            }
            for email in emails
        }

    def call(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, body: bytes = b"", **_: object
    ) -> Reply:
        if method == "PUT":
            self.put.append(msgspec.json.decode(body))
            if len(self.put) == self.stop_after:
                self.stop.set()
            return Reply(200, {}, b"{}")
        assert (method, path) == ("GET", "/contacts")
        if params and "email" in params:
            found = [self._contacts[params["email"]]]
        else:
            found = msgspec.json.decode(msgspec.json.encode(list(self._contacts.values())))
            next(iter(self._contacts.values())).update(self._meanwhile)
        return Reply(200, {}, msgspec.json.encode({"contacts": found}))


def clear(api: Moving, emails: list[str]) -> list[str]:
    """Clear the last names of people whose rows have none any more."""
    rows = [StagedRow(email, email, "", (), b'{"job_title": "Baker"}') for email in emails]
    mapped = frozenset({"last_name", "job_title"})
    return Clearing(api, 500).clear(rows, mapped, {}, list_id="L", since=datetime.now(timezone.utc))


EMAILS = [row["EMail"] for row in people(8)]


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"email_address": {"address": EMAILS[0], "permission_to_send": "unsubscribed"}},
        {"deleted_at": "2026-11-22T00:00:00Z"},
        {"last_name": None},
        {"email_address": {"address": "moved@example.com", "permission_to_send": "implicit"}},
    ],
    ids=["unsubscribed", "deleted", "emptied", "another address"],
)
def test_who_has_changed_since_the_listing_is_not_written_by_a_clearing(meanwhile: dict[str, Any]) -> None:
    api = Moving(EMAILS, meanwhile)
    assert clear(api, EMAILS) == []
    assert [each["email_address"]["address"] for each in api.put] == EMAILS[1:]


def test_a_clearing_writes_a_contact_as_it_is_and_not_as_a_listing_has_shown_it() -> None:
    api = Moving(EMAILS, {"job_title": "Miller"})
    assert clear(api, EMAILS) == []
    assert [each["job_title"] for each in api.put] == ["Miller", *["Baker"] * 7]
    assert not [each for each in api.put if "last_name" in each]


def test_a_clearing_ends_when_the_run_is_stopped_and_says_of_how_many_it_does_not_know() -> None:
    api = Moving(EMAILS, {})
    api.stop_after = 3
    warnings = clear(api, EMAILS)
    assert len(api.put) == 3
    assert warnings == ["Values that are empty now may be there still: the run was stopped."] * 5
