"""Constant Contact: what every request passes before it is answered."""

from __future__ import annotations

import gzip
import json

import pytest
import requests
from cc_application import LIST, LONG_LIVED, UNKNOWN_ID, Application, problem

_UNAUTHORIZED = {"error_key": "unauthorized", "error_message": "Unauthorized"}
_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("authorization", ["", "Bearer nonsense", "Basic abc", "nonsense"])
def test_a_request_without_a_valid_token_gets_the_401_object(cc: Application, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = requests.get(f"{cc.base}/v3/contacts", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json() == _UNAUTHORIZED
    assert len(answer.content) == 59
    assert answer.headers["WWW-Authenticate"] == "Bearer realm=api.cc.email"
    assert answer.headers["x-amzn-ErrorType"] == "UnauthorizedException"
    assert answer.headers["Content-Type"] == "application/json"


def test_an_access_token_dies_after_a_day(cc: Application) -> None:
    cc.sandbox.advance(86_399)
    assert cc.get("/contacts").status_code == 200
    cc.sandbox.advance(2)
    assert cc.get("/contacts").json() == _UNAUTHORIZED


def test_a_missing_token_can_be_a_403(cc: Application) -> None:
    cc.switch(missing_token_status="403", forbidden_body="gateway")
    answer = requests.get(f"{cc.base}/v3/contacts", timeout=10)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    cc.token = "nonsense"
    assert cc.get("/contacts").status_code == 401


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("array", [{"error_key": "forbidden", "error_message": "Forbidden"}]),
        ("object", {"error_key": "forbidden", "error_message": "Forbidden"}),
        ("gateway", {"message": "Forbidden"}),
    ],
)
def test_a_deactivated_application_gets_403(cc: Application, form: str, body: object) -> None:
    cc.switch(application_active=False, forbidden_body=form)
    answer = cc.get("/contacts")
    assert (answer.status_code, answer.json()) == (403, body)


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("contact_data", "/account/summary", 403),
        ("contact_data", "/contacts", 200),
        ("contact_data", "/account/user/privileges", 200),
        ("account_read", "/account/summary", 200),
        ("account_read", "/contacts", 403),
        ("account_read", "/contact_lists", 403),
        ("account_read", "/contact_custom_fields", 403),
        ("account_read", "/activities", 403),
        ("account_read", "/account/user/privileges", 200),
    ],
)
def test_a_scope_opens_its_endpoints_and_no_others(cc: Application, scope: str, path: str, status: int) -> None:
    cc.token = _token_for(cc, scope)
    assert cc.get(path).status_code == status


def _token_for(cc: Application, scope: str) -> str:
    address = "http://127.0.0.1/back"
    query = {
        "client_id": LONG_LIVED.client_id,
        "redirect_uri": address,
        "response_type": "code",
        "scope": scope,
        "state": "s",
    }
    page = requests.get(f"{cc.base}/oauth2/default/v1/authorize", params=query, allow_redirects=False, timeout=10)
    code = page.headers["Location"].partition("code=")[2].partition("&")[0]
    return str(
        cc.token_request(grant_type="authorization_code", code=code, redirect_uri=address).json()["access_token"]
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/contacts", 200),
        ("GET", "/contact_lists", 200),
        ("GET", "/contact_custom_fields", 200),
        ("GET", "/account/summary", 200),
        # Even looking at activities needs the right to write contacts.
        ("GET", "/activities", 403),
        ("POST", "/activities/contacts_json_import", 403),
        ("POST", "/contact_lists", 403),
        ("POST", "/contact_custom_fields", 403),
        ("DELETE", f"/contact_lists/{LIST}", 403),
        ("DELETE", f"/contacts/{UNKNOWN_ID}", 403),
    ],
)
def test_a_person_who_may_only_read_grants_no_more(cc: Application, method: str, path: str, status: int) -> None:
    cc.switch(privileges="read_only")
    assert cc.request(method, path, headers=_JSON).status_code == status


def test_a_person_without_privileges_grants_nothing(cc: Application) -> None:
    cc.switch(privileges="none")
    assert cc.get("/contacts").status_code == 403
    assert cc.get("/account/user/privileges").json() == []


def test_an_unknown_path_gets_the_404_array(cc: Application) -> None:
    assert problem(cc.get("/contacs"))[:2] == (404, "contacts.api.not_found")


def test_a_method_that_a_path_does_not_have_gets_405(cc: Application) -> None:
    assert problem(cc.request("PATCH", "/contacts", json={}))[:2] == (405, "method_not_allowed")
    assert cc.get("/activities/contacts_json_import").status_code == 405


def test_an_answer_that_is_not_accepted_gets_406(cc: Application) -> None:
    answer = cc.request("GET", "/contacts", headers={"Accept": "text/html"})
    assert problem(answer)[:2] == (406, "not_acceptable")
    for accepted in ("application/json", "*/*", "text/html, application/*;q=0.5"):
        assert cc.request("GET", "/contacts", headers={"Accept": accepted}).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_json_gets_415(cc: Application, content_type: str) -> None:
    answer = cc.request("POST", "/contact_lists", data=b'{"name":"A"}', headers={"Content-Type": content_type})
    assert problem(answer)[:2] == (415, "unsupported_media_type")


def test_a_charset_beside_json_is_fine(cc: Application) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert cc.request("POST", "/contact_lists", data=b'{"name":"A"}', headers=headers).status_code == 201


def test_gzip_bodies_get_415_unless_they_are_switched_on(cc: Application) -> None:
    body = gzip.compress(json.dumps({"name": "Packed"}).encode())
    headers = {**_JSON, "Content-Encoding": "gzip"}
    assert cc.request("POST", "/contact_lists", data=body, headers=headers).status_code == 415
    cc.switch(gzip_bodies=True)
    assert cc.request("POST", "/contact_lists", data=body, headers=headers).json()["name"] == "Packed"
    assert cc.request("POST", "/contact_lists", data=b"no gzip", headers=headers).status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_gets_400(cc: Application, body: bytes) -> None:
    for path in ("/contact_lists", "/contacts", "/activities/contacts_json_import", "/contacts/sign_up_form"):
        answer = cc.request("POST", path, data=body, headers=_JSON)
        assert problem(answer)[:2] == (400, "contacts.api.validation.error")


def test_a_body_larger_than_the_gateway_takes_gets_413(cc: Application) -> None:
    cc.switch(gateway_bytes=1_000)
    answer = cc.post("/contact_lists", {"name": "A", "description": "x" * 1_000})
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Too Long"})


def test_answers_carry_request_ids_and_nothing_about_limits(cc: Application) -> None:
    answers = [cc.get("/contacts"), cc.get("/nothing"), cc.delete(f"/contacts/{UNKNOWN_ID}")]
    cc.switch(requests_per_day=1)
    answers += [cc.get("/contacts"), cc.get("/contacts")]
    assert answers[-1].status_code == 429
    for answer in answers:
        names = {name.lower() for name in answer.headers}
        assert {"x-amzn-requestid", "x-eig-tracking-id"} <= names
        assert not any("ratelimit" in name or name == "retry-after" for name in names)
    assert len({answer.headers["x-amzn-requestid"] for answer in answers}) == len(answers)


@pytest.mark.parametrize("status", [500, 503, 404, 403])
def test_an_injected_error_speaks_as_the_service_does(cc: Application, status: int) -> None:
    cc.sandbox.fault("status", platform="constant_contact", status=status, count=1)
    answer = cc.get("/contacts")
    assert answer.status_code == status
    assert set(answer.json()[0]) == {"error_key", "error_message"}
    assert cc.get("/contacts").status_code == 200


def test_an_injected_401_or_429_is_the_object(cc: Application) -> None:
    cc.sandbox.fault("throttle", platform="constant_contact", count=1)
    answer = cc.get("/contacts")
    assert (answer.status_code, answer.json()) == (
        429,
        {"error_key": "throttled", "error_message": "Too Many Requests"},
    )
    cc.sandbox.fault("status", platform="constant_contact", status=401, count=1)
    answer = cc.get("/contacts")
    assert answer.json() == _UNAUTHORIZED
    assert answer.headers["WWW-Authenticate"] == "Bearer realm=api.cc.email"


def test_an_injected_error_can_bring_its_own_body(cc: Application) -> None:
    body = {"error_key": "quota_exceeded", "error_message": "Limit Exceeded"}
    cc.sandbox.fault("status", platform="constant_contact", status=429, body=body, count=1)
    assert cc.get("/contacts").json() == body


def test_tokens_can_be_expired_on_purpose(cc: Application) -> None:
    cc.sandbox.fault("expired_token", platform="constant_contact", count=1)
    assert cc.get("/contacts").status_code == 401
    assert cc.get("/contacts").status_code == 401
    cc.token = cc.refresh().json()["access_token"]
    assert cc.get("/contacts").status_code == 200


def test_the_log_counts_the_rows_of_a_request(cc: Application) -> None:
    cc.post_import({"email": "a@example.com"}, {"email": "b@example.com"})
    entry = cc.sandbox.requests("constant_contact")[-1]
    assert (entry["path"], entry["rows"], entry["status"]) == (
        "/constantcontact/v3/activities/contacts_json_import",
        2,
        201,
    )
    cc.get("/contacts", email="a@example.com")
    assert "a@example.com" not in str(cc.sandbox.requests("constant_contact"))
