"""The ledger's upkeep: rebuilt from what a platform holds, and rid of what is to be forgotten."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from audience_sdk.ledger.database import clear_errors
from audience_sdk.ledger.schema import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audience_sdk.destination import Member
    from audience_sdk.ledger.store import Ledger


def rebuild(ledger: Ledger, list_no: int, members: Iterable[Member]) -> tuple[int, int]:
    """Replace what is known of a list by what the platform holds.

    Args:
        ledger: The ledger.
        list_no: The ledger's number of the list.
        members: Everybody whom the platform knows, on the list or not.

    Returns:
        How many people were found on the list, and how many the platform knows besides.
    """
    # Read into a temporary table first: the listing can take minutes, and other runs may want the ledger.
    ledger.connection.execute("CREATE TEMP TABLE members (email_key TEXT PRIMARY KEY, status TEXT, platform_id TEXT)")
    statuses = {True: Status.FOUND.value, False: Status.AWAY.value}
    with clear_errors(ledger.path):
        ledger.connection.executemany(
            "INSERT OR REPLACE INTO temp.members VALUES (?, ?, ?)",
            ((member.email_key, statuses[member.on_list], member.platform_id) for member in members),
        )
    with ledger.transaction():
        for table in ("contacts", "memberships", "contents", "batches"):
            ledger.connection.execute(f"DELETE FROM {table} WHERE list_no = ?", (list_no,))  # noqa: S608 - ours
        ledger.connection.execute(
            """
            INSERT INTO contacts (list_no, email_key, hash, row_key, status, ours, platform_id, changed_at)
            SELECT ?, email_key, 0, '', status, 0, platform_id, ? FROM temp.members ORDER BY email_key
            """,
            (list_no, int(time.time())),
        )
        ledger.connection.execute("DROP TABLE temp.members")
    counts = dict(
        ledger.connection.execute(
            "SELECT status, count(*) FROM contacts WHERE list_no = ? GROUP BY status", (list_no,)
        ).fetchall()
    )
    return counts.get(Status.FOUND.value, 0), counts.get(Status.AWAY.value, 0)


def list_ids(ledger: Ledger) -> list[str]:
    """Return the platforms' ids of all lists that the ledger knows.

    Args:
        ledger: The ledger.
    """
    return [list_id for (list_id,) in ledger.connection.execute("SELECT DISTINCT list_id FROM lists")]


def forget(ledger: Ledger, email_key: str) -> int:
    """Erase everything about an address, and see to it that the file keeps no trace.

    Args:
        ledger: The ledger.
        email_key: The key of the contact.

    Returns:
        On how many lists it was known.
    """
    with ledger.transaction():
        cursor = ledger.connection.execute("DELETE FROM contacts WHERE email_key = ?", (email_key,))
        ledger.connection.execute("DELETE FROM memberships WHERE email_key = ?", (email_key,))
    _overwrite(ledger)
    return cursor.rowcount


def purge(ledger: Ledger, list_nos: Iterable[int]) -> int:
    """Erase everything about lists.

    Args:
        ledger: The ledger.
        list_nos: The ledger's numbers of the lists.

    Returns:
        How many contacts were erased.
    """
    erased = 0
    with ledger.transaction():
        for list_no in list_nos:
            names = "DELETE FROM names WHERE list_id IN (SELECT list_id FROM lists WHERE list_no = ?)"
            ledger.connection.execute(names, (list_no,))
            erased += ledger.connection.execute("DELETE FROM contacts WHERE list_no = ?", (list_no,)).rowcount
            for table in ("memberships", "contents", "batches", "lists"):
                ledger.connection.execute(f"DELETE FROM {table} WHERE list_no = ?", (list_no,))  # noqa: S608 - ours
    _overwrite(ledger)
    return erased


def _overwrite(ledger: Ledger) -> None:
    """Rewrite the file without the erased rows, and empty the write-ahead log that still held them."""
    with clear_errors(ledger.path):
        ledger.connection.execute("VACUUM")
        ledger.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
