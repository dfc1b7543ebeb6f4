"""Which contact has an e-mail: found in memory, not by an index of the store.

Keeping an index on a disk, for a million e-mails that come in no order, costs as much as all the rest of their import.
So the contacts' numbers by e-mail are kept in memory, read anew from the rows when first needed, and checked against
the store on every use: each change of the e-mails of an account draws a new random token in the same transaction. When
the token is not one that is remembered, the change was made elsewhere, or was rolled back here.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

_MOST_REMEMBERED = 4
_TOKEN_BITS = 62
_remembered: dict[int, dict[str, int]] = {}
"""Token to the numbers of the contacts of one account by key of their e-mail."""


def find(connection: sqlite3.Connection, account_id: int, key: str) -> int | None:
    """Return the number of the contact with an e-mail, deleted ones included."""
    return _numbers(connection, account_id).get(key)


def find_all(connection: sqlite3.Connection, account_id: int, keys: Iterable[str]) -> dict[str, int]:
    """Return the numbers of the contacts that have some e-mails, by key."""
    numbers = _numbers(connection, account_id)
    return {key: numbers[key] for key in keys if key in numbers}


def add(connection: sqlite3.Connection, account_id: int, new: Mapping[str, int]) -> None:
    """Take in the e-mails of contacts that had none, within the transaction that stores them."""
    _change(connection, account_id).update(new)


def replace(connection: sqlite3.Connection, account_id: int, contact_seq: int, old: str | None, new: str) -> None:
    """Give a contact another e-mail, within the transaction that stores it."""
    numbers = _change(connection, account_id)
    if old is not None:
        del numbers[old]
    numbers[new] = contact_seq


def _numbers(connection: sqlite3.Connection, account_id: int) -> dict[str, int]:
    row = connection.execute("SELECT token FROM cc_email_tokens WHERE account_id = ?", (account_id,)).fetchone()
    if row is not None and row["token"] in _remembered:
        return _remembered[row["token"]]
    rows = connection.execute(
        "SELECT email_key, contact_seq FROM cc_contacts WHERE account_id = ? AND email_key IS NOT NULL", (account_id,)
    )
    numbers = dict(map(tuple, rows))
    _remember(connection, account_id, numbers)
    return numbers


def _change(connection: sqlite3.Connection, account_id: int) -> dict[str, int]:
    """Return the numbers of the contacts by e-mail under a new token, for the caller to change."""
    numbers = _numbers(connection, account_id)
    for token in [token for token, remembered in _remembered.items() if remembered is numbers]:
        del _remembered[token]
    _remember(connection, account_id, numbers)
    return numbers


def _remember(connection: sqlite3.Connection, account_id: int, numbers: dict[str, int]) -> None:
    token = secrets.randbits(_TOKEN_BITS)
    connection.execute("INSERT OR REPLACE INTO cc_email_tokens VALUES (?, ?)", (account_id, token))
    _remembered[token] = numbers
    if len(_remembered) > _MOST_REMEMBERED:
        del _remembered[next(iter(_remembered))]
