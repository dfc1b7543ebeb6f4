"""Campaign Monitor: the suppression list of a client."""

from __future__ import annotations

from typing import Any

import pytest
from cm_api import CLIENT, Api, person, problem

ANNA, BEN = "anna@example.com", "ben@example.org"
LISTING = f"/clients/{CLIENT}/suppressionlist.json"
SUPPRESS = f"/clients/{CLIENT}/suppress.json"
UNSUPPRESS = f"/clients/{CLIENT}/unsuppress.json"


def test_suppressing_answers_200_with_nothing_and_stops_imports(cm: Api) -> None:
    response = cm.post(SUPPRESS, {"EmailAddresses": [ANNA, "Ben@example.org"]})
    assert (response.status_code, response.content) == (200, b"")
    assert cm.suppressed() == [ANNA, "Ben@example.org"]
    assert cm.failures(person(ANNA), person(BEN)) == {ANNA: 204, BEN: 204}


def test_suppressing_leaves_the_states_on_lists(cm: Api) -> None:
    cm.post_import(person(ANNA))
    cm.post(SUPPRESS, {"EmailAddresses": [ANNA]})
    assert cm.states() == {ANNA: "Active"}


@pytest.mark.parametrize(
    ("body", "code"),
    [({"EmailAddresses": []}, 1), ({}, 1), ({"EmailAddresses": ["x"]}, 1), ({"EmailAddresses": "a@example.com"}, 400)],
)
def test_suppressing_nonsense_is_refused_as_a_whole(cm: Api, body: dict[str, Any], code: int) -> None:
    assert problem(cm.post(SUPPRESS, body)) == (400, code)
    assert problem(cm.post(SUPPRESS, {"EmailAddresses": [ANNA, "x"]})) == (400, 1)
    assert cm.suppressed() == []


def test_an_entry_tells_address_reason_date_and_state(cm: Api) -> None:
    cm.seed(suppressed=[{"email": ANNA, "reason": "Bounced"}])
    page = cm.get(LISTING).json()
    assert page["Results"] == [
        {
            "SuppressionReason": "Bounced",
            "EmailAddress": ANNA,
            "Date": page["Results"][0]["Date"],
            "State": "Suppressed",
        }
    ]
    assert page["ResultsOrderedBy"] == "email"
    assert page["TotalNumberOfRecords"] == 1


@pytest.mark.parametrize(
    ("way", "reason"), [("unsubscribe", "Unsubscribed"), ("suppress", "Reason Unavailable"), ("both", "Unsubscribed")]
)
def test_the_reason_tells_how_an_address_came_there_first(cm: Api, way: str, reason: str) -> None:
    cm.post_import(person(ANNA))
    if way in ("unsubscribe", "both"):
        cm.post("/subscribers/1157c0de1157c0de1157c0de1157c0de/unsubscribe.json", {"EmailAddress": ANNA})
    if way in ("suppress", "both"):
        cm.post(SUPPRESS, {"EmailAddresses": [ANNA]})
    assert [item["SuppressionReason"] for item in cm.get(LISTING).json()["Results"]] == [reason]


@pytest.mark.parametrize(
    ("order", "direction", "emails"),
    [
        ("email", "asc", [ANNA, BEN]),
        ("email", "desc", [BEN, ANNA]),
        ("date", "asc", [BEN, ANNA]),
        ("date", "desc", [ANNA, BEN]),
    ],
)
def test_the_listing_can_be_ordered(cm: Api, order: str, direction: str, emails: list[str]) -> None:
    cm.seed(suppressed=[{"email": BEN}])
    cm.sandbox.advance(10)
    cm.seed(suppressed=[{"email": ANNA}])
    page = cm.get(LISTING, orderfield=order, orderdirection=direction).json()
    assert [item["EmailAddress"] for item in page["Results"]] == emails


def test_the_listing_cannot_be_ordered_by_name(cm: Api) -> None:
    assert problem(cm.get(LISTING, orderfield="name")) == (400, 802)


def test_the_listing_comes_in_pages(cm: Api) -> None:
    cm.seed(suppressed=[{"email": f"p{number:02}@example.com"} for number in range(25)])
    pages = [cm.get(LISTING, page=number, pagesize=10).json() for number in (1, 2, 3)]
    assert [page["RecordsOnThisPage"] for page in pages] == [10, 10, 5]
    emails = [item["EmailAddress"] for page in pages for item in page["Results"]]
    assert emails == sorted(emails)
    assert len(set(emails)) == 25


@pytest.mark.parametrize("body", ["", " "])
def test_unsuppressing_takes_an_address_off(cm: Api, body: str) -> None:
    cm.seed(suppressed=[{"email": ANNA}, {"email": BEN}])
    response = cm.request("PUT", UNSUPPRESS, params={"email": ANNA.upper()}, data=body)
    assert (response.status_code, response.content) == (200, b"")
    assert cm.suppressed() == [BEN]
    assert cm.failures(person(ANNA)) == {}


@pytest.mark.parametrize(("query", "code"), [({"email": ANNA}, 176), ({"email": "x"}, 1), ({}, 1)])
def test_unsuppressing_someone_else_is_refused(cm: Api, query: dict[str, str], code: int) -> None:
    assert problem(cm.put(UNSUPPRESS, None, **query)) == (400, code)


def test_suppression_does_not_reach_other_accounts_and_lists_of_their_own(cm: Api) -> None:
    alone = cm.new_list("Alone", UnsubscribeSetting="OnlyThisList")
    cm.post(SUPPRESS, {"EmailAddresses": [ANNA]})
    assert cm.failures(person(ANNA), list_id=alone) == {}
    assert cm.suppressed() == [ANNA]
