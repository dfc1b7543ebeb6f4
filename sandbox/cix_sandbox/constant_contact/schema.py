"""The tables of the Constant Contact stand-in; times are seconds since 1970-01-01 UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_TABLES = {
    "cc_accounts": """
        account_id INTEGER PRIMARY KEY,
        summary TEXT NOT NULL
    """,
    "cc_applications": """
        client_id TEXT PRIMARY KEY,
        client_secret TEXT NOT NULL,
        account_id INTEGER NOT NULL,
        rotating INTEGER NOT NULL
    """,
    "cc_codes": """
        code TEXT PRIMARY KEY,
        client_id TEXT NOT NULL,
        redirect_uri TEXT NOT NULL,
        challenge TEXT,
        scope TEXT NOT NULL,
        expires_at REAL NOT NULL
    """,
    "cc_devices": """
        device_code TEXT PRIMARY KEY,
        user_code TEXT NOT NULL UNIQUE,
        client_id TEXT NOT NULL,
        scope TEXT NOT NULL,
        state TEXT NOT NULL,
        expires_at REAL NOT NULL,
        polled_at REAL
    """,
    "cc_grants": """
        grant_id INTEGER PRIMARY KEY,
        client_id TEXT NOT NULL,
        scope TEXT NOT NULL,
        public INTEGER NOT NULL
    """,
    "cc_refresh_tokens": """
        token TEXT PRIMARY KEY,
        grant_id INTEGER NOT NULL,
        alive INTEGER NOT NULL,
        used_at REAL NOT NULL
    """,
    "cc_access_tokens": """
        token TEXT PRIMARY KEY,
        grant_id INTEGER NOT NULL,
        expires_at REAL NOT NULL
    """,
    "cc_buckets": """
        key TEXT PRIMARY KEY,
        level REAL NOT NULL,
        filled_at REAL NOT NULL
    """,
    "cc_quota": """
        client_id TEXT PRIMARY KEY,
        day TEXT NOT NULL,
        used INTEGER NOT NULL
    """,
    "cc_lists": """
        list_seq INTEGER PRIMARY KEY,
        list_id TEXT NOT NULL UNIQUE,
        account_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        description TEXT,
        favorite INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deleted_at INTEGER
    """,
    "cc_fields": """
        field_seq INTEGER PRIMARY KEY AUTOINCREMENT,
        field_id TEXT NOT NULL UNIQUE,
        account_id INTEGER NOT NULL,
        label TEXT NOT NULL,
        name TEXT NOT NULL,
        type TEXT NOT NULL,
        version INTEGER NOT NULL,
        metadata TEXT,
        choices TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        UNIQUE (account_id, name)
    """,
    "cc_contacts": """
        contact_seq INTEGER PRIMARY KEY,
        contact_id TEXT NOT NULL UNIQUE,
        account_id INTEGER NOT NULL,
        email TEXT,
        email_key TEXT,
        permission TEXT,
        confirm_status TEXT,
        opt_in_source TEXT,
        opt_in_date INTEGER,
        opt_out_source TEXT,
        opt_out_date INTEGER,
        opt_out_reason TEXT,
        first_name TEXT,
        last_name TEXT,
        job_title TEXT,
        company_name TEXT,
        birthday_month INTEGER,
        birthday_day INTEGER,
        anniversary TEXT,
        sms_number TEXT,
        phones TEXT NOT NULL DEFAULT '{}',
        addresses TEXT NOT NULL DEFAULT '{}',
        custom TEXT NOT NULL DEFAULT '{}',
        create_source TEXT NOT NULL,
        update_source TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deleted_at INTEGER
    """,
    "cc_email_tokens": """
        account_id INTEGER PRIMARY KEY,
        token INTEGER NOT NULL
    """,
    "cc_sign_ups": """
        account_id INTEGER NOT NULL,
        email_key TEXT NOT NULL,
        at REAL NOT NULL,
        blocked_until REAL NOT NULL
    """,
    "cc_activities": """
        activity_seq INTEGER PRIMARY KEY,
        activity_id TEXT NOT NULL UNIQUE,
        account_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        fate TEXT NOT NULL,
        created_at REAL NOT NULL,
        starts_at REAL NOT NULL,
        ends_at REAL NOT NULL,
        order_sheet TEXT NOT NULL,
        source_file_name TEXT,
        status TEXT NOT NULL DEFAULT '{}',
        errors TEXT NOT NULL DEFAULT '[]',
        result TEXT
    """,
    "cc_payloads": """
        activity_seq INTEGER PRIMARY KEY,
        payload BLOB NOT NULL
    """,
    "cc_exports": """
        export_id TEXT PRIMARY KEY,
        account_id INTEGER NOT NULL,
        content TEXT NOT NULL
    """,
}

# Apart, since without a rowid: members of a list are read in the order of their contacts.
_MEMBERSHIPS = """
    CREATE TABLE IF NOT EXISTS cc_memberships (
        list_seq INTEGER NOT NULL,
        contact_seq INTEGER NOT NULL,
        PRIMARY KEY (list_seq, contact_seq)
    ) WITHOUT ROWID
"""
_INDEXES = (
    """CREATE INDEX IF NOT EXISTS cc_unfinished ON cc_activities (account_id)
       WHERE state IN ('initialized', 'processing')""",
    """CREATE INDEX IF NOT EXISTS cc_sms ON cc_contacts (account_id, sms_number)
       WHERE sms_number IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS cc_sign_ups_of ON cc_sign_ups (account_id, email_key)",
)


def create_schema(connection: sqlite3.Connection) -> None:
    """Create tables and indexes where they are missing."""
    for name, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
    connection.execute(_MEMBERSHIPS)
    for index in _INDEXES:
        connection.execute(index)


def reset(connection: sqlite3.Connection) -> None:
    """Empty every table."""
    for name in (*_TABLES, "cc_memberships"):
        connection.execute(f"DELETE FROM {name}")  # noqa: S608  (names are the constants above)
