"""Campaign Monitor: what it tolerates in requests, and the forms of its answers."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cix_sandbox.accounts import CAMPAIGN_MONITOR
from cm_api import CLIENT, LIST, TIMEOUT, Api, pair, person, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

ANNA = "anna@example.com"
IMPORT = f"/subscribers/{LIST}/import.json"


def lower_keys(content: Any) -> Any:
    if isinstance(content, dict):
        return {key.lower(): lower_keys(value) for key, value in content.items()}
    return [lower_keys(item) for item in content] if isinstance(content, list) else content


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"{",
            b"[]",
            b'"text"',
            b"null",
            b"\xff\xfe",
            b'{"Subscribers": {}}',
            b'{"Subscribers": [null]}',
            b'{"Subscribers": ["a@example.com"]}',
            b'{"Subscribers": [{"EmailAddress": 7}]}',
            b'{"Subscribers": [{"EmailAddress": "a@example.com", "CustomFields": false}]}',
            b'{"Subscribers": [{"EmailAddress": "a@example.com", "CustomFields": [1]}]}',
            b'{"Subscribers": [{"EmailAddress": "a@example.com", "CustomFields": {"City": "Oslo"}}]}',
            b'{"Subscribers": [], "Resubscribe": "perhaps"}',
            gzip.compress(b'{"Subscribers": []}', mtime=0),
        ],
    )
    def test_that_are_no_import_are_400(self, cm: Api, body: bytes) -> None:
        response = cm.request("POST", IMPORT, data=body)
        assert problem(response) == (400, 400)
        assert response.json()["Message"].startswith("Failed to deserialize your request.")
        assert "Fields in error: subscriber" in response.json()["Message"]

    def test_are_read_with_names_in_any_case(self, cm: Api) -> None:
        body = {"Subscribers": [person(ANNA, CustomFields=[pair("City", "Oslo")])], "Resubscribe": True}
        cm.seed({"email": ANNA, "state": "Deleted"})
        assert cm.post(IMPORT, lower_keys(body)).status_code == 201
        assert cm.read(ANNA)["State"] == "Active"
        assert cm.read(ANNA)["CustomFields"] == [pair("[City]", "Oslo")]

    def test_may_hold_names_that_nobody_knows(self, cm: Api) -> None:
        row = person(ANNA, Nickname="A", CustomFields=[pair("City", "Oslo", Note=[1, {"a": None}])])
        assert cm.post(IMPORT, {"Subscribers": [row], "Extra": {"x": 1}}).status_code == 201
        assert cm.read(ANNA)["CustomFields"] == [pair("[City]", "Oslo")]

    @pytest.mark.parametrize(("flag", "revived"), [("true", True), ("True", True), ("false", False), (None, False)])
    def test_may_spell_booleans_as_text(self, cm: Api, flag: str | None, *, revived: bool) -> None:
        cm.seed({"email": ANNA, "state": "Deleted"})
        cm.post_import(person(ANNA), Resubscribe=flag)
        assert cm.states() == {ANNA: "Active" if revived else "Deleted"}

    def test_may_come_in_chunks(self, cm: Api) -> None:
        text = json.dumps({"Subscribers": [person(ANNA)]}).encode()

        def chunks() -> Iterator[bytes]:
            yield text[:10]
            yield text[10:]

        assert cm.request("POST", IMPORT, data=chunks()).status_code == 201
        assert cm.states() == {ANNA: "Active"}

    @pytest.mark.parametrize("body", [b" ", b"", b"{}", b"not json"])
    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_of_calls_that_need_none_are_ignored(self, cm: Api, method: str, body: bytes) -> None:
        cm.post_import(person(ANNA))
        headers = {"Content-Type": "application/json"}
        response = cm.request(method, f"/subscribers/{LIST}.json?email={ANNA}", data=body, headers=headers)
        assert response.status_code == 200

    @pytest.mark.parametrize(
        "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""]
    )
    def test_are_json_whatever_the_header_says(self, cm: Api, content_type: str) -> None:
        body = json.dumps({"Subscribers": [person(ANNA)]})
        assert cm.request("POST", IMPORT, data=body, headers={"Content-Type": content_type}).status_code == 201


class TestAnswers:
    def test_can_be_indented(self, cm: Api) -> None:
        plain, pretty = cm.get("/clients.json"), cm.get("/clients.json", pretty="true")
        assert b"\n" not in plain.content
        assert b"\n" in pretty.content
        assert plain.json() == pretty.json()

    def test_are_compressed_for_those_who_can_read_it(self, cm: Api) -> None:
        cm.post_import(*[person(f"p{number}@example.com") for number in range(20)])
        path, auth = f"{cm.sandbox.campaign_monitor}/lists/{LIST}/active.json", cm.auth
        sizes = {}
        for encoding in ("gzip", "identity"):
            response = requests.get(
                path, auth=auth, headers={"Accept-Encoding": encoding}, stream=True, timeout=TIMEOUT
            )
            assert response.headers.get("Content-Encoding") == ("gzip" if encoding == "gzip" else None)
            sizes[encoding] = int(response.headers["Content-Length"])
            assert len(response.json()["Results"]) == 20
        assert sizes["gzip"] < sizes["identity"]

    def test_are_not_compressed_when_switched_off(self, cm: Api) -> None:
        cm.switch(gzip=False)
        cm.post_import(*[person(f"p{number}@example.com") for number in range(20)])
        assert "Content-Encoding" not in cm.get(f"/lists/{LIST}/active.json").headers

    @pytest.mark.parametrize(
        ("path", "accept", "status"),
        [
            ("/systemdate.json", "*/*", 200),
            ("/systemdate.JSON", "application/xml", 200),
            ("/systemdate", "application/json", 200),
            ("/systemdate", "*/*", 404),
            ("/systemdate.xml", "*/*", 404),
        ],
    )
    def test_are_json_only(self, cm: Api, path: str, accept: str, status: int) -> None:
        response = cm.request("GET", path, headers={"Accept": accept})
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"

    def test_of_errors_have_code_and_message(self, cm: Api) -> None:
        for response in (cm.get("/nothing.json"), cm.get(f"/lists/{CLIENT}.json"), cm.post_import()):
            assert set(response.json()) == {"Code", "Message"}


def test_a_session_of_the_vendors_own_client_works_as_it_sends_it(cm: Api) -> None:
    """Its peculiarities: lone-space bodies, `date=` always sent, booleans as Python writes them, its casing."""
    session = requests.Session()
    session.auth = (CAMPAIGN_MONITOR.api_key, "x")
    session.headers.update({"Content-Type": "application/json", "Accept-Encoding": "gzip, deflate"})
    base = cm.sandbox.campaign_monitor

    body = {
        "Subscribers": [person(ANNA)],
        "Resubscribe": False,
        "QueueSubscriptionBasedAutoresponders": False,
        "RestartSubscriptionBasedAutoresponders": False,
    }
    answer = session.post(f"{base}/subscribers/{LIST}/import.json", data=json.dumps(body), timeout=TIMEOUT)
    assert answer.json()["TotalNewSubscribers"] == 1
    query = {
        "date": "",
        "page": "1",
        "pagesize": "1000",
        "orderfield": "email",
        "orderdirection": "asc",
        "includetrackingpreference": "False",
    }
    page = session.get(f"{base}/lists/{LIST}/active.json", params=query, timeout=TIMEOUT).json()
    assert page["RecordsOnThisPage"] == 1
    cm.seed(suppressed=[{"email": ANNA}])
    url = f"{base}/clients/{CLIENT}/unsuppress.json"
    assert session.put(url, params={"email": ANNA}, data=" ", timeout=TIMEOUT).status_code == 200
    removal = session.delete(f"{base}/subscribers/{LIST}.json", params={"email": ANNA}, timeout=TIMEOUT)
    assert (removal.status_code, removal.content) == (200, b"")
