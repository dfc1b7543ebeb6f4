"""The accounts of a fresh sandbox, and what an application needs to connect to the first of them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from cix_sandbox.accounts import CONSTANT_CONTACT, CONSTANT_CONTACT_OTHER, READY_FIELDS
from cix_sandbox.constant_contact import tokens
from cix_sandbox.constant_contact.field_store import insert_field
from cix_sandbox.constant_contact.ids import new_id
from cix_sandbox.constant_contact.lists import insert_list

if TYPE_CHECKING:
    import sqlite3

    from cix_sandbox.accounts import ConstantContactAccount

_ACCOUNTS = {1: CONSTANT_CONTACT, 2: CONSTANT_CONTACT_OTHER}
READY_ACCOUNT = 1
"""Number of the account that `credentials` opens and a seed fills."""
_SCOPE = " ".join(scope for scope in tokens.SCOPES if scope != "billing_data")
_FIELD_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number", "metadata": {"integer": False, "decimal_places": 2, "allow_negative": False}},
    "date": {"type": "date", "version": 2},
}


def ready(connection: sqlite3.Connection) -> None:
    """Make the ready accounts, each with a list, the custom fields, and applications with access."""
    now = time.time()
    for account_id, account in _ACCOUNTS.items():
        connection.execute(
            "INSERT INTO cc_accounts VALUES (?, ?)", (account_id, json.dumps(_summary(account_id, account)))
        )
        insert_list(connection, account_id, account.list_id, account.list_name, int(now))
        for label, kind in READY_FIELDS:
            insert_field(connection, account_id, new_id(), {"label": label, **_FIELD_TYPES[kind]}, int(now))
        for application in account.applications:
            connection.execute(
                "INSERT INTO cc_applications VALUES (?, ?, ?, ?)",
                (application.client_id, application.client_secret, account_id, application.rotating),
            )
            grant_id = tokens.new_grant(connection, application.client_id, _SCOPE, public=False)
            tokens.keep_refresh_token(connection, grant_id, application.refresh_token, now)


def credentials(connection: sqlite3.Connection, base: str) -> dict[str, str]:
    """Return what an application needs to connect to the ready account.

    Args:
        connection: The store.
        base: Address of the sandbox, without a slash at the end.
    """
    application = CONSTANT_CONTACT.applications[0]
    row = connection.execute(
        """SELECT token FROM cc_refresh_tokens JOIN cc_grants USING (grant_id)
           WHERE client_id = ? AND NOT public AND alive ORDER BY used_at DESC LIMIT 1""",
        (application.client_id,),
    ).fetchone()
    return {
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "refresh_token": row["token"] if row else application.refresh_token,
        "list_id": CONSTANT_CONTACT.list_id,
        "base_url": f"{base}/constantcontact/v3",
        "token_url": f"{base}/constantcontact/oauth2/default/v1/token",
    }


def _summary(account_id: int, account: ConstantContactAccount) -> dict[str, Any]:
    return {
        "contact_email": f"owner{account_id}@example.com",
        "contact_phone": "555-0100",
        "country_code": "us",
        "encoded_account_id": f"a07sandbox{account_id:04d}",
        "first_name": "Sandbox",
        "last_name": "Owner",
        "organization_name": account.name,
        "time_zone_id": "UTC",
        "physical_address": {"address_line1": "1 Example Street", "city": "Example", "country_code": "us"},
        "company_logo": {"url": "https://www.example.com/logo.png"},
    }
