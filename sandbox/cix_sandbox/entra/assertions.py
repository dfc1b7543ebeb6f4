"""Checks the form and the claims of a client assertion, the JWT that an application shows in place of a secret.

Format: https://learn.microsoft.com/entra/identity-platform/certificate-credentials. The signature is not verified: the
stand-in knows no public keys.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from cix_sandbox.entra.refusals import (
    ASSERTION_AUDIENCE,
    ASSERTION_SUBJECT,
    ASSERTION_TIME,
    MALFORMED_ASSERTION,
    UNKNOWN_CERTIFICATE,
    Refused,
    invalid_client,
)

if TYPE_CHECKING:
    from collections.abc import Collection

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FEDERATION_AUDIENCE = "api://AzureADTokenExchange"
ALGORITHMS = ("RS256", "PS256")
THUMBPRINT_BYTES = {"x5t": 20, "x5t#S256": 32}
"""Header of a certificate's thumbprint, and the length of its hash: SHA-1 and SHA-256."""
_CLOCK_SKEW_SECONDS = 300
_PARTS = 3


def check_assertion(
    assertion: str, client_id: str, audiences: Collection[str], thumbprints: Collection[str], now: float
) -> None:
    """Accept an assertion of a certificate, or one of a federation (a workload identity).

    Args:
        assertion: The JWT.
        client_id: The application that shows it.
        audiences: Addresses that it may be made out to.
        thumbprints: Certificates that are registered, in lower-case hex; with none, any is taken.
        now: Seconds since 1970-01-01 UTC by the client's clock.

    Raises:
        Refused: It does not fit; the text says where.
    """
    header, claims = _decode(assertion)
    if header.get("alg") not in ALGORITHMS:
        raise _malformed(f"its algorithm is none of {', '.join(ALGORITHMS)}")
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not isinstance(issuer, str) or not isinstance(subject, str):
        raise _malformed("iss or sub is missing")
    _check_times(claims, now)
    if issuer != client_id:
        audiences = (FEDERATION_AUDIENCE,)
    stated = claims.get("aud")
    if not set(stated if isinstance(stated, list) else [stated]) & set(audiences):
        raise invalid_client(ASSERTION_AUDIENCE, f"Client assertion audience claim is none of {sorted(audiences)}.")
    if issuer == client_id:
        if subject != client_id:
            raise invalid_client(ASSERTION_SUBJECT, "Client assertion subject is not the application.")
        if not claims.get("jti"):
            raise _malformed("jti is missing")
        _check_certificate(header, thumbprints)


def _decode(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = assertion.split(".")
    if len(parts) != _PARTS or not all(parts):
        raise _malformed("it has not three parts")
    try:
        header, claims = (json.loads(_bytes(part)) for part in parts[:2])
        _bytes(parts[2])
    except ValueError:
        raise _malformed("a part of it is no base64url of JSON") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise _malformed("a part of it is no object")
    return header, claims


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _check_times(claims: dict[str, Any], now: float) -> None:
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, (int, float)) or not isinstance(begins, (int, float)):
        raise _malformed("exp is missing, or a time is no number")
    if expires < now - _CLOCK_SKEW_SECONDS or begins > now + _CLOCK_SKEW_SECONDS:
        raise invalid_client(ASSERTION_TIME, "Client assertion is not within its valid time range.")


def _check_certificate(header: dict[str, Any], thumbprints: Collection[str]) -> None:
    shown = [name for name in THUMBPRINT_BYTES if name in header]
    if not shown:
        raise _malformed("its header names no certificate: x5t or x5t#S256")
    for name in shown:
        try:
            digest = _bytes(str(header[name]))
        except ValueError:
            raise _malformed(f"{name} is no base64url") from None
        if len(digest) != THUMBPRINT_BYTES[name]:
            raise _malformed(f"{name} has not {THUMBPRINT_BYTES[name]} bytes")
        if thumbprints and digest.hex() not in thumbprints:
            raise invalid_client(
                UNKNOWN_CERTIFICATE,
                "The certificate with identifier used to sign the client assertion is not registered on application.",
            )


def _malformed(what: str) -> Refused:
    return invalid_client(MALFORMED_ASSERTION, f"Invalid JWT token: {what}.")
