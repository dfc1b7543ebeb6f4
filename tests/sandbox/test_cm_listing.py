"""Campaign Monitor: the listings by state, page by page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from cm_api import LIST, Api, pair, person, problem

STATES = ["active", "unconfirmed", "unsubscribed", "bounced", "deleted"]


def emails(page: dict[str, Any]) -> list[str]:
    return [item["EmailAddress"] for item in page["Results"]]


def listing(cm: Api, state: str = "active", **query: Any) -> dict[str, Any]:
    response = cm.get(f"/lists/{LIST}/{state}.json", **query)
    assert response.status_code == 200, response.text
    return dict(response.json())


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"email": f"p{number:03}@example.com", "name": f"N{count - number:03}", **more} for number in range(count)]


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_its_listing(cm: Api, state: str) -> None:
    cm.seed(*[{"email": f"{each}@example.com", "state": each.capitalize()} for each in STATES])
    page = listing(cm, state)
    assert emails(page) == [f"{state}@example.com"]
    assert page["Results"][0]["State"] == state.capitalize()


def test_the_envelope_of_a_page(cm: Api) -> None:
    cm.seed(*people(25))
    page = listing(cm, page=2, pagesize=10, orderfield="email", orderdirection="desc")
    items = page.pop("Results")
    assert page == {
        "ResultsOrderedBy": "email",
        "OrderDirection": "desc",
        "PageNumber": 2,
        "PageSize": 10,
        "RecordsOnThisPage": 10,
        "TotalNumberOfRecords": 25,
        "NumberOfPages": 3,
    }
    assert set(items[0]) == {
        "EmailAddress",
        "Name",
        "Date",
        "ListJoinedDate",
        "State",
        "CustomFields",
        "ReadsEmailWith",
    }


def test_an_empty_list_has_no_pages(cm: Api) -> None:
    page = listing(cm)
    assert page["Results"] == []
    assert page["NumberOfPages"] == 0
    assert page["PageNumber"] == 1
    assert page["PageSize"] == 1000
    assert page["ResultsOrderedBy"] == "date"


@pytest.mark.parametrize("order", ["email", "name", "date"])
@pytest.mark.parametrize("direction", ["asc", "desc", "DESC"])
def test_pages_together_are_everyone_once_in_order(cm: Api, order: str, direction: str) -> None:
    cm.seed(*reversed(people(15)))
    cm.sandbox.advance(5)
    cm.seed(*[{"email": f"a{number}@example.com", "name": "M"} for number in range(10)])
    pages = [
        listing(cm, page=number, pagesize=10, orderfield=order, orderdirection=direction) for number in range(1, 5)
    ]
    items = [item for page in pages for item in page["Results"]]
    column = {"email": "EmailAddress", "name": "Name", "date": "Date"}[order]
    keys = [(item[column], item["EmailAddress"]) for item in items]
    assert keys == sorted(keys, reverse=direction.lower() == "desc")
    assert len({item["EmailAddress"] for item in items}) == len(items) == 25
    assert pages[3]["Results"] == []


def test_pages_shift_when_people_are_deleted_meanwhile(cm: Api) -> None:
    cm.seed(*people(20))
    first = emails(listing(cm, page=1, pagesize=10, orderfield="email"))
    cm.remove(first[0])
    second = emails(listing(cm, page=2, pagesize=10, orderfield="email"))
    assert set(first).isdisjoint(second)
    assert len(second) == 9


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"page": "0"}, 800),
        ({"page": "-1"}, 800),
        ({"page": "x"}, 800),
        ({"page": ""}, 800),
        ({"page": "1.5"}, 800),
        ({"page": "9" * 30}, 800),
        ({"pagesize": "9"}, 801),
        ({"pagesize": "1001"}, 801),
        ({"pagesize": "x"}, 801),
        ({"orderfield": "state"}, 802),
        ({"orderfield": ""}, 802),
        ({"orderdirection": "up"}, 803),
        ({"date": "yesterday"}, 5),
        ({"date": "2024-13-01"}, 5),
        ({"page": "0", "pagesize": "1", "orderfield": "x", "orderdirection": "x"}, 800),
    ],
)
@pytest.mark.parametrize("state", ["active", "deleted"])
def test_a_wrong_parameter_has_its_code(cm: Api, state: str, query: dict[str, str], code: int) -> None:
    assert problem(cm.get(f"/lists/{LIST}/{state}.json", **query)) == (400, code)


@pytest.mark.parametrize("size", [10, 1000])
def test_the_bounds_of_the_page_size_are_taken(cm: Api, size: int) -> None:
    assert listing(cm, pagesize=size)["PageSize"] == size


def test_the_names_of_parameters_are_case_insensitive(cm: Api) -> None:
    cm.seed(*people(12))
    page = listing(cm, pageSize=10, Page=2, orderField="Email", OrderDirection="asc")
    assert (page["PageSize"], page["PageNumber"], page["ResultsOrderedBy"]) == (10, 2, "email")
    assert page["RecordsOnThisPage"] == 2


class TestDate:
    @pytest.fixture
    def entered(self, cm: Api) -> datetime:
        """When the second of two people came into their state, a day after the first."""
        cm.seed({"email": "old@example.com"})
        cm.sandbox.advance(24 * 3600)
        cm.seed({"email": "new@example.com"})
        return datetime.fromisoformat(cm.read("new@example.com")["Date"])

    def test_empty_is_everyone(self, cm: Api, entered: datetime) -> None:
        assert len(emails(listing(cm, date=""))) == 2

    @pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"])
    def test_leaves_out_who_came_before(self, cm: Api, entered: datetime, form: str) -> None:
        since = (entered - timedelta(seconds=61)).strftime(form)
        assert emails(listing(cm, date=since)) == ["new@example.com"]

    @pytest.mark.parametrize(("switch", "found"), [("exclusive", []), ("inclusive", ["new@example.com"])])
    def test_of_the_very_second_is_a_switch(self, cm: Api, entered: datetime, switch: str, found: list[str]) -> None:
        cm.switch(date_filter=switch)
        assert emails(listing(cm, date=entered.strftime("%Y-%m-%d %H:%M:%S"))) == found

    def test_goes_by_the_entering_of_the_state(self, cm: Api, entered: datetime) -> None:
        cm.sandbox.advance(10)
        cm.remove("old@example.com")
        since = entered.strftime("%Y-%m-%d %H:%M:%S")
        assert emails(listing(cm, "deleted", date=since)) == ["old@example.com"]


def test_preferences_are_told_when_asked(cm: Api) -> None:
    cm.post_import(
        person("a@example.com", ConsentToTrack="No"),
        person("b@example.com", MobileNumber="+61412345678", ConsentToSendSms="Yes"),
    )
    plain = listing(cm, orderfield="email")["Results"]
    assert not any({"ConsentToTrack", "ConsentToSendSms"} & set(item) for item in plain)
    assert plain[1]["MobileNumber"] == "+61412345678"
    flags = {"includetrackingpreference": "True", "includeSmsPreference": "true"}
    anna, ben = listing(cm, orderfield="email", **flags)["Results"]
    assert anna["ConsentToTrack"] == "No"
    assert "ConsentToSendSms" not in anna
    assert (ben["ConsentToTrack"], ben["ConsentToSendSms"]) == ("Yes", "Yes")


def test_custom_fields_are_listed_with_their_values(cm: Api) -> None:
    cm.post_import(person("a@example.com", CustomFields=[pair("City", "Oslo")]))
    assert listing(cm)["Results"][0]["CustomFields"] == [pair("[City]", "Oslo")]
