"""Tokens of applications and of managed identities, and why one is not given."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cix_sandbox.accounts import ENTRA
from dv_environment import PROFILES, TIMEOUT, USER, Environment

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def jwt(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join([part(json.dumps(header).encode()), part(json.dumps(claims).encode()), part(b"signature")])


def federated(**changes: Any) -> str:
    """A token such as a cluster gives to what runs on it."""
    claims = {
        "iss": "https://cluster.example.com/",
        "sub": "system:serviceaccount:exports:tap",
        "aud": ["api://AzureADTokenExchange"],
        "exp": time.time() + 600,
    }
    return jwt({"alg": "RS256", "kid": "1"}, {**claims, **changes})


def certified(dv: Environment, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """An assertion such as a certificate signs; changes to None leave a claim out."""
    claims = {
        "iss": USER.client_id,
        "sub": USER.client_id,
        "aud": f"{dv.sandbox.authority}/{ENTRA.tenant_id}/oauth2/v2.0/token",
        "exp": time.time() + 600,
        "jti": "1",
        **changes,
    }
    head = {"alg": "RS256", "typ": "JWT", "x5t": part(b"t" * 20)} if header is None else header
    return jwt(head, {name: value for name, value in claims.items() if value is not None})


def form(dv: Environment, **changes: str | None) -> dict[str, str]:
    """A request for a token by a secret; changes to None leave a field out."""
    fields: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": USER.client_id,
        "client_secret": USER.client_secret,
        "scope": f"{dv.sandbox.organization}/.default",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def asserted(dv: Environment, assertion: str) -> requests.Response:
    changes = {"client_secret": None, "client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}
    return dv.token_request(form(dv, **changes))


def refused(response: requests.Response, status: int, error: str, number: int) -> None:
    assert response.status_code == status, response.text
    body = response.json()
    assert body["error"] == error
    assert body["error_codes"] == [number]
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert {"trace_id", "correlation_id", "timestamp"} <= set(body)


class TestSecret:
    def test_gets_a_token_for_an_hour(self, dv: Environment) -> None:
        body = dv.token_request(form(dv)).json()
        assert set(body) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
        assert body["token_type"] == "Bearer"
        assert body["expires_in"] == 3599
        dv.token = body["access_token"]
        assert dv.get("WhoAmI").status_code == 200
        dv.sandbox.advance(3600)
        assert dv.get("WhoAmI").status_code == 401

    def test_is_taken_by_the_older_endpoint_too(self, dv: Environment) -> None:
        fields = form(dv, scope=None, resource=f"{dv.sandbox.organization}/")
        url = f"{dv.sandbox.authority}/{ENTRA.tenant_id}/oauth2/token"
        dv.token = requests.post(url, data=fields, timeout=TIMEOUT).json()["access_token"]
        assert dv.get("WhoAmI").status_code == 200

    def test_lives_as_long_as_the_switch_says(self, dv: Environment) -> None:
        dv.sandbox.switch("entra.token_seconds", 60)
        assert dv.token_request(form(dv)).json()["expires_in"] == 60

    @pytest.mark.parametrize(
        ("changes", "status", "error", "number"),
        [
            ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
            ({"client_secret": None}, 401, "invalid_client", 7000218),
            ({"client_id": "a99db0c5-0000-4000-8000-0000000000ff"}, 400, "unauthorized_client", 700016),
            ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
            ({"scope": "https://another.crm.example.com/.default"}, 400, "invalid_resource", 500011),
            ({"scope": "user_impersonation"}, 400, "invalid_scope", 1002012),
            ({"scope": None}, 400, "invalid_scope", 1002012),
        ],
    )
    def test_is_refused(
        self, dv: Environment, changes: dict[str, str | None], status: int, error: str, number: int
    ) -> None:
        refused(dv.token_request(form(dv, **changes)), status, error, number)

    def test_that_has_run_out_is_refused(self, dv: Environment) -> None:
        dv.sandbox.switch("entra.client_secret", "expired")
        refused(dv.token_request(form(dv)), 401, "invalid_client", 7000222)

    def test_of_another_tenant_is_refused(self, dv: Environment) -> None:
        refused(dv.token_request(form(dv), tenant="contoso.example.com"), 400, "invalid_tenant", 90002)

    def test_for_another_resource_does_not_open_the_environment(self, dv: Environment) -> None:
        body = dv.token_request(form(dv, scope="https://graph.microsoft.com/.default")).json()
        dv.token = body["access_token"]
        assert dv.get("WhoAmI").status_code == 401


class TestAssertion:
    def test_of_a_certificate_gets_a_token(self, dv: Environment) -> None:
        assert asserted(dv, certified(dv)).status_code == 200

    def test_of_a_newer_certificate_gets_a_token(self, dv: Environment) -> None:
        header = {"alg": "PS256", "x5t#S256": part(b"t" * 32)}
        assert asserted(dv, certified(dv, header)).status_code == 200

    def test_of_a_federation_gets_a_token(self, dv: Environment) -> None:
        assert asserted(dv, federated()).status_code == 200

    @pytest.mark.parametrize(
        "header",
        [
            {"alg": "none", "x5t": part(b"t" * 20)},
            {"alg": "HS256", "x5t": part(b"t" * 20)},
            {"alg": "RS256"},
            {"alg": "RS256", "x5t": part(b"t" * 19)},
            {"alg": "RS256", "x5t": "***"},
        ],
    )
    def test_with_a_wrong_header_is_refused(self, dv: Environment, header: dict[str, Any]) -> None:
        refused(asserted(dv, certified(dv, header)), 401, "invalid_client", 50027)

    @pytest.mark.parametrize("claim", ["iss", "sub", "exp", "jti"])
    def test_without_a_claim_is_refused(self, dv: Environment, claim: str) -> None:
        refused(asserted(dv, certified(dv, **{claim: None})), 401, "invalid_client", 50027)

    @pytest.mark.parametrize(
        ("changes", "number"),
        [
            ({"aud": "https://login.example.com/"}, 700023),
            ({"aud": None}, 700023),
            ({"exp": 1_700_000_000}, 700024),
            ({"nbf": 4_000_000_000}, 700024),
            ({"sub": "someone else"}, 700021),
        ],
    )
    def test_with_a_wrong_claim_is_refused(self, dv: Environment, changes: dict[str, Any], number: int) -> None:
        refused(asserted(dv, certified(dv, **changes)), 401, "invalid_client", number)

    def test_of_a_federation_for_another_audience_is_refused(self, dv: Environment) -> None:
        refused(asserted(dv, federated(aud="api://another")), 401, "invalid_client", 700023)

    @pytest.mark.parametrize("assertion", ["", "a.b", "a.b.c.d", "a.b.", "***.***.***", f"{part(b'[]')}.e30.c2ln"])
    def test_that_is_none_is_refused(self, dv: Environment, assertion: str) -> None:
        refused(asserted(dv, assertion), 401, "invalid_client", 50027)

    def test_of_another_type_is_refused(self, dv: Environment) -> None:
        fields = form(dv, client_secret=None, client_assertion=certified(dv), client_assertion_type="saml")
        refused(dv.token_request(fields), 401, "invalid_client", 50027)

    def test_of_a_certificate_that_is_not_registered_is_refused_once_one_is(self, dv: Environment) -> None:
        dv.sandbox.seed("entra", thumbprints=["74" * 20])
        assert asserted(dv, certified(dv)).status_code == 200
        other = certified(dv, {"alg": "RS256", "x5t": part(b"u" * 20)})
        refused(asserted(dv, other), 401, "invalid_client", 700027)
        dv.sandbox.reset()
        assert asserted(dv, other).status_code == 200


def test_discovery_names_https_addresses_of_the_tenant(dv: Environment) -> None:
    tenant = f"{dv.sandbox.authority}/{ENTRA.tenant_id}"
    body = requests.get(f"{tenant}/v2.0/.well-known/openid-configuration", timeout=TIMEOUT).json()
    assert body["token_endpoint"] == f"{tenant.replace('http://', 'https://')}/oauth2/v2.0/token"
    other = f"{dv.sandbox.authority}/nobody/v2.0/.well-known/openid-configuration"
    refused(requests.get(other, timeout=TIMEOUT), 400, "invalid_tenant", 90002)


class TestManagedIdentity:
    def ask(self, dv: Environment, path: str, headers: dict[str, str], **query: str) -> requests.Response:
        query = {"api-version": "2019-08-01", "resource": dv.sandbox.organization, **query}
        return requests.get(f"{dv.sandbox.authority}{path}", params=query, headers=headers, timeout=TIMEOUT)

    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            ("/msi/token", {"X-IDENTITY-HEADER": ENTRA.identity_header}),
            ("/metadata/identity/oauth2/token", {"Metadata": "true"}),
        ],
    )
    def test_gets_a_token_that_opens_the_environment(self, dv: Environment, path: str, headers: dict[str, str]) -> None:
        body = self.ask(dv, path, headers).json()
        assert body["client_id"] == ENTRA.managed_identity
        assert abs(int(body["expires_on"]) - time.time() - 3599) < 60
        dv.token = body["access_token"]
        assert dv.get(PROFILES).status_code == 200
        other = self.ask(dv, path, headers, client_id="a99db0c5-0000-4000-8000-0000000000ff")
        assert other.status_code == 400
        assert self.ask(dv, path, headers, resource="https://another.example.com").json()["error"] == "invalid_resource"

    def test_needs_the_header_of_its_kind(self, dv: Environment) -> None:
        assert self.ask(dv, "/msi/token", {}).status_code == 401
        assert self.ask(dv, "/metadata/identity/oauth2/token", {}).status_code == 400


@pytest.mark.parametrize("thumbprints", [["xyz"], "00", [1]])
def test_a_seed_of_what_is_no_thumbprint_is_explained(sandbox: RunningSandbox, thumbprints: Any) -> None:
    answer = requests.post(f"{sandbox.url}/sandbox/seed", json={"entra": {"thumbprints": thumbprints}}, timeout=TIMEOUT)
    assert answer.status_code == 400
    assert "thumbprints" in answer.json()["error"]


def test_faults_strike_tokens_in_the_services_own_words(dv: Environment) -> None:
    dv.sandbox.fault("throttle", platform="entra", count=1)
    assert dv.token_request(form(dv)).json()["error_codes"] == [90055]
    dv.sandbox.fault("status", platform="entra", count=1)
    answer = dv.token_request(form(dv))
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert dv.token_request(form(dv)).status_code == 200


def test_the_log_of_requests_holds_no_secret(dv: Environment) -> None:
    dv.token_request(form(dv))
    assert USER.client_secret not in json.dumps(dv.sandbox.requests("entra"))
