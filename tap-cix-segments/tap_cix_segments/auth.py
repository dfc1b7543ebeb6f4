"""Logs in at Microsoft Entra, by azure-identity, in the way that the settings choose."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from audience_sdk.errors import EXTRA_MISSING, SETTING_INVALID, CixError
from audience_sdk.http import check_url

from tap_cix_segments.refusals import refused, unusable

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
        raise unusable(config["auth_method"], error) from None


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
            raise refused(self._config["auth_method"], _host(self._config), error) from None


def _host(config: Mapping[str, Any]) -> str:
    """Return where Entra is asked; azure-identity takes the authority from the environment too."""
    authority = config.get("authority") or os.environ.get("AZURE_AUTHORITY_HOST") or PUBLIC_AUTHORITY
    return urlsplit(authority if "://" in authority else f"https://{authority}").netloc.rpartition("@")[2]
