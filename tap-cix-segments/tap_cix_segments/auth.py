"""Logs in at Microsoft Entra, by azure-identity, in the way that the settings choose."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from audience_sdk.errors import EXTRA_MISSING, LOGIN_REFUSED, SETTING_INVALID, CixError
from audience_sdk.http import check_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azure.core.credentials import TokenCredential

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
LOGIN_ATTEMPTS_AGAIN = 2
"""How often azure-identity sends a request again that had no answer."""

# They tell of each failed login at length, which is said here once; at finer levels they name tenants and users.
for _library in ("azure", "msal"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class AuthMethod:
    """One way to log in.

    Attributes:
        required: The settings that it needs.
        optional: Further settings that it takes.
    """

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


AUTH_METHODS = {
    "client_secret": AuthMethod(("tenant_id", "client_id", "client_secret"), ("authority",)),
    "certificate": AuthMethod(("tenant_id", "client_id", "certificate_path"), ("certificate_password", "authority")),
    "managed_identity": AuthMethod((), ("client_id",)),
    "workload_identity": AuthMethod((), ("tenant_id", "client_id", "authority")),
    "default": AuthMethod((), ("authority",)),
}
"""The values of the setting `auth_method`."""
AUTH_SETTINGS = ("tenant_id", "client_id", "client_secret", "certificate_path", "certificate_password", "authority")

_REASONS = {
    "7000215": "`client_secret` is wrong (the secret's value is meant, not its id)",
    "7000222": "the client secret has expired",
    "700016": "`client_id` is no application of the tenant `tenant_id`",
    "700027": "the certificate is not registered at the application, or has expired",
    "7000112": "the application is disabled",
    "7000229": "the application has no service principal in the tenant",
    "90002": "`tenant_id` is no tenant of this authority",
    "900023": "`tenant_id` is neither a tenant's id nor one of its domains",
    "500011": "`organization_url` is no resource of the tenant `tenant_id`",
    "700211": "no federated credential of the application matches the issuer of the workload's token",
    "700213": "no federated credential of the application matches the subject of the workload's token",
    "53003": "a Conditional Access policy blocks the login",
}
"""Reasons by Entra's error numbers (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)."""
_ERROR_NUMBER = re.compile(r"AADSTS(\d+)")


def check_auth_settings(config: Mapping[str, Any]) -> None:
    """Check that the settings of one way to log in are there, and none of another.

    Args:
        config: The tap's settings.

    Raises:
        CixError: `SETTING_INVALID`, or `URL_INSECURE` for the authority.
    """
    name = config["auth_method"]
    method = AUTH_METHODS[name]
    missing = [setting for setting in method.required if not config.get(setting)]
    foreign = [
        setting
        for setting in AUTH_SETTINGS
        if config.get(setting) and setting not in method.required and setting not in method.optional
    ]
    problems = [f"`{setting}` is required" for setting in missing]
    problems += [f"`{setting}` has no place" for setting in foreign]
    if problems:
        raise CixError(SETTING_INVALID, f"With `auth_method: {name}`, {' and '.join(problems)}.")
    if config.get("authority"):
        check_url("authority", config["authority"])


def make_credential(config: Mapping[str, Any]) -> TokenCredential:
    """Return what gets tokens, without a request yet.

    Args:
        config: The tap's settings, checked.

    Raises:
        CixError: `LOGIN_REFUSED` where this machine lacks what the way to log in needs; `EXTRA_MISSING` where
            azure-identity is not installed.
    """
    try:
        import azure.identity  # noqa: PLC0415 - an extra, and half a second of start-up
    except ImportError:
        message = "`source: dataverse` needs azure-identity, which is not installed."
        raise CixError(
            EXTRA_MISSING,
            message,
            "Install the extra `tap-cix-segments[dataverse]`; with Meltano, name it in the tap's `pip_url`.",
        ) from None
    makers: dict[str, Callable[..., TokenCredential]] = {
        "client_secret": azure.identity.ClientSecretCredential,
        "certificate": azure.identity.CertificateCredential,
        "managed_identity": azure.identity.ManagedIdentityCredential,
        "workload_identity": azure.identity.WorkloadIdentityCredential,
        "default": azure.identity.DefaultAzureCredential,
    }
    options: dict[str, Any] = {
        name: config[setting]
        for setting, name in {
            "tenant_id": "tenant_id",
            "client_id": "client_id",
            "client_secret": "client_secret",
            "certificate_path": "certificate_path",
            "certificate_password": "password",
        }.items()
        if config.get(setting)
    }
    options |= _authority_options(config.get("authority"))
    try:
        return makers[config["auth_method"]](retry_total=LOGIN_ATTEMPTS_AGAIN, **options)
    except (ValueError, OSError) as error:
        raise _refused(config["auth_method"], error) from None


def _authority_options(authority: str | None) -> dict[str, Any]:
    if not authority:
        return {}
    url = urlsplit(authority.rstrip("/"))
    if url.scheme == "https":
        return {"authority": authority.rstrip("/")}
    from tap_cix_segments.loopback import LoopbackTransport  # noqa: PLC0415 - needs the extra

    return {
        "authority": f"https://{url.netloc}{url.path}",
        "disable_instance_discovery": True,
        "transport": LoopbackTransport(),
    }


class EntraAuth(requests.auth.AuthBase):
    """Adds an access token to each request; azure-identity keeps it until shortly before it ends.

    Args:
        config: The tap's settings, checked.
        scope: What the token is for.
    """

    def __init__(self, config: Mapping[str, Any], scope: str) -> None:
        self._config = config
        self._scope = scope
        self._credential = make_credential(config)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token.

        Raises:
            CixError: `LOGIN_REFUSED`.
        """
        request.headers["Authorization"] = f"Bearer {self._token()}"
        return request

    def renew(self, refused: str) -> None:  # noqa: ARG002 - `Api.renew` hands it over
        """Forget the token, as after a 401.

        Args:
            refused: The `Authorization` header that was refused.
        """
        self._credential = make_credential(self._config)

    def _token(self) -> str:
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - an extra

        try:
            return self._credential.get_token(self._scope).token
        except (AzureError, ValueError, OSError) as error:
            raise _refused(self._config["auth_method"], error) from None


def _refused(method: str, error: Exception) -> CixError:
    """Say why there is no token, without the library's message, which can name users and quote settings."""
    number = _ERROR_NUMBER.search(str(error))
    if number:
        reason = _REASONS.get(number[1], "see Entra's list of error codes")
        return CixError(LOGIN_REFUSED, f"No access token by `auth_method: {method}`: {reason} (AADSTS{number[1]}).")
    hints = {
        "certificate": "`certificate_path` must be a PEM or PKCS12 file with the private key, and "
        "`certificate_password` its password",
        "managed_identity": "this machine has no managed identity, or none with this `client_id`",
        "workload_identity": "the variables of a workload identity are not set here (AZURE_TENANT_ID, AZURE_CLIENT_ID, "
        "AZURE_FEDERATED_TOKEN_FILE), or its token file cannot be read",
        "default": "no login was found (environment, workload or managed identity, Azure CLI, Azure PowerShell, "
        "Azure Developer CLI); `az login` makes one",
    }
    hint = hints.get(method, "Entra did not answer as expected; check `tenant_id`, `authority` and the network")
    return CixError(LOGIN_REFUSED, f"No access token by `auth_method: {method}`: {hint} ({type(error).__name__}).")
