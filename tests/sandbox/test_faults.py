"""Injected faults: what strikes, whom, how often, and what is stored then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cix_sandbox.faults import Fault
from cm_api import LIST, TIMEOUT, UNKNOWN_ID, Api, ask_token, connect, person, problem

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

ANNA, BEN = "anna@example.com", "ben@example.org"


def statuses(cm: Api, count: int, path: str = "/systemdate.json") -> list[int]:
    return [cm.get(path).status_code for _ in range(count)]


@pytest.mark.parametrize("status", [500, 503, 504, 401, 429])
def test_an_error_comes_in_the_words_of_the_platform(cm: Api, status: int) -> None:
    cm.sandbox.fault("status", status=status)
    response = cm.get("/systemdate.json")
    assert response.status_code == status
    assert set(response.json()) == {"Code", "Message"}
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"


def test_the_documented_error_500(cm: Api) -> None:
    cm.sandbox.fault("status", status=500)
    assert cm.get("/systemdate.json").json() == {"Code": 500, "Message": "Sorry, we've run into a problem"}


@pytest.mark.parametrize("body", [{"Code": 50, "Message": "x"}, "", "<html/>"])
def test_body_and_headers_of_an_error_can_be_given(cm: Api, body: Any) -> None:
    cm.sandbox.fault("status", status=502, body=body, headers={"Retry-After": "7"})
    response = cm.get("/systemdate.json")
    assert response.status_code == 502
    assert response.headers["Retry-After"] == "7"
    assert response.json() == body


def test_an_error_stores_nothing(cm: Api) -> None:
    cm.sandbox.fault("status", status=500, count=1)
    assert cm.post_import(person(ANNA)).status_code == 500
    assert cm.members() == []
    assert cm.post_import(person(ANNA)).status_code == 201


def test_a_throttle_storm_passes_after_its_count(cm: Api) -> None:
    cm.sandbox.fault("throttle", count=3)
    assert statuses(cm, 5) == [429, 429, 429, 200, 200]


def test_a_rate_spreads_the_errors_evenly(cm: Api) -> None:
    cm.sandbox.fault("status", rate=0.25)
    assert statuses(cm, 8) == [200, 200, 200, 503, 200, 200, 200, 503]


def test_requests_can_be_let_pass_first(cm: Api) -> None:
    cm.sandbox.fault("status", skip=2, count=1)
    assert statuses(cm, 4) == [200, 200, 503, 200]


def test_a_connection_cut_before_leaves_nothing_stored(cm: Api) -> None:
    cm.sandbox.fault("drop_before", method="POST", path="import", count=1)
    with pytest.raises(requests.ConnectionError):
        cm.post_import(person(ANNA))
    assert cm.members() == []
    assert cm.result(person(ANNA))["TotalNewSubscribers"] == 1


def test_a_connection_cut_after_leaves_everything_stored(cm: Api) -> None:
    cm.sandbox.fault("drop_after", method="POST", path="import", count=1)
    with pytest.raises(requests.ConnectionError):
        cm.post_import(person(ANNA), person(BEN))
    assert cm.states() == {ANNA: "Active", BEN: "Active"}
    assert cm.result(person(ANNA), person(BEN))["TotalExistingSubscribers"] == 2


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_cut_connection_is_logged_without_a_status(cm: Api, kind: str) -> None:
    cm.sandbox.fault(kind, count=1)
    with pytest.raises(requests.ConnectionError):
        cm.post_import(person(ANNA))
    (entry,) = cm.sandbox.requests("campaign_monitor")
    assert entry["status"] is None
    assert entry["faults"] == [kind]
    assert entry["bytes_in"] > 0
    assert entry["bytes_out"] == 0


@pytest.mark.parametrize("kind", ["latency", "slow_answer"])
def test_waiting_makes_a_client_give_up_while_the_work_is_done(cm: Api, kind: str) -> None:
    cm.sandbox.fault(kind, seconds=0.4, count=1)
    url = f"{cm.sandbox.campaign_monitor}/subscribers/{LIST}/import.json"
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json={"Subscribers": [person(ANNA)]}, auth=cm.auth, timeout=0.2)
    assert cm.states() == ({} if kind == "latency" else {ANNA: "Active"})
    deadline = time.monotonic() + 10
    while not cm.states() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert cm.states() == {ANNA: "Active"}


def test_others_are_served_while_one_waits(cm: Api) -> None:
    cm.sandbox.fault("latency", seconds=30, path="nothing")
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{cm.sandbox.campaign_monitor}/nothing.json", auth=cm.auth, timeout=0.1)
    assert statuses(cm, 1) == [200]


def test_tokens_can_expire_in_the_middle_and_be_refreshed(cm: Api, sandbox: RunningSandbox) -> None:
    answer = connect(sandbox)
    token = Api(sandbox, token=answer["access_token"])
    sandbox.fault("expired_token", platform="campaign_monitor", skip=1, count=1)
    assert token.get("/clients.json").status_code == 200
    assert problem(token.get("/clients.json")) == (401, 121)
    fresh = ask_token(sandbox, grant_type="refresh_token", refresh_token=answer["refresh_token"]).json()
    assert Api(sandbox, token=fresh["access_token"]).get("/clients.json").status_code == 200
    assert cm.get("/clients.json").status_code == 200


class TestAim:
    @pytest.mark.parametrize(
        ("aim", "struck"),
        [
            ({}, True),
            ({"platform": "campaign_monitor"}, True),
            ({"platform": "constant_contact"}, False),
            ({"method": "GET"}, True),
            ({"method": "POST"}, False),
            ({"path": r"/systemdate\.json$"}, True),
            ({"path": "^/systemdate"}, False),
            ({"method": "GET", "path": "import"}, False),
            ({"rate": 0}, False),
            ({"count": 0}, False),
        ],
    )
    def test_is_platform_method_and_path(self, cm: Api, aim: dict[str, Any], *, struck: bool) -> None:
        cm.sandbox.fault("status", **aim)
        assert statuses(cm, 1) == [503 if struck else 200]

    def test_never_is_the_control_api(self, sandbox: RunningSandbox) -> None:
        sandbox.fault("status", status=500)
        assert sandbox.control("GET", "/health")["status"] == "ok"

    def test_reaches_oauth_too(self, sandbox: RunningSandbox) -> None:
        sandbox.fault("status", path="/oauth/token", status=500)
        assert ask_token(sandbox, grant_type="refresh_token", refresh_token="x").status_code == 500


class TestManagement:
    def test_tells_what_is_set_and_how_often_it_struck(self, cm: Api) -> None:
        number = cm.sandbox.fault("status", status=500, count=5)
        statuses(cm, 2)
        (fault,) = cm.sandbox.control("GET", "/faults")["faults"]
        assert (fault["id"], fault["kind"], fault["struck"]) == (number, "status", 2)

    def test_removes_one_or_all(self, cm: Api) -> None:
        first = cm.sandbox.fault("status", status=500)
        cm.sandbox.fault("status", status=503)
        assert statuses(cm, 1) == [503]
        cm.sandbox.fault("latency")
        cm.sandbox.control("DELETE", f"/faults/{first}")
        assert statuses(cm, 1) == [503]
        cm.sandbox.control("DELETE", "/faults")
        assert statuses(cm, 1) == [200]

    @pytest.mark.parametrize(
        ("body", "status", "told"),
        [
            ({"kind": "drop_afterwards"}, 400, "drop_after"),
            ({"kind": "status", "platform": "campaignmonitor"}, 400, "campaign_monitor"),
            ({"kind": "status", "path": "("}, 400, "regular expression"),
            ({"kind": "status", "status": "500"}, 400, "status"),
            ({"kind": "status", "status": 7}, 400, "status"),
            ({"kind": "latency", "seconds": -1}, 400, "seconds"),
            ({"kind": "status", "rate": 2}, 400, "rate"),
            ({"kind": "status", "count": -1}, 400, "count"),
            ({"kind": "status", "times": 3}, 400, "times"),
            ({}, 400, "kind"),
        ],
    )
    def test_explains_what_does_not_fit(
        self, sandbox: RunningSandbox, body: dict[str, Any], status: int, told: str
    ) -> None:
        response = requests.post(f"{sandbox.url}/sandbox/faults", json=body, timeout=TIMEOUT)
        assert response.status_code == status
        assert told in response.text
        assert sandbox.control("GET", "/faults") == {"faults": []}

    def test_explains_an_unknown_number(self, sandbox: RunningSandbox) -> None:
        response = requests.delete(f"{sandbox.url}/sandbox/faults/77", timeout=TIMEOUT)
        assert response.status_code == 404


def test_a_fault_counts_only_what_it_is_aimed_at() -> None:
    fault = Fault(1, "status", method="POST", skip=1, count=1)
    asked = [("GET", "/a"), ("POST", "/a"), ("GET", "/a"), ("POST", "/a"), ("POST", "/a")]
    assert [fault.strikes("p", method, path) for method, path in asked] == [False, False, False, True, False]


def test_a_method_is_understood_in_any_case(cm: Api) -> None:
    cm.sandbox.fault("status", method="get")
    assert statuses(cm, 1) == [503]


def test_a_fault_on_an_unknown_list_hides_the_real_answer(cm: Api) -> None:
    cm.sandbox.fault("throttle", path=UNKNOWN_ID)
    assert cm.get(f"/lists/{UNKNOWN_ID}.json").status_code == 429
