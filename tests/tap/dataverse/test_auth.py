"""Logging in: every way by azure-identity itself, against a token service on loopback; and what each refusal means."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import CixError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from tap_cix_segments.auth import EntraAuth
from tap_cix_segments.loopback import LoopbackTransport
from tap_cix_segments.tap import TapCixSegments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Stub

    Read = Callable[..., Any]


def refused(status: int, code: str, message: str = "") -> Any:
    return status, {}, json.dumps({"error": {"code": code, "message": message}}).encode()


def entra_error(number: int, error: str = "invalid_client") -> Any:
    body = {"error": error, "error_description": f"AADSTS{number}: made up", "error_codes": [number]}
    return 401 if error == "invalid_client" else 400, {}, json.dumps(body).encode()


def refusal_of(stub: Stub, **settings: Any) -> str:
    """Return what a connection test ends with, as the user sees it."""
    given = {name: value for name, value in {**stub.settings, **settings}.items() if value is not None}
    with pytest.raises(CixError) as caught:
        TapCixSegments(config=given).run_connection_test()
    return str(caught.value)


def write_certificate(path: Path, password: bytes | None) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.com")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    protection: Any = serialization.NoEncryption()
    if password:
        protection = serialization.BestAvailableEncryption(password)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))


def test_client_secret_asks_for_the_organisation_s_scope(stub: Stub, read: Read) -> None:
    stub.add("0a", "Gold")
    assert read().records("Gold")
    [form] = stub.tokens
    assert form["scope"] == f"{stub.url}/.default"
    assert (form["client_id"], form["client_secret"]) == ("application-1", "its-secret")
    assert set(stub.authorizations) == {"Bearer token-1"}  # one token for the whole run


@pytest.mark.parametrize("password", [None, b"its password"])
def test_certificate(stub: Stub, password: bytes | None, tmp_path: Path) -> None:
    write_certificate(tmp_path / "certificate.pem", password)
    config = {
        **stub.settings,
        "auth_method": "certificate",
        "certificate_path": str(tmp_path / "certificate.pem"),
        "certificate_password": password.decode() if password else None,
    }
    config.pop("client_secret")
    assert EntraAuth(config, "scope/.default")._token() == "token-1"
    assert "client_assertion" in stub.tokens[0]


def test_workload_identity(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "federated").write_text("assertion of the workload", encoding="utf-8")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "federated"))
    config = {**stub.settings, "auth_method": "workload_identity"}
    config.pop("client_secret")
    assert EntraAuth(config, "scope/.default")._token() == "token-1"
    assert stub.tokens[0]["client_assertion"] == "assertion of the workload"


def test_managed_identity(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{stub.url}/entra/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header of the machine")
    config = {"auth_method": "managed_identity", "client_id": "identity-1"}
    assert EntraAuth(config, "https://contoso.example.com/.default")._token() == "token-1"
    assert stub.tokens[0]["resource"] == "https://contoso.example.com"
    assert stub.tokens[0]["client_id"] == "identity-1"


def test_default_chain_takes_what_the_environment_has(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TENANT_ID": "tenant-1", "CLIENT_ID": "application-1", "CLIENT_SECRET": "its-secret"}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    config = {"auth_method": "default", "authority": f"{stub.url}/entra"}
    assert EntraAuth(config, "scope/.default")._token() == "token-1"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"client_secret": None}, "`client_secret` is required"),
        ({"auth_method": "certificate"}, "`certificate_path` is required and `client_secret` has no place"),
        ({"auth_method": "default"}, "`tenant_id` has no place"),
        ({"auth_method": "managed_identity"}, "`tenant_id` has no place"),
        ({"certificate_password": "x"}, "`certificate_password` has no place"),
        ({"organization_url": None}, "`organization_url` is required"),
        ({"organization_url": "https://user:pw@contoso.example.com"}, "without a user"),
        ({"organization_url": "https://contoso.example.com?x=1"}, "without a user or a query"),
        ({"organization_url": "http://contoso.example.com"}, "CIX-107.*organization_url"),
        ({"authority": "http://login.example.com"}, "CIX-107.*authority"),
        ({"auth_method": "password"}, "`auth_method` must be"),
    ],
)
def test_wrong_settings_are_named_before_any_request(stub: Stub, settings: dict[str, Any], says: str) -> None:
    line = refusal_of(stub, **settings)
    assert re.search(says, line)
    assert "its-secret" not in line
    assert stub.asked == stub.tokens == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (entra_error(7000215), "`client_secret` is wrong"),
        (entra_error(7000222), "expired"),
        (entra_error(700016, "unauthorized_client"), "`client_id` is no application"),
        (entra_error(90002, "invalid_request"), "`tenant_id` is no tenant"),
        (entra_error(500011, "invalid_resource"), "`organization_url` is no resource"),
        (entra_error(12345), "AADSTS12345"),
        ((200, {}, b"<html>"), "is not Entra"),
        ((503, {}, b"<html>"), "answered HTTP 503"),
    ],
)
def test_a_refused_login_says_what_is_wrong(stub: Stub, answer: Any, says: str) -> None:
    stub.token_fault = answer
    line = refusal_of(stub)
    assert "CIX-231" in line
    assert says in line
    assert "its-secret" not in line


def test_a_refused_login_is_one_line_of_the_command(stub: Stub, run_dataverse: Read) -> None:
    stub.token_fault = entra_error(7000215)
    outcome = run_dataverse("--test")
    assert outcome.exit_code == 1
    [line] = outcome.errors()
    assert "CIX-231" in line
    assert outcome.log.count("AADSTS") == 1
    assert "its-secret" not in outcome.log
    assert "Traceback" not in outcome.log


@pytest.mark.parametrize("method", ["managed_identity", "workload_identity"])
def test_a_machine_without_an_identity_says_so(stub: Stub, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"{stub.url}/nothing")
    with pytest.raises(CixError, match=r"CIX-231.*identity"):
        EntraAuth({"auth_method": method}, "scope/.default")._token()


def test_a_missing_library_is_named_with_its_extra(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    assert re.search(r"CIX-218.*azure-identity.*`tap-cix-segments\[dataverse\]`", refusal_of(stub))


def test_a_certificate_that_cannot_be_read_says_so(stub: Stub, tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_text("nothing of the kind", encoding="utf-8")
    config = {**stub.settings, "auth_method": "certificate", "certificate_path": str(tmp_path / "certificate.pem")}
    config.pop("client_secret")
    for path in (str(tmp_path / "certificate.pem"), str(tmp_path / "none.pem")):
        with pytest.raises(CixError, match=r"CIX-231.*`certificate_path` must be"):
            EntraAuth({**config, "certificate_path": path}, "scope/.default")


def test_a_token_that_ends_in_the_middle_is_renewed(stub: Stub, read: Read) -> None:
    stub.add("0a", "Gold")
    stub.fail_once("msdynci_customerprofiles", (401, {}, b""))
    assert read().records("Gold")
    assert stub.authorizations[-1] == "Bearer token-2"


def test_the_loopback_transport_talks_to_this_machine_only() -> None:
    request = type("Request", (), {"url": "https://login.example.com/x"})()
    with LoopbackTransport() as transport, pytest.raises(ValueError, match="another machine"):
        transport.send(request)


# What a connection test says of rights


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("/EntityDefinitions", (401, {}, b""), "CIX-232.*does not take the access token.*organization_url"),
        (
            "/EntityDefinitions",
            refused(403, "0x80072560", "The user is not a member of the organization."),
            "CIX-232.*no user of the environment.*Application users.*Customer Insights Data Read Access",
        ),
        ("/EntityDefinitions", refused(403, "0x80040225"), "CIX-232.*application user is switched off"),
        (
            "/msdynci_customerprofiles",
            refused(403, "0x80040220", "Principal user (Id=x) is missing prvReadmsdynci_CustomerProfile privilege"),
            "CIX-232.*may not read the table msdynci_customerprofile.*prvReadmsdynci_CustomerProfile.*Read Access`",
        ),
        (
            "/msdynci_segmentmemberships",
            refused(403, "0x80040220"),
            "CIX-232.*may not read the table msdynci_segmentmembership .*`Customer Insights Data Read Access`",
        ),
        ("/EntityDefinitions", refused(404, "0x80060888"), "CIX-233.*no table msdynci_customerprofile.*data sharing"),
    ],
)
def test_a_connection_test_says_which_right_is_missing(stub: Stub, path: str, answer: Any, says: str) -> None:
    stub.add("0a", "Gold")
    stub.faults.append(lambda asked, _: answer if asked.startswith(path) else None)
    line = refusal_of(stub)
    assert re.search(says, line)
    assert "Principal user" not in line


def test_a_connection_test_asks_for_some_rows_only(stub: Stub, run_dataverse: Read) -> None:
    stub.page_rows = 10
    for number in range(300):
        stub.add(f"{number:032x}", "Gold", "Silver")
    stub.describe("Gold", "Silver")
    outcome = run_dataverse("--test")
    assert outcome.exit_code == 0
    assert len(stub.reads("msdynci_segmentmemberships")) == len(stub.reads("msdynci_customerprofiles")) == 2


def test_a_column_that_the_tap_needs_is_missed_by_name(stub: Stub) -> None:
    del stub.membership_columns["msdynci_Segments"]
    stub.add("0a", "Gold")
    with pytest.raises(CixError, match=r"CIX-233.*msdynci_segmentmembership has no column msdynci_segments"):
        _ = TapCixSegments(config=stub.settings).streams


def test_a_provider_that_the_table_does_not_know_is_no_empty_segment(stub: Stub) -> None:
    del stub.membership_columns["msdynci_SegmentProvider"]
    stub.add("0a", "Gold")
    with pytest.raises(CixError, match=r"CIX-233.*no column msdynci_segmentprovider"):
        _ = TapCixSegments(config={**stub.settings, "segment_provider": "x"}).streams


def test_dataverse_that_does_not_answer_is_said_early(stub: Stub) -> None:
    line = refusal_of(stub, organization_url="http://127.0.0.1:9", authority=f"{stub.url}/entra")
    assert "CIX-401" in line
    assert len(stub.waits) == 2
