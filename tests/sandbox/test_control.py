"""The control API: seeds, members, switches, the clock, reset, and its explanations of mistakes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cix_sandbox.accounts import CAMPAIGN_MONITOR, CONSTANT_CONTACT
from cix_sandbox.app import PLATFORMS
from cm_api import LIST, OTHER_LIST, TIMEOUT, UNKNOWN_ID, Api, pair, person

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

ANNA, BEN = "anna@example.com", "ben@example.org"


def ask(sandbox: RunningSandbox, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, f"{sandbox.url}/sandbox{path}", json=body, timeout=TIMEOUT)


def mistake(response: requests.Response, status: int = 400) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error", "nearest"}
    assert body["error"]
    return dict(body)


def test_health_names_the_platforms(sandbox: RunningSandbox) -> None:
    assert sandbox.control("GET", "/health") == {
        "status": "ok",
        "platforms": ["campaign_monitor", "constant_contact", "dataverse", "entra"],
    }


def test_credentials_are_those_of_the_ready_accounts_and_work(sandbox: RunningSandbox) -> None:
    found = sandbox.control("GET", "/credentials")
    assert found["campaign_monitor"] == {
        "api_key": "sandbox-campaign-monitor-api-key",
        "oauth_client_id": "100001",
        "oauth_client_secret": "sandbox-campaign-monitor-client-secret",
        "client_id": "c1a05a4db0c5c1a05a4db0c5c1a05a4d",
        "list_id": "1157c0de1157c0de1157c0de1157c0de",
        "base_url": sandbox.campaign_monitor,
    }
    assert set(found["constant_contact"]) == {
        "client_id",
        "client_secret",
        "refresh_token",
        "list_id",
        "base_url",
        "token_url",
    }
    assert found["constant_contact"]["base_url"] == sandbox.constant_contact
    ours = found["campaign_monitor"]
    url = f"{ours['base_url']}/lists/{ours['list_id']}.json"
    assert requests.get(url, auth=(ours["api_key"], ""), timeout=TIMEOUT).json()["Title"] == "Newsletter"


@pytest.mark.parametrize("path", ["/nothing", "/health/x", "/faults/x"])
def test_an_unknown_path_is_explained(sandbox: RunningSandbox, path: str) -> None:
    mistake(ask(sandbox, "GET", path), 404)


def test_a_wrong_method_is_explained(sandbox: RunningSandbox) -> None:
    mistake(ask(sandbox, "DELETE", "/health"), 405)


class TestMembers:
    def test_are_everyone_the_list_knows_sorted_by_address(self, cm: Api) -> None:
        cm.post_import(person(BEN), person("Anna@example.com", Name="Anna", CustomFields=[pair("City", "Oslo")]))
        cm.remove(BEN)
        assert cm.sandbox.control("GET", f"/campaign-monitor/lists/{LIST}/members") == {
            "list_id": LIST,
            "members": [
                {
                    "email": "Anna@example.com",
                    "state": "Active",
                    "name": "Anna",
                    "consent_to_track": "Yes",
                    "fields": {"[City]": "Oslo"},
                },
                {
                    "email": BEN,
                    "state": "Deleted",
                    "name": "Anna Example",
                    "consent_to_track": "Yes",
                    "fields": {},
                },
            ],
        }

    def test_of_other_accounts_are_seen_too(self, sandbox: RunningSandbox) -> None:
        assert sandbox.members("campaign_monitor", OTHER_LIST) == []

    def test_of_an_unknown_list_are_explained_with_the_nearest(self, sandbox: RunningSandbox) -> None:
        body = mistake(ask(sandbox, "GET", f"/campaign-monitor/lists/{LIST[:-1]}f/members"), 404)
        assert body["nearest"][0] == LIST

    def test_of_an_unknown_platform_are_explained_with_the_nearest(self, sandbox: RunningSandbox) -> None:
        body = mistake(ask(sandbox, "GET", f"/campain-monitor/lists/{LIST}/members"), 404)
        assert body["nearest"][0] == "campaign-monitor"


class TestSeeds:
    def test_put_people_in_as_told(self, cm: Api) -> None:
        cm.seed(
            {"email": ANNA, "name": "Anna", "fields": {"City": "Oslo", "[LoyaltyPoints]": 7}},
            {"email": BEN, "state": "Bounced", "consent_to_track": "No"},
        )
        anna, ben = cm.members()
        assert (anna["name"], anna["state"], anna["fields"]) == (
            "Anna",
            "Active",
            {"[City]": "Oslo", "[LoyaltyPoints]": "7"},
        )
        assert (ben["name"], ben["state"], ben["consent_to_track"]) == ("", "Bounced", "No")

    def test_change_only_what_they_name(self, cm: Api) -> None:
        cm.seed({"email": ANNA, "name": "Anna", "fields": {"City": "Oslo"}, "consent_to_track": "No"})
        before = cm.member(ANNA)
        cm.seed({"email": ANNA.upper(), "state": "Unsubscribed"})
        assert cm.members() == [{**before, "state": "Unsubscribed"}]

    def test_of_a_state_do_not_suppress(self, cm: Api) -> None:
        cm.seed({"email": ANNA, "state": "Unsubscribed"})
        assert cm.suppressed() == []

    def test_make_lists_and_fields_before_people(self, cm: Api) -> None:
        cm.sandbox.seed(
            "campaign_monitor",
            list_id=UNKNOWN_ID,
            lists=[{"list_id": UNKNOWN_ID, "title": "Second", "unsubscribe_setting": "OnlyThisList"}],
            custom_fields=[{"name": "Colours", "type": "MultiSelectMany", "options": ["Red", "Blue"]}],
            subscribers=[{"email": ANNA, "fields": {"Colours": ["Blue", "Red"]}}],
        )
        assert cm.member(ANNA, UNKNOWN_ID)["fields"] == {"[Colours]": ["Blue", "Red"]}
        assert cm.get(f"/lists/{UNKNOWN_ID}.json").json()["UnsubscribeSetting"] == "OnlyThisList"

    def test_can_be_put_in_twice(self, cm: Api) -> None:
        parts = {
            "lists": [{"list_id": UNKNOWN_ID, "title": "Second"}],
            "custom_fields": [{"name": "Town"}],
            "suppressed": [{"email": BEN}],
        }
        for _ in range(2):
            cm.seed({"email": ANNA}, **parts)
        assert len(cm.members()) == 1
        assert cm.suppressed() == [BEN]

    def test_can_make_a_list_without_naming_its_id(self, cm: Api) -> None:
        cm.seed(lists=[{"title": "Second"}])
        assert len(cm.get(f"/clients/{CAMPAIGN_MONITOR.client_id}/lists.json").json()) == 2

    @pytest.mark.parametrize(
        ("part", "told"),
        [
            ({"subscribers": [{"email": "x"}]}, "subscribers[0].email"),
            ({"subscribers": [{"name": "x"}]}, "subscribers[0]"),
            ({"subscribers": [{"email": ANNA, "state": "Gone"}]}, "state"),
            ({"subscribers": [{"email": ANNA, "fields": {"Ctiy": "Oslo"}}]}, "Ctiy"),
            ({"subscribers": [{"email": ANNA, "fields": {"Loyalty Points": "many"}}]}, "Loyalty Points"),
            ({"suppressed": [{"email": "x"}]}, "suppressed[0].email"),
            ({"custom_fields": [{"name": "X", "type": "Colour"}]}, "custom_fields[0]"),
            ({"list_id": UNKNOWN_ID}, UNKNOWN_ID),
            ({"people": []}, "people"),
        ],
    )
    def test_that_do_not_fit_are_explained_and_leave_nothing(self, cm: Api, part: dict[str, Any], told: str) -> None:
        good = {"subscribers": [{"email": BEN}]}
        body = {"constant_contact": {"lists": [{"name": "Half"}]}, "campaign_monitor": {**good, **part}}
        assert told in mistake(ask(cm.sandbox, "POST", "/seed", body))["error"]
        assert cm.members() == []
        assert "Half" not in ask(cm.sandbox, "GET", "/requests").text

    def test_never_repeat_an_address_in_an_error(self, cm: Api) -> None:
        body = {"campaign_monitor": {"subscribers": [{"email": "not an address"}]}}
        assert "not an address" not in ask(cm.sandbox, "POST", "/seed", body).text

    def test_for_an_unknown_platform_are_explained(self, sandbox: RunningSandbox) -> None:
        body = mistake(ask(sandbox, "POST", "/seed", {"campaignmonitor": {}}))
        assert body["nearest"][0] == "campaign_monitor"

    @pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"campaign_monitor": 1}'])
    def test_that_are_no_json_object_are_explained(self, sandbox: RunningSandbox, text: bytes) -> None:
        mistake(requests.post(f"{sandbox.url}/sandbox/seed", data=text, timeout=TIMEOUT))


class TestSwitches:
    def test_start_at_their_defaults_and_say_what_they_mean(self, sandbox: RunningSandbox) -> None:
        found = sandbox.control("GET", "/switches")
        assert set(found) == {switch.key for platform in PLATFORMS for switch in platform.SWITCHES}
        for each in found.values():
            assert each["value"] == each["default"]
            assert each["meaning"]

    def test_are_changed_together_or_not_at_all(self, sandbox: RunningSandbox) -> None:
        changes = {"campaign_monitor.agency": False, "campaign_monitor.long_value": "shorten"}
        assert "truncate, ignore" in mistake(ask(sandbox, "PATCH", "/switches", changes))["error"]
        assert sandbox.control("GET", "/switches")["campaign_monitor.agency"]["value"] is True

    def test_that_are_unknown_are_explained_with_the_nearest(self, sandbox: RunningSandbox) -> None:
        body = mistake(ask(sandbox, "PATCH", "/switches", {"campaign_monitor.long_values": "ignore"}), 404)
        assert body["nearest"][0] == "campaign_monitor.long_value"

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("campaign_monitor.agency", "yes"),
            ("campaign_monitor.agency", 1),
            ("campaign_monitor.bucket_limit", -1),
            ("campaign_monitor.bucket_limit", True),
            ("campaign_monitor.bucket_limit", "60"),
            ("campaign_monitor.long_value", None),
            ("campaign_monitor.long_value", ["ignore"]),
        ],
    )
    def test_take_only_values_that_fit(self, sandbox: RunningSandbox, key: str, value: Any) -> None:
        assert key in mistake(ask(sandbox, "PATCH", "/switches", {key: value}))["error"]


class TestClock:
    def test_can_be_moved_forward(self, sandbox: RunningSandbox) -> None:
        before = datetime.fromisoformat(sandbox.control("GET", "/clock")["now"])
        sandbox.advance(3600)
        after = datetime.fromisoformat(sandbox.control("GET", "/clock")["now"])
        assert 3600 <= (after - before).total_seconds() < 3660

    @pytest.mark.parametrize(
        "body", [{}, {"advance_seconds": "x"}, {"advance": 1}, 5, {"advance_seconds": -1}, {"advance_seconds": 1e20}]
    )
    def test_needs_a_number_of_seconds(self, sandbox: RunningSandbox, body: Any) -> None:
        mistake(ask(sandbox, "POST", "/clock", body))


def test_a_reset_restores_the_fresh_state(cm: Api) -> None:
    sandbox = cm.sandbox
    fresh = sandbox.control("GET", "/credentials")
    cm.new_list("Second")
    cm.new_field("Colour")
    cm.seed({"email": ANNA}, suppressed=[{"email": BEN}])
    cm.switch(agency=False)
    sandbox.fault("latency", seconds=0)
    sandbox.advance(1e6)
    sandbox.reset()
    assert cm.members() == []
    assert cm.suppressed() == []
    assert [each["ListID"] for each in cm.get(f"/clients/{CAMPAIGN_MONITOR.client_id}/lists.json").json()] == [LIST]
    assert len(cm.get(f"/lists/{LIST}/customfields.json").json()) == 3
    assert sandbox.control("GET", "/credentials") == fresh
    assert sandbox.control("GET", "/faults") == {"faults": []}
    assert sandbox.control("GET", "/switches")["campaign_monitor.agency"]["value"] is True
    assert cm.result(person(ANNA))["TotalNewSubscribers"] == 1


def test_a_reset_works_without_people_of_before_coming_back(cm: Api) -> None:
    cm.post_import(person(ANNA))
    cm.sandbox.reset()
    assert cm.result(person(ANNA))["TotalNewSubscribers"] == 1


def test_both_platforms_are_kept_apart(cm: Api) -> None:
    cm.post_import(person(ANNA))
    assert cm.sandbox.members("constant_contact", CONSTANT_CONTACT.list_id) == []
