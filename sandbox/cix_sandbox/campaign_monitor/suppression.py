"""The suppression list of a client: addresses that none of its heeding lists may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor import errors, paging, persons
from cix_sandbox.campaign_monitor.call import find_client, stamp
from cix_sandbox.campaign_monitor.errors import ApiError
from cix_sandbox.campaign_monitor.forms import Addresses
from cix_sandbox.campaign_monitor.wire import Answer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from cix_sandbox.campaign_monitor.call import Call

REASONS = ("Unsubscribed", "Bounced", "Reason Unavailable")
_ORDERS = {"email": "key", "date": "added"}


def suppress_addresses(
    connection: sqlite3.Connection, client_no: int, emails: Iterable[str], reason: str, now: int
) -> None:
    """Put addresses on the list; those that are on it already stay as they are."""
    connection.executemany(
        "INSERT OR IGNORE INTO cm_suppressed VALUES (?, ?, ?, ?, ?)",
        [(client_no, persons.make_key(email), email.strip(), reason, now) for email in emails],
    )


def read_suppressed(call: Call) -> Answer:
    """Tell a page of the suppression list."""
    client = find_client(call)
    page = paging.read_page(call.query, orders=_ORDERS, default="email")
    (total,) = call.connection.execute(
        "SELECT COUNT(*) FROM cm_suppressed WHERE client_no = ?", (client.no,)
    ).fetchone()
    rows = call.connection.execute(
        f"""SELECT email, reason, added FROM cm_suppressed WHERE client_no = ?
        ORDER BY {page.sql(_ORDERS)} LIMIT ? OFFSET ?""",  # noqa: S608  (terms are ours, see `_ORDERS`)
        (client.no, page.size, page.offset),
    )
    items = [
        {
            "SuppressionReason": row["reason"],
            "EmailAddress": row["email"],
            "Date": stamp(row["added"]),
            "State": "Suppressed",
        }
        for row in rows
    ]
    return Answer(page.envelope(items, total))


def suppress(call: Call) -> Answer:
    """Suppress addresses for all lists of the client."""
    client = find_client(call)
    emails = call.decode(Addresses, "emailaddresses").email_addresses or []
    call.rows = len(emails)
    if not emails or not all(persons.valid_email(email.strip()) for email in emails):
        raise ApiError(errors.INVALID_EMAIL)
    suppress_addresses(call.connection, client.no, emails, "Reason Unavailable", call.now)
    return Answer()


def unsuppress(call: Call) -> Answer:
    """Take one address off the suppression list; its states on lists stay."""
    client = find_client(call)
    email = call.query.text("email")
    call.rows = 1
    if not persons.valid_email(email.strip()):
        raise ApiError(errors.INVALID_EMAIL)
    removed = call.connection.execute(
        "DELETE FROM cm_suppressed WHERE client_no = ? AND key = ?",
        (client.no, persons.make_key(email)),
    ).rowcount
    if not removed:
        raise ApiError(errors.NOT_SUPPRESSED)
    return Answer()
