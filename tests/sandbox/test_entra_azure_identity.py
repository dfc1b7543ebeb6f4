"""The stand-in serves azure-identity as it is: secrets, certificates, federation and managed identities."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from cix_sandbox.accounts import ENTRA
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from dv_environment import TIMEOUT, USER, Environment
from test_entra_tokens import federated

if TYPE_CHECKING:
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox


class LoopbackTransport(RequestsTransport):
    """Speaks plain http to the loopback, where azure-identity insists on https addresses."""

    def send(self, request: Any, **kwargs: Any) -> Any:
        if urlsplit(request.url).hostname == "127.0.0.1":
            request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **kwargs)


def how(sandbox: RunningSandbox) -> dict[str, Any]:
    """What a credential needs to talk to the sandbox."""
    return {
        "authority": sandbox.authority.replace("http://", "https://"),
        "disable_instance_discovery": True,
        "transport": LoopbackTransport(),
        "retry_total": 0,
    }


def opens(sandbox: RunningSandbox, credential: Any) -> bool:
    """Whether a token of a credential opens the environment."""
    token = credential.get_token(f"{sandbox.organization}/.default").token
    url = f"{sandbox.organization}/api/data/v9.2/WhoAmI"
    return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT).status_code == 200


@pytest.fixture(scope="module")
def certificate() -> tuple[bytes, str]:
    """A made-up certificate with its key as PEM, and its SHA-1."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox.example.com")])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.public_bytes(serialization.Encoding.PEM)
    return pem, made.fingerprint(hashes.SHA1()).hex()  # noqa: S303  (the thumbprint that Entra shows)


def test_a_plain_http_authority_is_refused_by_the_library_itself(sandbox: RunningSandbox) -> None:
    with pytest.raises(ValueError, match="https"):
        ClientSecretCredential(ENTRA.tenant_id, USER.client_id, USER.client_secret, authority=sandbox.authority)


def test_a_client_secret_gets_a_token(sandbox: RunningSandbox) -> None:
    credential = ClientSecretCredential(ENTRA.tenant_id, USER.client_id, USER.client_secret, **how(sandbox))
    assert opens(sandbox, credential)


def test_a_wrong_secret_shows_the_number_of_the_error(sandbox: RunningSandbox) -> None:
    credential = ClientSecretCredential(ENTRA.tenant_id, USER.client_id, "wrong", **how(sandbox))
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        opens(sandbox, credential)


def test_an_unknown_tenant_is_refused(sandbox: RunningSandbox) -> None:
    credential = ClientSecretCredential("another-tenant", USER.client_id, USER.client_secret, **how(sandbox))
    with pytest.raises(ClientAuthenticationError, match="check your tenant"):
        opens(sandbox, credential)


@pytest.mark.parametrize("chain", [False, True])
def test_a_certificate_gets_a_token(sandbox: RunningSandbox, certificate: tuple[bytes, str], *, chain: bool) -> None:
    pem, thumbprint = certificate
    sandbox.seed("entra", thumbprints=[thumbprint])
    credential = CertificateCredential(
        ENTRA.tenant_id, USER.client_id, certificate_data=pem, send_certificate_chain=chain, **how(sandbox)
    )
    assert opens(sandbox, credential)


def test_a_certificate_that_is_not_registered_is_refused(
    sandbox: RunningSandbox, certificate: tuple[bytes, str]
) -> None:
    sandbox.seed("entra", thumbprints=["00" * 20])
    credential = CertificateCredential(ENTRA.tenant_id, USER.client_id, certificate_data=certificate[0], **how(sandbox))
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        opens(sandbox, credential)


def test_a_federated_token_gets_a_token(sandbox: RunningSandbox, tmp_path: Path) -> None:
    assertion = ClientAssertionCredential(ENTRA.tenant_id, USER.client_id, federated, **how(sandbox))
    assert opens(sandbox, assertion)
    (tmp_path / "token").write_text(federated())
    workload = WorkloadIdentityCredential(
        tenant_id=ENTRA.tenant_id,
        client_id=USER.client_id,
        token_file_path=str(tmp_path / "token"),
        **how(sandbox),
    )
    assert opens(sandbox, workload)


class TestManagedIdentity:
    @pytest.fixture(autouse=True)
    def _nothing_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"):
            monkeypatch.delenv(name, raising=False)

    def test_of_app_service_needs_no_transport(self, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{sandbox.authority}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", ENTRA.identity_header)
        assert opens(sandbox, ManagedIdentityCredential(retry_total=0))
        assert opens(sandbox, ManagedIdentityCredential(client_id=ENTRA.managed_identity, retry_total=0))

    def test_of_app_service_needs_the_header(self, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{sandbox.authority}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "wrong")
        with pytest.raises(ClientAuthenticationError):
            opens(sandbox, ManagedIdentityCredential(retry_total=0))

    def test_of_a_virtual_machine_needs_no_transport(
        self, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", sandbox.authority)
        assert opens(sandbox, ManagedIdentityCredential(retry_total=0))

    def test_that_is_not_there_is_refused(self, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        sandbox.switch("entra.managed_identity", value=False)
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", sandbox.authority)
        with pytest.raises(ClientAuthenticationError):
            opens(sandbox, ManagedIdentityCredential(retry_total=0))


def test_the_answer_to_a_throttled_token_request_is_the_services_own(dv: Environment) -> None:
    dv.sandbox.fault("throttle", platform="entra", count=1, headers={"Retry-After": "0"})
    credential = ClientSecretCredential(ENTRA.tenant_id, USER.client_id, USER.client_secret, **how(dv.sandbox))
    with pytest.raises(ClientAuthenticationError):
        opens(dv.sandbox, credential)
    assert opens(dv.sandbox, credential)
