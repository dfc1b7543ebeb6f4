"""What the ledger knows of a list's people, read in ranges of their keys so that memory stays flat."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from audience_sdk.ledger.database import clear_errors
from audience_sdk.ledger.difference import Known

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from audience_sdk.ledger.store import Ledger

_AT_ONCE = 5_000

_KNOWN = partial(tuple.__new__, Known)  # as `_make`, which is written in Python


class KnownPeople:
    """The people whom the ledger knows of one list.

    Args:
        ledger: The ledger.
        list_no: The ledger's number of the list.
        segments: The run's segments, in the order of their numbers.
        complete: Those that were read to their end; None where nobody leaves.
    """

    def __init__(self, ledger: Ledger, list_no: int, segments: Sequence[str], complete: Collection[str] | None) -> None:
        self._connection, self._path = ledger.connection, ledger.path
        known = dict(self._connection.execute("SELECT name, segment_no FROM segments").fetchall())
        self._position = {known[name]: position for position, name in enumerate(segments) if name in known}
        others = set() if complete is None else ledger.feeding(list_no).difference(complete)
        fed = "0"
        if others:
            fed = f"""
                EXISTS (
                  SELECT 1 FROM memberships m WHERE m.list_no = c.list_no AND m.email_key = c.email_key
                    AND m.segment_no IN ({", ".join(str(known[name]) for name in others)})
                )
            """  # noqa: S608 - numbers of ours
        self._contacts = f"""
            SELECT email_key, hash, status, ours, changed_at, row_key, {fed} FROM contacts c WHERE list_no = {list_no}
        """  # noqa: S608 - likewise
        self._memberships = f"""
            SELECT email_key, segment_no FROM memberships
            WHERE list_no = {list_no} AND segment_no IN ({", ".join(map(str, self._position))})
        """  # noqa: S608 - likewise

    def between(self, after: str, last: str | None) -> tuple[list[Known], dict[int, set[str]], str | None]:
        """Return the next people.

        Args:
            after: Those whose keys come after this one.
            last: And not after this one, if it is given.

        Returns:
            The contacts in the order of their keys; whom the run's segments have fed into the list, as keys of contacts
            by the run's number of the segment; and the last key of the range that they are all of, nearer than the one
            that was asked for if there are many.
        """
        limit = _AT_ONCE + len(self._position)
        pairs = self._read(self._memberships, after, last, limit)
        if len(pairs) == limit:
            # The last one may be in more segments.
            cut_off = pairs[-1][0]
            pairs = [pair for pair in pairs if pair[0] != cut_off]
            last = pairs[-1][0]
        contacts = self._read(self._contacts, after, last, _AT_ONCE)
        if len(contacts) == _AT_ONCE:
            last = contacts[-1][0]
            pairs = [pair for pair in pairs if pair[0] <= last]
        fed: defaultdict[int, set[str]] = defaultdict(set)
        for key, number in pairs:
            fed[self._position[number]].add(key)
        return list(map(_KNOWN, contacts)), fed, last

    def _read(self, query: str, after: str, last: str | None, limit: int) -> list[tuple[str, int]]:
        bounds = (after,) if last is None else (after, last)
        upper = "" if last is None else "AND email_key <= ?"
        statement = f"{query} AND email_key > ? {upper} ORDER BY email_key LIMIT {limit}"
        with clear_errors(self._path):
            return self._connection.execute(statement, bounds).fetchall()
