"""The roll: everyone that a list knows, found by address.

An index of the store could find them too, but keeping one on a disk, for a million addresses that come in no order,
costs nearly as much as all the rest of their import. So which row an address has is kept in memory, read anew from the
rows when first needed, and checked against the store on every use.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, NamedTuple

from cix_sandbox.store import insert_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Sequence

_LISTS_IN_MEMORY = 4
_TOKEN_BITS = 62
_EMPTY_LIST = -1
_UPDATE = """UPDATE cm_subscriber SET key = ?3, email = ?4, name = ?5, mobile = ?6, sms = ?7, state = ?8,
    changed = ?9, fields = ?11 WHERE id = ?1"""


class Subscriber(NamedTuple):
    """What a list knows about someone: the columns of the table, in that order.

    Attributes:
        id: Number of the row; 0 for someone who has none yet.
        list_no: The list.
        key: The address in lower case.
        email: The address as first written.
        name: Name.
        mobile: Mobile number, or empty.
        sms: Consent to text messages, or empty.
        state: A `states.State`.
        changed: When the state was last changed, in whole seconds since 1970.
        joined: When the list first knew them, likewise.
        fields: Custom field values as JSON, see `values.Values`.
    """

    id: int
    list_no: int
    key: str
    email: str
    name: str
    mobile: str
    sms: str
    state: int
    changed: int
    joined: int
    fields: str


Newcomer = tuple[int, str, str, str, str, str, int, int, int, str]
"""A subscriber who has no row yet: the attributes of `Subscriber` after `id`."""


_INTO = f"cm_subscriber ({', '.join(Subscriber._fields[1:])})"
_ROW = f"({', '.join('?' * len(Subscriber._fields[1:]))})"


class _Page(NamedTuple):
    """The row numbers of one list by key, as of the token."""

    token: int
    ids: dict[str, int]


class Roll:
    """Finds and writes subscribers.

    Every change to who is on a list draws a new random token for the list, in the same transaction. When it is not
    the remembered one, the change was made elsewhere, or was rolled back here: the rows are read again.

    Args:
        connection: The store.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._pages: dict[int, _Page] = {}

    def find(self, list_no: int, key: str) -> Subscriber | None:
        """Return one subscriber, or None when the list does not know the address."""
        return self.find_all(list_no, [key]).get(key)

    def find_all(self, list_no: int, keys: Collection[str]) -> dict[str, Subscriber]:
        """Return those of some addresses that a list knows, by key."""
        ids = self._ids(list_no)
        known = [*filter(None, map(ids.get, keys))]
        return {subscriber.key: subscriber for subscriber in read_rows(self._connection, known)}

    def store(self, list_no: int, subscribers: Sequence[Subscriber]) -> None:
        """Write subscribers of one list, new ones and known ones, within the caller's transaction."""
        known = [subscriber for subscriber in subscribers if subscriber.id]
        self._connection.executemany(_UPDATE, known)
        self.add(list_no, [subscriber[1:] for subscriber in subscribers if not subscriber.id])

    def add(self, list_no: int, newcomers: Sequence[Newcomer]) -> None:
        """Write new subscribers of one list, within the caller's transaction."""
        if not newcomers:
            return
        (last,) = self._connection.execute("SELECT COALESCE(MAX(id), 0) FROM cm_subscriber").fetchone()
        insert_rows(self._connection, _INTO, _ROW, newcomers)
        # The store numbers new rows on from the last one.
        self._renew(list_no).update({newcomer[1]: number for number, newcomer in enumerate(newcomers, start=last + 1)})

    def move(self, subscriber: Subscriber, key: str, email: str) -> None:
        """Give a subscriber another address."""
        self._connection.execute(_UPDATE, subscriber._replace(key=key, email=email))
        ids = self._renew(subscriber.list_no)
        ids[key] = ids.pop(subscriber.key)

    def _ids(self, list_no: int) -> dict[str, int]:
        row = self._connection.execute("SELECT token FROM cm_roll WHERE list_no = ?", (list_no,)).fetchone()
        token = row["token"] if row else _EMPTY_LIST
        page = self._pages.get(list_no)
        if page is None or page.token != token:
            rows = self._connection.execute("SELECT key, id FROM cm_subscriber WHERE list_no = ?", (list_no,))
            self._keep(list_no, token, dict(map(tuple, rows)))
        return self._pages[list_no].ids

    def _renew(self, list_no: int) -> dict[str, int]:
        """Draw a new token for the list and return its row numbers, for the caller to change."""
        ids = self._ids(list_no)
        token = secrets.randbits(_TOKEN_BITS)
        self._connection.execute("INSERT OR REPLACE INTO cm_roll VALUES (?, ?)", (list_no, token))
        self._keep(list_no, token, ids)
        return ids

    def _keep(self, list_no: int, token: int, ids: dict[str, int]) -> None:
        self._pages.pop(list_no, None)
        self._pages[list_no] = _Page(token, ids)
        if len(self._pages) > _LISTS_IN_MEMORY:
            del self._pages[next(iter(self._pages))]


def read_rows(connection: sqlite3.Connection, ids: Sequence[int]) -> Iterable[Subscriber]:
    """Yield the subscribers with some row numbers, in the order of these numbers' size."""
    cursor = connection.cursor()
    cursor.row_factory = _subscriber
    return cursor.execute(
        "SELECT * FROM cm_subscriber WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
    )


def _subscriber(_: sqlite3.Cursor, row: tuple[object, ...]) -> Subscriber:
    return Subscriber._make(row)
