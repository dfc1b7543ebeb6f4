"""Rules of tokens: what is given out, what it opens, and when it dies."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, NamedTuple

from cix_sandbox.constant_contact.ids import new_id

if TYPE_CHECKING:
    import sqlite3

SCOPES = (
    "contact_data",
    "account_read",
    "account_update",
    "campaign_data",
    "billing_data",
    "offline_access",
)
ACCESS_SECONDS = 86_400
CODE_SECONDS = 300
UNUSED_SECONDS = 180 * 86_400
"""A refresh token that nobody uses for so long dies."""
_JWT_LENGTH = 1_100
_SIGNATURE_BYTES = 256


class Access(NamedTuple):
    """What an access token opens.

    Attributes:
        account_id: The account.
        client_id: The application that was given access.
        scopes: What it may do.
    """

    account_id: int
    client_id: str
    scopes: frozenset[str]


class Tokens(NamedTuple):
    """A pair of tokens; there is no refresh token without the scope `offline_access`."""

    access_token: str
    refresh_token: str | None
    scope: str


def new_grant(connection: sqlite3.Connection, client_id: str, scope: str, *, public: bool) -> int:
    """Remember that the account's owner granted an application access, and return its number.

    Args:
        connection: The store.
        client_id: The application.
        scope: Scopes with blanks between.
        public: Whether the application showed no secret (PKCE and device flow).
    """
    cursor = connection.execute(
        "INSERT INTO cc_grants (client_id, scope, public) VALUES (?, ?, ?)", (client_id, scope, public)
    )
    return int(cursor.lastrowid or 0)


def issue(connection: sqlite3.Connection, grant_id: int, now: float, *, refreshable: bool = True) -> Tokens:
    """Give out tokens for a new grant.

    Args:
        connection: The store.
        grant_id: The grant.
        now: Seconds since 1970-01-01 UTC.
        refreshable: Whether the way of granting gives refresh tokens at all.
    """
    grant = connection.execute("SELECT * FROM cc_grants WHERE grant_id = ?", (grant_id,)).fetchone()
    refresh_token = None
    if refreshable and "offline_access" in grant["scope"].split():
        refresh_token = secrets.token_urlsafe(32)
        keep_refresh_token(connection, grant_id, refresh_token, now)
    return Tokens(_new_access_token(connection, grant, now), refresh_token, grant["scope"])


def keep_refresh_token(connection: sqlite3.Connection, grant_id: int, token: str, now: float) -> None:
    """Make a text the grant's only living refresh token."""
    connection.execute("UPDATE cc_refresh_tokens SET alive = 0 WHERE grant_id = ?", (grant_id,))
    connection.execute("INSERT INTO cc_refresh_tokens VALUES (?, ?, 1, ?)", (token, grant_id, now))


def refresh(
    connection: sqlite3.Connection,
    refresh_token: str,
    now: float,
    *,
    reuse_revokes: bool,
    expire_access: bool,
) -> Tokens:
    """Give out new tokens for a living refresh token; a rotating one dies.

    Args:
        connection: The store.
        refresh_token: One that belongs to the application that asks.
        now: Seconds since 1970-01-01 UTC.
        reuse_revokes: Whether a dead token takes the living one of its grant with it.
        expire_access: Whether the access tokens given before expire.

    Raises:
        LookupError: The token is dead.
    """
    row = connection.execute(
        """SELECT * FROM cc_refresh_tokens JOIN cc_grants USING (grant_id)
           JOIN cc_applications USING (client_id) WHERE token = ?""",
        (refresh_token,),
    ).fetchone()
    if not row["alive"] and reuse_revokes:
        connection.execute("UPDATE cc_refresh_tokens SET alive = 0 WHERE grant_id = ?", (row["grant_id"],))
    if not row["alive"] or now - row["used_at"] > UNUSED_SECONDS:
        raise LookupError
    if row["rotating"]:
        refresh_token = secrets.token_urlsafe(32)
        keep_refresh_token(connection, row["grant_id"], refresh_token, now)
    else:
        connection.execute("UPDATE cc_refresh_tokens SET used_at = ? WHERE token = ?", (now, refresh_token))
    if expire_access:
        connection.execute("DELETE FROM cc_access_tokens WHERE grant_id = ?", (row["grant_id"],))
    return Tokens(_new_access_token(connection, row, now), refresh_token, row["scope"])


def grant_of(connection: sqlite3.Connection, refresh_token: str) -> sqlite3.Row | None:
    """Return the grant (client_id, public) that a refresh token, living or dead, belongs to."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT cc_grants.* FROM cc_refresh_tokens JOIN cc_grants USING (grant_id) WHERE token = ?",
        (refresh_token,),
    ).fetchone()
    return row


def access_of(connection: sqlite3.Connection, access_token: str, now: float) -> Access | None:
    """Return what an access token opens, or None when it is unknown or has expired."""
    row = connection.execute(
        """SELECT account_id, client_id, scope FROM cc_access_tokens JOIN cc_grants USING (grant_id)
           JOIN cc_applications USING (client_id) WHERE token = ? AND expires_at > ?""",
        (access_token, now),
    ).fetchone()
    return Access(row["account_id"], row["client_id"], frozenset(row["scope"].split())) if row else None


def expire_access_tokens(connection: sqlite3.Connection) -> None:
    """Expire every access token given so far."""
    connection.execute("DELETE FROM cc_access_tokens")


def _new_access_token(connection: sqlite3.Connection, grant: sqlite3.Row, now: float) -> str:
    expires_at = now + ACCESS_SECONDS
    connection.execute("DELETE FROM cc_access_tokens WHERE expires_at <= ?", (now,))
    token = _jwt(grant["client_id"], grant["scope"].split(), int(now), int(expires_at))
    connection.execute("INSERT INTO cc_access_tokens VALUES (?, ?, ?)", (token, grant["grant_id"], expires_at))
    return token


def _jwt(client_id: str, scopes: list[str], issued_at: int, expires_at: int) -> str:
    """Return a token of the service's form and length; its signature is noise."""
    header = _part({"kid": secrets.token_urlsafe(32), "alg": "RS256"})
    signature = _base64(secrets.token_bytes(_SIGNATURE_BYTES))
    claims = {
        "ver": 1,
        "jti": f"AT.{secrets.token_urlsafe(32)}",
        "iss": "https://sandbox.example.com/oauth2/default",
        "aud": "https://api.cc.email/v3",
        "iat": issued_at,
        "exp": expires_at,
        "cid": client_id,
        "uid": new_id(),
        "scp": scopes,
        "sandbox": "",
    }
    missing = _JWT_LENGTH - len(f"{header}.{_part(claims)}.{signature}")
    claims["sandbox"] = "x" * max(missing * 3 // 4, 0)
    return f"{header}.{_part(claims)}.{signature}"


def _part(content: dict[str, object]) -> str:
    return _base64(json.dumps(content).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
