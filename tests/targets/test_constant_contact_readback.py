"""What counts alone leave open at Constant Contact is found out, in few requests, and nobody is named wrongly."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from audience_sdk.contact import Action, Outcome, StagedRow
from audience_sdk.destination import Batch
from audience_sdk.http import Reply
from constant_contact_api import ConstantContactApi
from target_constant_contact.addresses import AddressSet
from target_constant_contact.answers import reasons
from target_constant_contact.destination import ConstantContact
from target_constant_contact.readback import Landed, ReadBack
from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Target

LIST = "L1"
MANY = [f"p{number:05}@example.com" for number in range(4_000)]


class Account:
    """An API with contacts behind it, that answers listings and look-ups and counts them."""

    def __init__(self, on_list: list[str], unsubscribed: list[str] | None = None) -> None:
        self.contacts = {
            **{email: self._contact(email, "implicit", [LIST]) for email in on_list},
            **{email: self._contact(email, "unsubscribed", []) for email in unsubscribed or ()},
        }
        self.stop = threading.Event()
        self.asked: list[dict[str, Any]] = []
        self.touched = set(self.contacts)

    @staticmethod
    def _contact(email: str, permission: str, lists: list[str]) -> dict[str, Any]:
        address = {"address": email, "permission_to_send": permission}
        return {"contact_id": f"id {email}", "email_address": address, "list_memberships": lists}

    def call(self, method: str, path: str, *, params: dict[str, Any] | None = None, **_: object) -> Reply:
        if path == "/activities":
            return Reply(200, {}, b"{}")
        if method == "POST":
            return Reply(201, {}, b'{"activity_id": "removal"}')
        assert (method, path) == ("GET", "/contacts")
        assert params is not None
        self.asked.append(params)
        found = list(self.contacts.values())
        if "email" in params:
            found = [self.contacts[params["email"]]] if params["email"] in self.contacts else []
        elif params["status"] == "unsubscribed":
            found = [each for each in found if each["email_address"]["permission_to_send"] == "unsubscribed"]
        elif "lists" in params:
            found = [each for each in found if LIST in each["list_memberships"]]
            if "updated_after" in params:
                found = [each for each in found if each["email_address"]["address"] in self.touched]
        at = int(params.get("cursor", 0))
        body: dict[str, Any] = {"contacts": found[at : at + 500]}
        if found[at + 500 :]:
            query = "&".join(f"{name}={value}" for name, value in {**params, "cursor": at + 500}.items())
            body["_links"] = {"next": {"href": f"/v3/contacts?{query}"}}
        return Reply(200, {}, msgspec.json.encode(body))


def activity(rows: int, *, refused: int = 0, not_added: int = 0, errors: tuple[str, ...] = ()) -> dict[str, Any]:
    counters = {"person_count": rows - refused, "error_count": refused, "cannot_add_to_list_count": not_added}
    return {"activity_id": "a", "state": "completed", "status": counters, "activity_errors": list(errors)}


def leaver(email: str) -> StagedRow:
    return StagedRow(email, email, "", (), b"")


def read_back(account: Account, answer: dict[str, Any], emails: list[str], reader: ReadBack | None = None) -> Landed:
    return (reader or ReadBack(account)).landed(answer, emails, LIST, time.time(), counted=True)


def test_in_a_large_import_the_unsubscribed_are_known_from_one_listing_for_the_whole_run() -> None:
    gone = MANY[10:30]
    account = Account([email for email in MANY if email not in gone], gone)
    reader = ReadBack(account)
    for _ in range(3):
        found = read_back(account, activity(4_000, not_added=20), MANY, reader)
        assert {email: problem.outcome for email, problem in found.problems.items()} == dict.fromkeys(
            gone, Outcome.SUPPRESSED
        )
    assert len(account.asked) == 1


def test_in_a_large_import_rows_that_are_named_by_their_line_are_looked_up_alone() -> None:
    bad = MANY[7]
    account = Account([email for email in MANY if email != bad])
    found = read_back(account, activity(4_000, refused=1, errors=("Line 9: Invalid birthday",)), MANY)
    [(email, problem)] = found.problems.items()
    assert (email, problem.outcome) == (bad, Outcome.REJECTED)
    assert problem.reason.endswith("Invalid birthday")
    assert len(account.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        activity(4_000, refused=1, errors=("Line 8: Invalid birthday",)),
        activity(4_000, refused=1, errors=("Something is wrong",)),
        activity(4_000, refused=1),
        activity(4_000, not_added=1),
        activity(4_000, refused=2, errors=("Line 9: Invalid birthday",)),
        {"activity_id": "a", "state": "completed"},
    ],
    ids=["another line", "no line", "no error", "another counter", "another count", "no counter"],
)
def test_counters_and_lines_that_do_not_explain_everything_are_not_believed(answer: dict[str, Any]) -> None:
    bad = MANY[7]
    account = Account([email for email in MANY if email != bad])
    found = read_back(account, answer, MANY)
    assert set(found.problems) == {bad}
    assert len(account.asked) < 20


def test_who_has_unsubscribed_and_is_on_the_list_all_the_same_is_suppressed() -> None:
    account = Account(MANY[:10])
    account.contacts[MANY[3]]["email_address"]["permission_to_send"] = "unsubscribed"
    found = read_back(account, activity(10, not_added=1), MANY[:10])
    assert {email: problem.outcome for email, problem in found.problems.items()} == {MANY[3]: Outcome.SUPPRESSED}
    assert found.contact_ids[MANY[2]] == f"id {MANY[2]}"


@pytest.mark.parametrize(
    ("touched", "errors", "rejected", "unnamed"),
    [
        (MANY[1:10], (), [MANY[0]], 0),
        (MANY[2:10], ("Line 3: Invalid birthday",), [MANY[1]], 0),
        (MANY[2:10], (), [], 1),
        (MANY[:10], (), [], 1),
    ],
    ids=["the only untouched one", "the named one", "one of two", "nobody to suspect"],
)
def test_a_refused_row_of_somebody_who_was_on_the_list_before_is_found_as_far_as_can_be(
    touched: list[str], errors: tuple[str, ...], rejected: list[str], unnamed: int
) -> None:
    account = Account(MANY[:10])
    account.touched = set(touched)
    found = read_back(account, activity(10, refused=1, errors=errors), MANY[:10])
    assert list(found.problems) == rejected
    assert found.unnamed == unnamed


def test_without_counters_nobody_counts_as_written_whom_the_import_did_not_touch() -> None:
    account = Account(MANY[:4])
    account.touched = {MANY[0]}
    answer = {"activity_id": "a", "state": "completed"}
    found = ReadBack(account).landed(answer, MANY[:5], LIST, time.time(), counted=False)
    assert {email: problem.outcome for email, problem in found.problems.items()} == {
        **dict.fromkeys(MANY[1:4], Outcome.FAILED),
        MANY[4]: Outcome.REJECTED,
    }


def test_who_is_on_as_many_lists_as_a_contact_can_be_is_told_so() -> None:
    account = Account(MANY[:2])
    account.contacts[MANY[1]]["list_memberships"] = [f"list {number}" for number in range(50)]
    found = read_back(account, activity(2, not_added=1), MANY[:2])
    assert "50 lists" in found.problems[MANY[1]].reason


@pytest.mark.parametrize(
    ("errors", "found"),
    [
        (["Line 2: Invalid birthday"], {0: "Invalid birthday"}),
        ([{"message": "line 3 : Invalid email address anna@example.com"}], {1: "Invalid email address <address>"}),
        (["Line 4: beyond the rows", "Line 1: the heading", "Row 2: other", "Line x: odd", ""], {}),
        ([None, 7, {}, {"message": None}, {"text": "Line 2: x"}], {}),
        (["Line 99999999999999999999: x"], {}),
    ],
)
def test_a_reason_is_given_to_the_row_of_its_line_and_holds_no_address(
    errors: list[Any], found: dict[int, str]
) -> None:
    assert reasons({"activity_errors": errors}, 2) == found


def test_a_set_of_addresses_holds_those_and_no_others() -> None:
    addresses = AddressSet(MANY[::2])
    assert [email in addresses for email in MANY[:4]] == [True, False, True, False]
    assert MANY[0] not in AddressSet([])


def test_ids_that_a_read_back_has_shown_are_remembered_for_the_day_when_people_leave(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.sandbox.seed("constant_contact", contacts=[{"email": "gone@example.com", "permission": "unsubscribed"}])
    gone = {"CustomerId": "gone", "EMail": "gone@example.com"}
    target.run(stream([*people(8), gone]), sync_mode="mirror")
    target.forget_requests()
    ran = target.run(stream([*people(6), gone]), sync_mode="mirror", read_back_sample=0)
    assert ran.counts == {"received": 7, "unchanged": 6, "suppressed": 1, "removed": 2}
    assert target.requests("GET", "/contacts") == [], "people were looked up whose ids had been seen"
    by_id = [each for each in target.sandbox.requests("constant_contact") if "/contacts/" in each["path"]]
    assert [each["method"] for each in by_id] == ["GET", "GET"], "an id was used that may be of another address by now"
    assert target.on_list() == {row["EMail"] for row in people(6)}


@pytest.mark.parametrize("leavers", [1, 31], ids=["looked up", "listed"])
def test_who_got_another_address_in_the_account_and_in_the_segment_stays_on_the_list(
    to_constant_contact: Target, leavers: int
) -> None:
    target = to_constant_contact
    # Somebody who does not land has the rows read back, which shows the ids of all others.
    target.sandbox.seed("constant_contact", contacts=[{"email": "gone@example.com", "permission": "unsubscribed"}])
    gone = {"CustomerId": "gone", "EMail": "gone@example.com"}
    rows = people(60)
    mirror = {"sync_mode": "mirror", "max_removal_ratio": 1, "read_back_sample": 0}
    target.run(stream([*rows, gone]), **mirror)
    api = ConstantContactApi(target.sandbox)
    contact_id = api.contact(rows[0]["EMail"])["contact_id"]
    address = {"address": "moved@example.com", "permission_to_send": "implicit"}
    api.put(f"/contacts/{contact_id}", {"email_address": address, "update_source": "Account"})

    moved = [{**rows[0], "EMail": "moved@example.com"}, *rows[leavers:]]
    ran = target.run(stream([*moved, gone]), **mirror)

    assert (ran.counts["created"], ran.counts["removed"]) == (1, leavers)
    assert target.on_list() == {row["EMail"] for row in moved}
    assert api.contact("moved@example.com")["contact_id"] == contact_id


def test_who_had_left_by_their_own_act_is_kept_back_also_if_their_id_was_seen_before(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.sandbox.seed("constant_contact", contacts=[{"email": "gone@example.com", "permission": "unsubscribed"}])
    gone = {"CustomerId": "gone", "EMail": "gone@example.com"}
    everybody = [*people(8), gone]
    target.run(stream(everybody), sync_mode="mirror")
    target.sandbox.seed("constant_contact", contacts=[{"email": people(1)[0]["EMail"], "lists": []}])
    assert target.run(stream(everybody[1:]), sync_mode="mirror").counts["removed"] == 1
    assert target.run(stream(everybody), sync_mode="mirror").counts["suppressed"] == 2
    assert people(1)[0]["EMail"] not in target.on_list()


def test_a_listing_of_who_is_still_on_the_list_makes_nobody_absent_who_is_asked_for_later() -> None:
    account = Account(MANY[:60])
    destination = ConstantContact(account, 60)
    answer = {"activity_id": "a", "state": "completed", "status": {"items_total_count": 55, "items_completed_count": 1}}
    first = Batch(LIST, Action.REMOVE, [leaver(email) for email in MANY[:55]], time.time())
    assert len(destination.settle(first, answer).problems) == 55
    second = Batch(LIST, Action.REMOVE, [leaver(MANY[57])], time.time())
    leavers = destination.look_up(second)
    assert (len(leavers.rows), leavers.absent, leavers.unknown) == (1, [], [])


def test_many_leavers_are_found_in_one_listing_of_their_list_and_stayers_ids_are_kept(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.run(stream(people(60)), sync_mode="mirror")
    target.sandbox.seed("constant_contact", contacts=[{"email": people(1, start=31)[0]["EMail"], "lists": []}])
    target.forget_requests()
    ran = target.run(stream(people(30)), sync_mode="mirror", max_removal_ratio=1)
    assert ran.counts == {"received": 30, "unchanged": 30, "removed": 30}
    [listing] = target.requests("GET", "/contacts")
    assert "lists" in listing["query"]
    assert target.on_list() == {row["EMail"] for row in people(30)}

    target.forget_requests()
    assert target.run(stream(people(25)), sync_mode="mirror").counts["removed"] == 5
    assert target.requests("GET", "/contacts") == []


def test_five_hundred_leave_in_one_activity_and_nobody_is_deleted(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(1_100)), sync_mode="mirror", read_back_sample=0)
    target.forget_requests()
    ran = target.run(stream(people(50)), sync_mode="mirror", max_removal_ratio=1)
    assert ran.counts == {"received": 50, "unchanged": 50, "removed": 1_050}
    removals = target.requests("POST", "remove_list_memberships")
    assert [each["rows"] for each in removals][:3] == [500, 500, 50]
    assert not [each for each in target.writes() if "delete" in each.lower()]
    assert ConstantContactApi(target.sandbox).get("/contacts/counts")["total"] == 1_100
