"""Campaign Monitor: the account and its clients."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from cix_sandbox.accounts import CAMPAIGN_MONITOR
from cm_api import CLIENT, LIST, Api, person, problem

FORMAT = "%Y-%m-%d %H:%M:%S"


def test_clients_are_a_bare_array(cm: Api) -> None:
    assert cm.get("/clients.json").json() == [{"ClientID": CLIENT, "Name": "Sandbox Retail"}]


def test_the_details_of_a_client_hold_its_key_and_time_zone(cm: Api) -> None:
    details = cm.get(f"/clients/{CLIENT}.json").json()
    assert details["ApiKey"] == CAMPAIGN_MONITOR.client_api_key
    assert details["BasicDetails"]["ClientID"] == CLIENT
    assert details["BasicDetails"]["CompanyName"] == "Sandbox Retail"
    assert details["BasicDetails"]["TimeZone"] in cm.get("/timezones.json").json()
    assert details["BasicDetails"]["Country"] in cm.get("/countries.json").json()
    assert "BillingDetails" in details


def test_the_system_date_has_no_offset_and_follows_the_clock(cm: Api) -> None:
    before = datetime.strptime(cm.get("/systemdate.json").json()["SystemDate"], FORMAT)  # noqa: DTZ007  (that is the point)
    cm.sandbox.advance(7200)
    after = datetime.strptime(cm.get("/systemdate.json").json()["SystemDate"], FORMAT)  # noqa: DTZ007  (same)
    assert 7200 <= (after - before).total_seconds() < 7200 + 60


def test_owner_and_billing_are_told(cm: Api) -> None:
    assert cm.get("/billingdetails.json").json() == {"Credits": 0}
    owner = cm.get("/primarycontact.json").json()
    assert owner == {"EmailAddress": "sam@example.com"}
    assert cm.get("/admins.json").json() == [{**owner, "Name": "Sam Sandbox", "Status": "Active"}]


def test_places_are_arrays_of_names(cm: Api) -> None:
    assert "Australia" in cm.get("/countries.json").json()
    assert "(GMT+10:00) Canberra, Melbourne, Sydney" in cm.get("/timezones.json").json()


def test_a_new_client_can_be_used_at_once(cm: Api) -> None:
    response = cm.post("/clients.json", {"CompanyName": "New", "Country": "Norway", "TimeZone": "(GMT) London"})
    assert response.status_code == 201
    client_id = response.json()
    details = cm.get(f"/clients/{client_id}.json").json()
    assert details["BasicDetails"]["Country"] == "Norway"
    assert cm.post(f"/lists/{client_id}.json", {"Title": "Newsletter"}).status_code == 201
    assert Api(cm.sandbox, key=details["ApiKey"]).get("/clients.json").json()[0]["ClientID"] == client_id


@pytest.mark.parametrize("body", [{}, {"CompanyName": ""}, {"CompanyName": 7}, []])
def test_a_client_needs_a_name(cm: Api, body: Any) -> None:
    assert problem(cm.post("/clients.json", body)) == (400, 400)


def test_a_sixth_client_within_half_an_hour_is_172(cm: Api) -> None:
    def create() -> int:
        return cm.post("/clients.json", {"CompanyName": "C"}).status_code

    assert [create() for _ in range(5)] == [201] * 5
    assert problem(cm.post("/clients.json", {"CompanyName": "C"})) == (400, 172)
    cm.sandbox.advance(30 * 60 + 1)
    assert create() == 201


def test_the_lists_of_an_address_come_with_its_state_on_each(cm: Api) -> None:
    second = cm.new_list("Second")
    cm.new_list("Third")
    cm.post_import(person("anna@example.com"))
    cm.post_import(person("anna@example.com"), list_id=second)
    cm.remove("anna@example.com")
    path = f"/clients/{CLIENT}/listsforemail.json"
    found = cm.get(path, email="ANNA@example.com").json()
    assert [(each["ListID"], each["ListName"], each["SubscriberState"]) for each in found] == [
        (LIST, "Newsletter", "Deleted"),
        (second, "Second", "Active"),
    ]
    assert all(datetime.strptime(each["DateSubscriberAdded"], FORMAT) for each in found)  # noqa: DTZ007  (no offset)
    assert cm.get(path, email="nobody@example.com").json() == []
    assert problem(cm.get(path, email="nobody")) == (400, 1)
