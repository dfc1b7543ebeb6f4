"""Single contacts in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cix_sandbox.constant_contact import emails
from cix_sandbox.constant_contact.ids import new_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_COLUMNS = frozenset(
    (
        "email",
        "email_key",
        "permission",
        "confirm_status",
        "opt_in_source",
        "opt_in_date",
        "opt_out_source",
        "opt_out_date",
        "opt_out_reason",
        "first_name",
        "last_name",
        "job_title",
        "company_name",
        "birthday_month",
        "birthday_day",
        "anniversary",
        "sms_number",
        "phones",
        "addresses",
        "custom",
        "update_source",
        "updated_at",
        "deleted_at",
    )
)
"""Columns that change during the life of a contact."""


def insert(connection: sqlite3.Connection, account_id: int, source: str, at: int) -> sqlite3.Row:
    """Store a new contact that has nothing yet, and return it.

    Args:
        connection: The store.
        account_id: The account.
        source: Who made it: `Account` or `Contact`.
        at: Seconds since 1970-01-01 UTC.
    """
    contact_id = new_id()
    connection.execute(
        """INSERT INTO cc_contacts (contact_id, account_id, create_source, update_source, created_at, updated_at)
           VALUES (?, ?, ?, ?, ?, ?)""",
        (contact_id, account_id, source, source, at, at),
    )
    row = by_id(connection, account_id, contact_id)
    assert row is not None  # noqa: S101  (it was stored a moment ago)
    return row


def change(connection: sqlite3.Connection, contact_seq: int, values: Mapping[str, Any]) -> None:
    """Set columns of a contact.

    Raises:
        KeyError: There is no such column.
    """
    if not values.keys() <= _COLUMNS:
        raise KeyError(*values.keys() - _COLUMNS)
    if "email_key" in values:
        account_id, old_key = connection.execute(
            "SELECT account_id, email_key FROM cc_contacts WHERE contact_seq = ?", (contact_seq,)
        ).fetchone()
        if values["email_key"] != old_key:
            emails.replace(connection, account_id, contact_seq, old_key, values["email_key"])
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    connection.execute(
        f"UPDATE cc_contacts SET {assignments} WHERE contact_seq = :contact_seq",  # noqa: S608  (checked above)
        {**values, "contact_seq": contact_seq},
    )


def by_id(connection: sqlite3.Connection, account_id: int, contact_id: str) -> sqlite3.Row | None:
    """Return a contact, deleted ones included."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM cc_contacts WHERE contact_id = ? AND account_id = ?", (contact_id, account_id)
    ).fetchone()
    return row


def by_email(connection: sqlite3.Connection, account_id: int, email_key: str) -> sqlite3.Row | None:
    """Return the contact with an e-mail, deleted ones included."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM cc_contacts WHERE contact_seq = ?", (emails.find(connection, account_id, email_key),)
    ).fetchone()
    return row
