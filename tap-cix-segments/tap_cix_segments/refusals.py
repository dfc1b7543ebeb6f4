"""What a login at Microsoft Entra that failed means: which setting is wrong, or what answers in Entra's place."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from audience_sdk.errors import LOGIN_REFUSED, CixError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    "90033": "Entra is not available at the moment",
    "90055": "Entra has too many requests for this tenant at the moment",
}
"""Reasons by Entra's error numbers (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)."""
_FOR_NOW = {"90033", "90055"}
_ERROR_NUMBER = re.compile(r"AADSTS(\d+)")
_STATUS = re.compile(r"HTTP (?:Error|status): (\d{3})")

_ASKS_ENTRA = {"client_secret", "certificate", "workload_identity"}
"""Ways to log in that have but one place to ask: the authority."""
_HINTS = {
    "certificate": "`certificate_path` must be a PEM or PKCS12 file with the private key, and "
    "`certificate_password` its password",
    "managed_identity": "this machine has no managed identity, or none with this `client_id`",
    "workload_identity": "the variables of a workload identity are not set here (AZURE_TENANT_ID, AZURE_CLIENT_ID, "
    "AZURE_FEDERATED_TOKEN_FILE), or its token file cannot be read",
    "default": "no login was found (environment, workload or managed identity, Azure CLI, Azure PowerShell, "
    "Azure Developer CLI); `az login` makes one",
}


def unusable(method: str, error: Exception) -> CixError:
    """Return the error for settings of which azure-identity can make nothing; no request was sent.

    Args:
        method: The setting `auth_method`.
        error: What the library raised.
    """
    wrong = "`tenant_id` has not the form of a tenant's id or domain"
    hint = wrong if "tenant" in str(error).casefold() else _HINTS.get(method, wrong)
    return _no_token(method, f"{hint} ({type(error).__name__})")


def refused(method: str, host: str, error: Exception) -> CixError:
    """Return the error for a token that was not given, without the library's words, which can name users.

    Args:
        method: The setting `auth_method`.
        host: Where Entra was asked.
        error: What the library raised.
    """
    causes = tuple(_causes(error))
    told = " ".join(map(str, causes))
    number = _ERROR_NUMBER.search(told)
    if number:
        reason = _REASONS.get(number[1], "see Entra's list of error codes")
        return _no_token(method, f"{reason} (AADSTS{number[1]})", "Run again later." if number[1] in _FOR_NOW else None)
    silent = _without_answer(causes)
    if silent is not None and method in _ASKS_ENTRA:
        return _no_token(
            method,
            f"Entra at {host} {silent}",
            "Check the network and any proxy on the way, and the setting `authority`; then run again.",
        )
    status = _status(causes, told)
    if status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _no_token(method, f"Entra at {host} answered HTTP {status}", "Run again later.")
    if method in _HINTS and method != "certificate":
        return _no_token(method, f"{_HINTS[method]} ({type(error).__name__})")
    return _no_token(
        method,
        f"what answered at {host} is not Entra, as there is no error number in it ({type(error).__name__})",
        "Check `authority`, `tenant_id`, and whether a proxy answers in Entra's place.",
    )


def _no_token(method: str, reason: str, action: str | None = None) -> CixError:
    return CixError(LOGIN_REFUSED, f"No access token by `auth_method: {method}`: {reason}.", action)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came of: the outermost one has lost what Entra said of an unknown tenant."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _without_answer(causes: tuple[BaseException, ...]) -> str | None:
    """Return how a request has stayed without an answer, if it has."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError  # noqa: PLC0415 - an extra

    for cause in causes:
        if isinstance(cause, (ServiceRequestError, ServiceResponseError)):
            how = "could not be reached" if isinstance(cause, ServiceRequestError) else "broke off its answer"
            return f"{how} ({type(cause.inner_exception or cause).__name__})"
    return None


def _status(causes: tuple[BaseException, ...], told: str) -> int | None:
    for cause in causes:
        status = getattr(cause, "status_code", None)
        if isinstance(status, int):
            return status
    found = _STATUS.search(told)
    return int(found[1]) if found else None
