"""Who is on which list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Sequence

LISTS_PER_CONTACT = 50


def lists_of(connection: sqlite3.Connection, account_id: int, contact_seq: int) -> dict[str, int]:
    """Return the lists that a contact is on: identifier to number."""
    # One look-up per list of the account, so that imports need not keep up a second index.
    rows = connection.execute(
        """SELECT list_id, list_seq FROM cc_lists CROSS JOIN cc_memberships USING (list_seq)
           WHERE account_id = ? AND contact_seq = ? ORDER BY list_seq""",
        (account_id, contact_seq),
    )
    return {row["list_id"]: row["list_seq"] for row in rows}


def add(connection: sqlite3.Connection, account_id: int, lists: Collection[int], contacts: Sequence[int]) -> int:
    """Put contacts on lists; who has no room for all of them is put on none.

    Args:
        connection: The store.
        account_id: The account of all of them.
        lists: Numbers of lists.
        contacts: Numbers of contacts.

    Returns:
        How many contacts had no room.
    """
    fitting = contacts
    (existing,) = connection.execute(
        "SELECT count(*) FROM cc_lists WHERE account_id = ? AND deleted_at IS NULL", (account_id,)
    ).fetchone()
    if existing > LISTS_PER_CONTACT:
        fitting = [
            seq
            for seq in contacts
            if len({*lists_of(connection, account_id, seq).values(), *lists}) <= LISTS_PER_CONTACT
        ]
    for list_seq in lists:
        connection.execute(
            "INSERT OR IGNORE INTO cc_memberships SELECT ?, value FROM json_each(?)", (list_seq, json.dumps(fitting))
        )
    return len(contacts) - len(fitting)


def replace(connection: sqlite3.Connection, account_id: int, contact_seq: int, lists: Iterable[int]) -> None:
    """Put a contact on these lists and on no others."""
    leave_all(connection, account_id, [contact_seq])
    connection.executemany("INSERT INTO cc_memberships VALUES (?, ?)", [(seq, contact_seq) for seq in lists])


def leave_all(connection: sqlite3.Connection, account_id: int, contacts: Iterable[int]) -> None:
    """Take contacts off every list."""
    connection.executemany(
        """DELETE FROM cc_memberships WHERE contact_seq = ?
           AND list_seq IN (SELECT list_seq FROM cc_lists WHERE account_id = ?)""",
        [(seq, account_id) for seq in contacts],
    )
