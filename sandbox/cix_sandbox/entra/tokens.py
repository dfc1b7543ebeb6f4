"""Access tokens: what is given out, what it opens, and until when."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, Any

from cix_sandbox.accounts import ENTRA
from cix_sandbox.problems import ControlError

if TYPE_CHECKING:
    import sqlite3

DATAVERSE = "dataverse"
"""Audience of a token that opens the Dataverse environment."""
_SIGNATURE_BYTES = 256
_THUMBPRINT_LENGTHS = (40, 64)


def create_schema(connection: sqlite3.Connection) -> None:
    """Create the tables where they are missing."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS entra_tokens"
        " (token TEXT PRIMARY KEY, client_id TEXT, audience TEXT, expires_at REAL) WITHOUT ROWID"
    )
    connection.execute("CREATE TABLE IF NOT EXISTS entra_thumbprints (thumbprint TEXT PRIMARY KEY) WITHOUT ROWID")


def reset(connection: sqlite3.Connection) -> None:
    """Forget tokens and certificates."""
    connection.execute("DELETE FROM entra_tokens")
    connection.execute("DELETE FROM entra_thumbprints")


def seed(connection: sqlite3.Connection, body: dict[str, Any]) -> None:
    """Register certificates by their thumbprints.

    Raises:
        ControlError: The body does not fit.
    """
    if set(body) - {"thumbprints"}:
        raise ControlError("entra: a seed has `thumbprints` and nothing else")
    thumbprints = body.get("thumbprints", [])
    if not isinstance(thumbprints, list):
        raise ControlError("entra: thumbprints is a list")
    for position, thumbprint in enumerate(thumbprints):
        digits = str(thumbprint).replace(":", "").lower()
        if len(digits) not in _THUMBPRINT_LENGTHS or set(digits) - set("0123456789abcdef"):
            raise ControlError(f"entra: thumbprints[{position}] is no SHA-1 or SHA-256 in hex")
        connection.execute("INSERT OR IGNORE INTO entra_thumbprints VALUES (?)", (digits,))


def thumbprints_of(connection: sqlite3.Connection) -> set[str]:
    """Return the certificates that are registered."""
    return {str(row[0]) for row in connection.execute("SELECT thumbprint FROM entra_thumbprints")}


def issue(connection: sqlite3.Connection, client_id: str, audience: str, now: float, seconds: float) -> str:
    """Give out an access token.

    Args:
        connection: The store.
        client_id: Whom it is given to.
        audience: What it opens.
        now: Seconds since 1970-01-01 UTC.
        seconds: How long it is good.
    """
    claims = {
        "aud": audience,
        "iss": f"https://sts.example.com/{ENTRA.tenant_id}/",
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now + seconds),
        "appid": client_id,
        "idtyp": "app",
        "tid": ENTRA.tenant_id,
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
    }
    signature = _base64(secrets.token_bytes(_SIGNATURE_BYTES))
    token = f"{_part({'typ': 'JWT', 'alg': 'RS256'})}.{_part(claims)}.{signature}"
    connection.execute("DELETE FROM entra_tokens WHERE expires_at <= ?", (now,))
    connection.execute("INSERT INTO entra_tokens VALUES (?, ?, ?, ?)", (token, client_id, audience, now + seconds))
    return token


def bearer_of(connection: sqlite3.Connection, token: str, audience: str, now: float) -> str | None:
    """Return the application that holds a token which opens an audience now, or None."""
    row = connection.execute(
        "SELECT client_id FROM entra_tokens WHERE token = ? AND audience = ? AND expires_at > ?", (token, audience, now)
    ).fetchone()
    return None if row is None else str(row[0])


def expire_tokens(connection: sqlite3.Connection) -> None:
    """Expire every access token given so far."""
    connection.execute("DELETE FROM entra_tokens")


def _part(content: dict[str, object]) -> str:
    return _base64(json.dumps(content).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
