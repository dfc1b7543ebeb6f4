"""Constant Contact behind the scenes: ready accounts, seeds, members, reset, restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from cc_application import LIST, OTHER, OTHER_LIST, ROTATING, UNKNOWN_ID, Application
from cix_sandbox.remote import Refused

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox


def test_the_credentials_connect(sandbox: RunningSandbox) -> None:
    known = sandbox.control("GET", "/credentials")["constant_contact"]
    assert known == {
        "client_id": ROTATING.client_id,
        "client_secret": ROTATING.client_secret,
        "refresh_token": ROTATING.refresh_token,
        "list_id": LIST,
        "base_url": sandbox.constant_contact,
        "token_url": f"{sandbox.url}/constantcontact/oauth2/default/v1/token",
    }
    answer = requests.post(
        known["token_url"],
        data={"grant_type": "refresh_token", "refresh_token": known["refresh_token"]},
        auth=(known["client_id"], known["client_secret"]),
        timeout=10,
    ).json()
    assert sandbox.control("GET", "/credentials")["constant_contact"]["refresh_token"] == answer["refresh_token"]
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    lists = requests.get(f"{known['base_url']}/contact_lists", headers=headers, timeout=10).json()["lists"]
    assert [(item["list_id"], item["name"]) for item in lists] == [(LIST, "Newsletter")]


def test_the_second_account_has_its_own_list(cc: Application) -> None:
    lists = Application(cc.sandbox, OTHER).get("/contact_lists").json()["lists"]
    assert [item["list_id"] for item in lists] == [OTHER_LIST]


def test_members_are_sorted_and_say_everything_that_a_list_holds(cc: Application) -> None:
    cc.seed({"email": "c@example.com", "permission": "explicit", "lists": [LIST]})
    cc.import_rows(
        {"email": "B@example.com", "first_name": "Bo", "cf:loyalty_points": "7"},
        {"email": "a@example.com", "last_name": "Ace"},
    )
    assert cc.members() == [
        {"email": "a@example.com", "state": "implicit", "first_name": None, "last_name": "Ace", "fields": {}},
        {
            "email": "B@example.com",
            "state": "implicit",
            "first_name": "Bo",
            "last_name": None,
            "fields": {"loyalty_points": "7"},
        },
        {"email": "c@example.com", "state": "explicit", "first_name": None, "last_name": None, "fields": {}},
    ]


def test_the_members_of_an_unknown_list_are_a_clear_error(cc: Application) -> None:
    with pytest.raises(Refused, match="no list"):
        cc.members(UNKNOWN_ID)


def test_a_seed_makes_lists_fields_and_people(cc: Application) -> None:
    list_id = "0000000a-0000-11f1-8000-00000000000a"
    cc.seed(
        {
            "email": "a@example.com",
            "first_name": "Ann",
            "permission": "explicit",
            "lists": [list_id],
            "custom_fields": {"Plan": "gold", "city": "Rome"},
        },
        lists=[{"list_id": list_id, "name": "Seeded"}],
        custom_fields=[{"label": "Plan"}, {"label": "Amount", "type": "number"}],
    )
    (member,) = cc.members(list_id)
    assert (member["state"], member["first_name"]) == ("explicit", "Ann")
    assert member["fields"] == {"plan": "gold", "city": "Rome"}
    labels = {item["label"] for item in cc.get("/contact_custom_fields").json()["custom_fields"]}
    assert {"Plan", "Amount"} <= labels


def test_a_seed_changes_who_is_there_already(cc: Application) -> None:
    cc.import_rows({"email": "a@example.com", "first_name": "Ann", "cf:city": "Rome"})
    contact_id = cc.contact("a@example.com")["contact_id"]
    cc.seed({"email": "A@example.com", "permission": "unsubscribed"})
    contact = cc.contact("a@example.com", include="list_memberships,custom_fields")
    assert contact["contact_id"] == contact_id
    assert contact["first_name"] == "Ann"
    assert contact["email_address"]["permission_to_send"] == "unsubscribed"
    assert contact["email_address"]["opt_out_source"] == "Contact"
    assert contact["list_memberships"] == []
    assert len(contact["custom_fields"]) == 1
    cc.seed({"email": "a@example.com", "deleted": True})
    assert "deleted_at" in cc.contact("a@example.com")
    cc.seed({"email": "a@example.com", "permission": "implicit", "lists": [LIST]})
    assert cc.emails() == ["a@example.com"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"contacts": [{"email": "a@example.com", "permission": "implict"}]}, "implict"),
        ({"contacts": [{"email": "a@example.com", "lists": [UNKNOWN_ID]}]}, "no list"),
        ({"contacts": [{"email": "a@example.com", "custom_fields": {"Citi": "x"}}]}, "Citi"),
        ({"contacts": [{"mail": "a@example.com"}]}, "does not fit"),
        ({"people": []}, "does not fit"),
        ({"lists": [{"list_id": "x", "name": "A"}]}, "UUID"),
        ({"lists": [{"list_id": OTHER_LIST, "name": "A"}]}, "another account"),
        ({"custom_fields": [{"label": "A", "type": "nothing"}]}, "type does not have a valid value"),
    ],
)
def test_a_seed_that_does_not_fit_changes_nothing(cc: Application, body: dict[str, Any], message: str) -> None:
    whole = {"contacts": [{"email": "fine@example.com", "lists": [LIST]}], **body}
    with pytest.raises(Refused, match=message):
        cc.sandbox.seed("constant_contact", **whole)
    assert cc.members() == []


def test_a_reset_restores_the_fresh_account(cc: Application) -> None:
    Application(cc.sandbox, ROTATING)
    cc.import_rows({"email": "a@example.com"})
    cc.finished(cc.delete(f"/contact_lists/{LIST}"))
    cc.sandbox.reset()
    again = Application(cc.sandbox, ROTATING, requests_per_second=0)
    assert again.get("/contacts").json() == {"contacts": []}
    assert again.get("/activities").json() == {"activities": []}
    assert [item["list_id"] for item in again.get("/contact_lists").json()["lists"]] == [LIST]


def test_everything_survives_a_crash(own_sandbox: RunningSandbox) -> None:
    cc = Application(own_sandbox, **Application.UNHURRIED)
    cc.import_rows({"email": "a@example.com", "cf:city": "Rome"})
    list_id = cc.new_list("Second")
    before = [cc.contact("a@example.com", "custom_fields,list_memberships"), cc.get("/activities").json()]
    own_sandbox.kill()
    own_sandbox.start_again()
    after = [cc.contact("a@example.com", "custom_fields,list_memberships"), cc.get("/activities").json()]
    assert after == before
    assert cc.get(f"/contact_lists/{list_id}").status_code == 200


def test_every_switch_and_fault_says_what_it_does(cc: Application) -> None:
    switches = cc.sandbox.control("GET", "/switches")
    own = {name: switch for name, switch in switches.items() if name.startswith("constant_contact.")}
    assert len(own) > 30
    assert all(switch["meaning"] for switch in own.values())
    assert all(switch["choices"] for switch in own.values() if isinstance(switch["default"], str))
