"""Campaign Monitor: who may call what, and in which order a request is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from cix_sandbox.accounts import CAMPAIGN_MONITOR, CAMPAIGN_MONITOR_OTHER
from cm_api import CLIENT, LIST, OTHER_CLIENT, OTHER_LIST, TIMEOUT, UNKNOWN_ID, Api, connect, person, problem

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

IMPORT = f"/subscribers/{LIST}/import.json"


@pytest.mark.parametrize("header", [None, "", "Basic", "Basic !", "Basic bm9ib2R5", "Digest x", "Basic d3Jvbmc6eA=="])
def test_a_missing_and_a_wrong_key_are_the_same_to_the_service(sandbox: RunningSandbox, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = requests.get(f"{sandbox.campaign_monitor}/systemdate.json", headers=headers, timeout=TIMEOUT)
    assert problem(response) == (401, 100)
    assert response.json()["Message"] == "Invalid API Key"


@pytest.mark.parametrize("path", ["/nothing.json", "/lists/x/y/z.json", "/systemdate.xml", "/", ""])
@pytest.mark.parametrize("version", ["v3.3", "v3.2", "v3.77", "v3"])
def test_authentication_comes_before_routing(sandbox: RunningSandbox, path: str, version: str) -> None:
    assert problem(Api(sandbox, key="wrong").request("GET", path, version=version)) == (401, 100)


@pytest.mark.parametrize("version", ["v4.0", "v9.9", "v2", "3.3"])
def test_versions_that_never_were_are_not_found_even_without_a_key(sandbox: RunningSandbox, version: str) -> None:
    assert problem(Api(sandbox, key=None).request("GET", "/systemdate.json", version=version)) == (404, 404)


@pytest.mark.parametrize(("version", "status"), [("v3.3", 200), ("v3.2", 200), ("v3.77", 404), ("v3", 404)])
def test_the_last_two_minor_versions_are_served(cm: Api, version: str, status: int) -> None:
    assert cm.request("GET", "/systemdate.json", version=version).status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing.json"),
        ("GET", IMPORT),
        ("PATCH", f"/lists/{LIST}.json"),
        ("GET", f"/lists/{LIST}/spam.json"),
        ("POST", "/systemdate.json"),
    ],
)
def test_an_unknown_route_is_not_found(cm: Api, method: str, path: str) -> None:
    assert problem(cm.request(method, path)) == (404, 404)


@pytest.mark.parametrize("password", ["", "x", "nopass", "any:thing"])
def test_the_password_beside_the_key_does_not_matter(sandbox: RunningSandbox, password: str) -> None:
    auth = (CAMPAIGN_MONITOR.api_key, password)
    response = requests.get(f"{sandbox.campaign_monitor}/systemdate.json", auth=auth, timeout=TIMEOUT)
    assert response.status_code == 200


def test_a_client_key_sees_its_client_only(cm: Api, sandbox: RunningSandbox) -> None:
    second = cm.post("/clients.json", {"CompanyName": "Second", "Country": "Norway", "TimeZone": ""}).json()
    client = Api(sandbox, key=CAMPAIGN_MONITOR.client_api_key)
    assert client.get(f"/clients/{CLIENT}/lists.json").status_code == 200
    assert problem(client.get(f"/clients/{second}/lists.json")) == (401, 102)
    assert [each["ClientID"] for each in client.get("/clients.json").json()] == [CLIENT]
    assert len(cm.get("/clients.json").json()) == 2


@pytest.mark.parametrize("client_id", [UNKNOWN_ID, OTHER_CLIENT, LIST, "x"])
def test_a_client_that_is_unknown_or_foreign_is_401_with_102(cm: Api, client_id: str) -> None:
    assert problem(cm.get(f"/clients/{client_id}/lists.json")) == (401, 102)
    assert problem(cm.post(f"/lists/{client_id}.json", {"Title": "T"})) == (401, 102)


@pytest.mark.parametrize("list_id", [UNKNOWN_ID, OTHER_LIST, CLIENT, "x"])
def test_a_list_that_is_unknown_or_foreign_is_401_with_101(cm: Api, list_id: str) -> None:
    assert problem(cm.get(f"/lists/{list_id}.json")) == (401, 101)
    assert problem(cm.post_import(person(), list_id=list_id)) == (401, 101)
    assert problem(cm.remove("anna@example.com", list_id)) == (401, 101)


def test_the_other_account_reaches_its_own_list(sandbox: RunningSandbox) -> None:
    other = Api(sandbox, key=CAMPAIGN_MONITOR_OTHER.api_key)
    assert other.get(f"/lists/{OTHER_LIST}.json").json()["Title"] == "Another account's list"
    assert problem(other.get(f"/lists/{LIST}.json")) == (401, 101)


def test_checks_come_in_the_order_key_route_list_body_size_rows(cm: Api, sandbox: RunningSandbox) -> None:
    nobody = Api(sandbox, key="wrong")
    too_many: dict[str, Any] = {"Subscribers": [{}] * 1001}
    assert problem(nobody.request("POST", "/nothing.json", data="{")) == (401, 100)
    assert problem(cm.request("POST", "/nothing.json", data="{")) == (404, 404)
    assert problem(cm.request("POST", f"/subscribers/{UNKNOWN_ID}/import.json", data="{")) == (401, 101)
    assert problem(cm.request("POST", IMPORT, data="{")) == (400, 400)
    assert problem(cm.post(IMPORT, too_many)) == (400, 209)
    assert problem(cm.post(IMPORT, {"Subscribers": [{}]})) == (400, 214)


@pytest.mark.parametrize("bearer", ["bogus", ""])
def test_an_unknown_token_is_120(sandbox: RunningSandbox, bearer: str) -> None:
    headers = {"Authorization": f"Bearer {bearer}"}
    response = requests.get(f"{sandbox.campaign_monitor}/clients.json", headers=headers, timeout=TIMEOUT)
    assert problem(response) == (401, 120)


def test_a_token_is_121_once_it_has_expired(sandbox: RunningSandbox) -> None:
    answer = connect(sandbox)
    token = Api(sandbox, token=answer["access_token"])
    sandbox.advance(answer["expires_in"] - 60)
    assert token.get("/clients.json").status_code == 200
    sandbox.advance(61)
    assert problem(token.get("/clients.json")) == (401, 121)


def test_a_token_is_122_once_it_has_been_revoked(sandbox: RunningSandbox) -> None:
    token = Api(sandbox, token=connect(sandbox)["access_token"])
    sandbox.fault("revoked_token", count=1)
    assert problem(token.get("/clients.json")) == (401, 122)
    assert problem(token.get("/clients.json")) == (401, 122)
    fresh = Api(sandbox, token=connect(sandbox)["access_token"])
    assert fresh.get("/clients.json").status_code == 200


FIELDS = f"/lists/{LIST}/customfields.json"
REMOVE = f"/subscribers/{LIST}.json?email=a@example.com"


@pytest.mark.parametrize(
    ("scope", "method", "path", "allowed"),
    [
        ("ImportSubscribers", "POST", IMPORT, True),
        ("ManageLists", "POST", IMPORT, False),
        ("ManageLists", "POST", FIELDS, True),
        ("ImportSubscribers", "POST", FIELDS, False),
        ("ImportSubscribers", "GET", FIELDS, True),
        ("ViewReports", "GET", FIELDS, False),
        ("ImportSubscribers", "DELETE", REMOVE, True),
        ("ManageLists", "DELETE", REMOVE, True),
        ("ViewSubscribersInReports", "DELETE", REMOVE, False),
        ("ViewReports", "GET", "/systemdate.json", True),
        ("ManageLists,ImportSubscribers", "GET", "/billingdetails.json", False),
        ("AdministerAccount", "GET", "/billingdetails.json", True),
        ("ManageLists,ImportSubscribers", "GET", "/admins.json", False),
    ],
)
def test_a_token_without_the_permission_is_60(
    sandbox: RunningSandbox, scope: str, method: str, path: str, *, allowed: bool
) -> None:
    token = Api(sandbox, token=connect(sandbox, scope)["access_token"])
    response = token.request(method, path, json={})
    refused = response.status_code == 401 and problem(response) == (401, 60)
    assert refused != allowed


def test_permissions_of_the_vendors_own_integration_cover_a_whole_sync(sandbox: RunningSandbox) -> None:
    token = Api(sandbox, token=connect(sandbox, "ManageLists,ImportSubscribers")["access_token"])
    assert token.get("/clients.json").status_code == 200
    assert token.new_list("Segment")
    assert token.new_field("Points").status_code == 201
    assert token.post_import(person()).status_code == 201
    assert token.get(f"/lists/{LIST}/active.json").status_code == 200
    assert token.get(f"/clients/{CLIENT}/suppressionlist.json").status_code == 200
    assert token.remove("anna@example.com").status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/billingdetails.json"), ("POST", "/clients.json")])
def test_what_only_agencies_may_is_403_for_others(cm: Api, sandbox: RunningSandbox, method: str, path: str) -> None:
    client = Api(sandbox, key=CAMPAIGN_MONITOR.client_api_key)
    assert problem(client.request(method, path, json={"CompanyName": "C"})) == (403, 403)
    cm.switch(agency=False)
    response = cm.request(method, path, json={"CompanyName": "C"})
    assert problem(response) == (403, 403)
    assert response.json()["Message"] == "Not allowed for a Non-agency Customer"
