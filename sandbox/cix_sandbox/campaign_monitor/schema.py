"""The tables of the stand-in, and the accounts that a fresh sandbox has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cix_sandbox.accounts import CAMPAIGN_MONITOR, CAMPAIGN_MONITOR_OTHER, READY_FIELDS
from cix_sandbox.campaign_monitor.places import UTC_ZONE
from cix_sandbox.campaign_monitor.values import DATE, NUMBER, TEXT, spelled

if TYPE_CHECKING:
    import sqlite3

    from cix_sandbox.accounts import CampaignMonitorAccount

# Times are whole seconds since 1970 in UTC; `key` is the address in lower case.
_TABLES = {
    "cm_account": "no INTEGER PRIMARY KEY, api_key TEXT UNIQUE, contact TEXT, email TEXT",
    "cm_client": """no INTEGER PRIMARY KEY, account_no INTEGER, client_id TEXT UNIQUE, name TEXT,
        api_key TEXT UNIQUE, country TEXT, time_zone TEXT, created INTEGER""",
    "cm_list": """no INTEGER PRIMARY KEY AUTOINCREMENT, client_no INTEGER, list_id TEXT UNIQUE, title TEXT,
        confirmed_opt_in INTEGER, unsubscribe_setting TEXT, unsubscribe_page TEXT,
        confirmation_success_page TEXT, in_draft INTEGER DEFAULT 0""",
    "cm_roll": "list_no INTEGER PRIMARY KEY, token INTEGER",
    "cm_field": """no INTEGER PRIMARY KEY AUTOINCREMENT, list_no INTEGER, spelled TEXT, name TEXT, type TEXT,
        options TEXT, visible INTEGER, UNIQUE (list_no, spelled)""",
    "cm_subscriber": """id INTEGER PRIMARY KEY, list_no INTEGER, key TEXT, email TEXT, name TEXT,
        mobile TEXT, sms TEXT, state INTEGER, changed INTEGER, joined INTEGER, fields TEXT""",
    # Nearly everyone consents to tracking, so only the others are kept: 'No', or '' for unknown.
    "cm_no_consent": "client_no INTEGER, key TEXT, track TEXT, PRIMARY KEY (client_no, key)",
    "cm_suppressed": """client_no INTEGER, key TEXT, email TEXT, reason TEXT, added INTEGER,
        PRIMARY KEY (client_no, key)""",
    "cm_pending": "id INTEGER PRIMARY KEY, due INTEGER, list_no INTEGER, body BLOB",
    "cm_window": "name TEXT PRIMARY KEY, started INTEGER, used INTEGER",
    "cm_code": """code TEXT PRIMARY KEY, account_no INTEGER, redirect_uri TEXT, scopes TEXT,
        expires INTEGER""",
    "cm_grant": "refresh_token TEXT PRIMARY KEY, account_no INTEGER, scopes TEXT",
    "cm_token": """access_token TEXT PRIMARY KEY, account_no INTEGER, scopes TEXT,
        expires INTEGER, revoked INTEGER DEFAULT 0""",
}
_TYPES = {"text": TEXT, "number": NUMBER, "date": DATE}


def create_schema(connection: sqlite3.Connection) -> None:
    """Create the tables and indexes that are missing."""
    for table, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
    connection.execute("CREATE INDEX IF NOT EXISTS cm_subscriber_state ON cm_subscriber (list_no, state, changed)")


def reset(connection: sqlite3.Connection) -> None:
    """Empty the tables."""
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  (names from the table above)


def ready(connection: sqlite3.Connection) -> None:
    """Put the ready accounts into empty tables."""
    for account in (CAMPAIGN_MONITOR, CAMPAIGN_MONITOR_OTHER):
        _make_account(connection, account)


def _make_account(connection: sqlite3.Connection, account: CampaignMonitorAccount) -> None:
    account_no = connection.execute(
        "INSERT INTO cm_account (api_key, contact, email) VALUES (?, ?, ?)",
        (account.api_key, "Sam Sandbox", "sam@example.com"),
    ).lastrowid
    client_no = connection.execute(
        """INSERT INTO cm_client (account_no, client_id, name, api_key, country, time_zone, created)
        VALUES (?, ?, ?, ?, 'Australia', ?, 0)""",
        (account_no, account.client_id, account.client_name, account.client_api_key, UTC_ZONE),
    ).lastrowid
    list_no = connection.execute(
        """INSERT INTO cm_list (client_no, list_id, title, confirmed_opt_in, unsubscribe_setting,
        unsubscribe_page, confirmation_success_page) VALUES (?, ?, ?, 0, 'AllClientLists', '', '')
        """,
        (client_no, account.list_id, account.list_title),
    ).lastrowid
    connection.executemany(
        """INSERT INTO cm_field (list_no, spelled, name, type, options, visible)
        VALUES (?, ?, ?, ?, '[]', 1)""",
        [(list_no, spelled(name), name, _TYPES[kind]) for name, kind in READY_FIELDS],
    )
