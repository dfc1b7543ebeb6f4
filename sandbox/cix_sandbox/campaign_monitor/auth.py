"""Who asks: API keys of accounts and clients, OAuth tokens, and what a token permits."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor.errors import (
    EXPIRED_TOKEN,
    INVALID_API_KEY,
    INVALID_TOKEN,
    NO_PERMISSION,
    REVOKED_TOKEN,
    ApiError,
)

if TYPE_CHECKING:
    import sqlite3

SCOPES = (
    "ViewReports",
    "ManageLists",
    "CreateCampaigns",
    "ImportSubscribers",
    "SendCampaigns",
    "ViewSubscribersInReports",
    "ManageTemplates",
    "AdministerPersons",
    "AdministerAccount",
    "ViewTransactional",
    "SendTransactional",
    "Automation",
)


@dataclass(frozen=True)
class Identity:
    """An accepted credential.

    Attributes:
        credential: The key or token.
        account_no: Its account.
        client_no: The only client that it may touch; None for all of the account.
        scopes: What the token permits; None for a key, which may do everything.
    """

    credential: str
    account_no: int
    client_no: int | None = None
    scopes: frozenset[str] | None = None

    def demand(self, needed: frozenset[str]) -> None:
        """Check that one of the scopes is held; an empty set needs none.

        Raises:
            ApiError: Code 60.
        """
        if needed and self.scopes is not None and not needed & self.scopes:
            raise ApiError(NO_PERMISSION)


def identify(connection: sqlite3.Connection, header: str, now: int) -> Identity:
    """Return who an Authorization header stands for.

    Args:
        connection: The store.
        header: The header, empty when absent.
        now: The time, in whole seconds since 1970.

    Raises:
        ApiError: Code 100 for a missing or wrong key, 120 to 122 for a token.
    """
    scheme, _, credential = header.partition(" ")
    if scheme.lower() == "bearer":
        return _bearer(connection, credential.strip(), now)
    return _key(connection, _user_name(credential) if scheme.lower() == "basic" else "")


def _user_name(encoded: str) -> str:
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[0]


def _key(connection: sqlite3.Connection, key: str) -> Identity:
    row = connection.execute(
        """SELECT no, NULL FROM cm_account WHERE api_key = :key
        UNION ALL SELECT account_no, no FROM cm_client WHERE api_key = :key""",
        {"key": key},
    ).fetchone()
    if row is None:
        raise ApiError(INVALID_API_KEY)
    return Identity(key, account_no=row[0], client_no=row[1])


def _bearer(connection: sqlite3.Connection, token: str, now: int) -> Identity:
    row = connection.execute(
        "SELECT account_no, scopes, expires, revoked FROM cm_token WHERE access_token = ?", (token,)
    ).fetchone()
    if row is None:
        raise ApiError(INVALID_TOKEN)
    if row["revoked"]:
        raise ApiError(REVOKED_TOKEN)
    if row["expires"] <= now:
        raise ApiError(EXPIRED_TOKEN)
    scopes = frozenset(scope for scope in row["scopes"].split(",") if scope)
    return Identity(token, account_no=row["account_no"], scopes=scopes)


def expire_tokens(connection: sqlite3.Connection) -> None:
    """Expire every access token."""
    connection.execute("UPDATE cm_token SET expires = 0")


def revoke_tokens(connection: sqlite3.Connection) -> None:
    """Revoke every access token."""
    connection.execute("UPDATE cm_token SET revoked = 1")
