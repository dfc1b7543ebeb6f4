"""Joins memberships and profiles in a database of this process's own, on disk, in flat memory.

SQLite deletes the file of a nameless database as soon as it has opened it, and makes it with mode 0600: nobody finds
it by a name, and it is gone when the process ends in whatever way, SIGKILL included.
"""

from __future__ import annotations

import sqlite3
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from audience_sdk.errors import DISK_FULL, CixError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CACHE_KIB = 32 * 1024
"""Memory that SQLite may use for pages."""
ROWS_PER_BLOCK = 1000

_SCHEMA = """
CREATE TABLE work.customer (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE work.membership (segment INTEGER, customer INTEGER, PRIMARY KEY (segment, customer)) WITHOUT ROWID;
CREATE TABLE work.wanted (customer INTEGER PRIMARY KEY);
CREATE TABLE work.profile (customer INTEGER PRIMARY KEY, texts BLOB NOT NULL);
CREATE TABLE work.successor (old INTEGER, new INTEGER, PRIMARY KEY (old, new)) WITHOUT ROWID;
"""

_decoder = msgspec.json.Decoder(list[list[str]])


class Join:
    """Holds memberships and profiles, and puts them together by the customer's id."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._close = weakref.finalize(self, self._database.close)
        self._segments: dict[str, int] = {}
        with _disk_errors():
            # Only the setting before the file is opened decides that it is a file and not memory.
            self._database.execute("PRAGMA temp_store = FILE")
            self._database.execute("ATTACH '' AS work")
            self._database.execute("PRAGMA work.journal_mode = OFF")
            self._database.execute(f"PRAGMA work.cache_size = -{CACHE_KIB}")
            self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Give the disk back."""
        self._close()

    @property
    def segments(self) -> list[str]:
        """The segments that have members, in the order of their names."""
        return sorted(self._segments)

    def add_members(self, rows: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Take memberships; those that are there already change nothing.

        Args:
            rows: A customer's id, and the names of segments.
        """
        rows = list(rows)
        pairs = [(self._number(name), customer) for customer, names in rows for name in names]
        with _disk_errors(), self._together():
            add_id = "INSERT OR IGNORE INTO work.customer (id) VALUES (?)"
            self._database.executemany(add_id, dict.fromkeys((customer,) for _, customer in pairs))
            self._database.executemany(
                "INSERT OR IGNORE INTO work.membership SELECT ?, number FROM work.customer WHERE id = ?", pairs
            )

    def forget_members(self) -> None:
        """Drop all memberships, to read them again."""
        with _disk_errors():
            self._database.execute("DELETE FROM work.membership")
        self._segments.clear()

    def want(self, segments: Iterable[str]) -> int:
        """Say whose profiles are wanted.

        Args:
            segments: The names of the segments whose members are.

        Returns:
            How many customers these are.
        """
        numbers = [(self._segments[name],) for name in segments if name in self._segments]
        with _disk_errors(), self._together():
            self._database.execute("DELETE FROM work.wanted")
            self._database.executemany(
                "INSERT OR IGNORE INTO work.wanted SELECT customer FROM work.membership WHERE segment = ?", numbers
            )
        return self._count("SELECT count(*) FROM work.wanted")

    def wanted_ids(self, size: int) -> Iterator[list[str]]:
        """List the ids of those whose profile is wanted and not here yet.

        Args:
            size: Number of ids in a group.

        Yields:
            Groups of ids; profiles may be added meanwhile.
        """
        last = -1
        while True:
            with _disk_errors():
                rows = self._database.execute(
                    "SELECT customer.number, id FROM work.wanted JOIN work.customer ON number = wanted.customer"
                    " LEFT JOIN work.profile ON profile.customer = number"
                    " WHERE texts IS NULL AND number > ? ORDER BY number LIMIT ?",
                    (last, size),
                ).fetchall()
            if not rows:
                return
            yield [customer for _, customer in rows]
            last = rows[-1][0]

    def add_profiles(self, rows: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> None:
        """Take the profiles that are wanted, by their id or by one that they had before.

        Args:
            rows: A profile's id, the ids that it had before a merge or split, and its values as texts.
        """
        profiles: list[tuple[bytes, str]] = []
        successors: list[tuple[str, str, bytes]] = []
        for customer, before, texts in rows:
            profiles.append((msgspec.json.encode(texts), customer))
            successors.extend((customer, old, profiles[-1][0]) for old in before if old != customer)
        with _disk_errors(), self._together():
            self._database.executemany(
                "INSERT OR REPLACE INTO work.profile SELECT number, ? FROM work.customer"
                " JOIN work.wanted ON wanted.customer = number WHERE id = ?",
                profiles,
            )
            for customer, old, encoded in successors:
                self._add_successor(customer, old, encoded)

    def _add_successor(self, customer: str, old: str, texts: bytes) -> None:
        wanted = self._database.execute(
            "SELECT number FROM work.customer JOIN work.wanted ON wanted.customer = number WHERE id = ?", (old,)
        ).fetchone()
        if wanted is None:
            return
        self._database.execute("INSERT OR IGNORE INTO work.customer (id) VALUES (?)", (customer,))
        [number] = self._database.execute("SELECT number FROM work.customer WHERE id = ?", (customer,)).fetchone()
        self._database.execute("INSERT OR IGNORE INTO work.successor VALUES (?, ?)", (wanted[0], number))
        self._database.execute("INSERT OR REPLACE INTO work.profile VALUES (?, ?)", (number, texts))

    def forget_profiles(self) -> None:
        """Drop all profiles, to read them again."""
        with _disk_errors():
            self._database.execute("DELETE FROM work.profile")
            self._database.execute("DELETE FROM work.successor")

    def follow_successors(self) -> None:
        """Let those who came out of a merge or split take the place of a member who has no profile any more.

        Memberships lag behind profiles for a while. Whose own profile is there stays who they are: then the successors
        are other people's halves of a split, whose memberships are their own.
        """
        with _disk_errors(), self._together():
            self._database.execute(
                "INSERT OR IGNORE INTO work.membership SELECT segment, new FROM work.membership"
                " JOIN work.successor ON old = membership.customer"
                " WHERE old NOT IN (SELECT customer FROM work.profile)"
            )
            self._database.execute(
                "DELETE FROM work.membership WHERE customer IN (SELECT old FROM work.successor)"
                " AND customer NOT IN (SELECT customer FROM work.profile)"
            )

    def members(self, segment: str) -> int:
        """Count the members of a segment.

        Args:
            segment: Its name.
        """
        return self._count("SELECT count(*) FROM work.membership WHERE segment = ?", self._segments.get(segment))

    def members_without_profile(self, segment: str) -> int:
        """Count the members of a segment whose profile is not here.

        Args:
            segment: Its name.
        """
        return self._count(
            "SELECT count(*) FROM work.membership LEFT JOIN work.profile USING (customer)"
            " WHERE segment = ? AND texts IS NULL",
            self._segments.get(segment),
        )

    def profiles(self, segment: str) -> Iterator[list[list[str]]]:
        """Read the profiles of a segment's members.

        Args:
            segment: Its name.

        Yields:
            Their values as texts, in blocks of a bounded size.
        """
        with _disk_errors():
            rows = self._database.execute(
                "SELECT texts FROM work.membership JOIN work.profile USING (customer)"
                " WHERE segment = ? ORDER BY membership.customer",
                (self._segments.get(segment),),
            )
            while block := rows.fetchmany(ROWS_PER_BLOCK):
                yield _decoder.decode(b"[" + b",".join(texts for (texts,) in block) + b"]")

    def _number(self, segment: str) -> int:
        return self._segments.setdefault(segment, len(self._segments))

    def _count(self, query: str, *arguments: object) -> int:
        with _disk_errors():
            [count] = self._database.execute(query, arguments).fetchone()
        return int(count)

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Make one transaction of many statements, which is faster."""
        self._database.execute("BEGIN")
        yield
        self._database.execute("COMMIT")


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        message = f"The working file for the join of memberships and profiles cannot be used ({error})."
        action = "Make room in the folder for temporary files, or name another one in the variable SQLITE_TMPDIR."
        raise CixError(DISK_FULL, message, action) from None
