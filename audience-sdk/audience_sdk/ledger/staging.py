"""The ledger's passing part: the contacts of one run, staged on disk, and their difference to what is confirmed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from audience_sdk.contact import Action, StagedRow
from audience_sdk.ledger.database import clear_errors, make_private, transaction
from audience_sdk.ledger.schema import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from audience_sdk.ledger.store import Ledger

    NewRow = tuple[str, str, str, bytes]
    """The profile's key in its stream, the address as it is sent, the key of the contact, the JSON of the row."""

_FETCH_ROWS = 2_000
_WRITE_ROWS = 5_000
_CACHE_KIB = 16_384
_PAGE_BYTES = 16_384  # rows go through the file from end to end, three times: a sixth faster than pages of 4 KiB

_STAGED_ROW = partial(tuple.__new__, StagedRow)  # as `_make`, which is written in Python
_NOTHING_HASHED = hashlib.blake2b(digest_size=8)

HELD_SUPPRESSED, HELD_AWAY = "held-suppressed", "held-away"
"""In the plan beside the actions: rows that are not sent, and why."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS staging.segments (segment_no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    """
    CREATE TABLE IF NOT EXISTS staging.staged (
      id INTEGER PRIMARY KEY,
      list_no INTEGER NOT NULL,
      segment_no INTEGER NOT NULL,
      row_key TEXT NOT NULL,
      email TEXT,
      email_key TEXT NOT NULL,
      payload BLOB NOT NULL,
      hash INTEGER NOT NULL
    )
    """,
    # Who is in a segment with a row that cannot be sent; they have not left.
    """
    CREATE TABLE IF NOT EXISTS staging.present (
      list_no INTEGER, email_key TEXT, segment_no INTEGER, PRIMARY KEY (list_no, email_key, segment_no)
    ) WITHOUT ROWID
    """,
    # In the order of the keys: confirming a batch then writes neighbouring rows of the ledger.
    """
    CREATE TABLE IF NOT EXISTS staging.plan (
      list_no INTEGER, action TEXT, email_key TEXT, id INTEGER, row_key TEXT, hash INTEGER, platform_id TEXT,
      returns INTEGER NOT NULL,
      PRIMARY KEY (list_no, action, email_key)
    ) WITHOUT ROWID
    """,
)

_UNSURE = f"'{Status.UNSURE.value}', '{Status.UNSURE_REMOVED.value}'"
_SUPPRESSED = f"'{Status.SUPPRESSED.value}', '{Status.SUPPRESSED_REMOVED.value}'"
_MAY_RETURN = (
    f"'{Status.REMOVED.value}', '{Status.UNSURE_REMOVED.value}', '{Status.SUPPRESSED_REMOVED.value}',"
    f" '{Status.AWAY.value}'"
)

# Holds every column, so that whatever follows reads it from end to end instead of looking rows up all over the table.
_INDEX_STAGED = (
    "CREATE INDEX staging.staged_by_key ON staged (list_no, email_key, id, hash, segment_no, row_key, email, payload)"
)

# SQLite takes the bare columns `hash` and `row_key` from the row that has max(id).
_PLAN_STAGED = f"""
    INSERT INTO staging.plan
    SELECT last.list_no,
      CASE
        WHEN c.status IS NULL OR c.status IN ('{Status.REMOVED.value}', {_UNSURE}) THEN '{Action.CREATE.value}'
        WHEN c.status = '{Status.AWAY.value}' AND NOT :readmit THEN '{HELD_AWAY}'
        WHEN c.status = '{Status.AWAY.value}' THEN '{Action.CREATE.value}'
        WHEN c.status IN ({_SUPPRESSED}) AND c.changed_at > :ask_again_before THEN '{HELD_SUPPRESSED}'
        WHEN c.status = '{Status.SUPPRESSED_REMOVED.value}' THEN '{Action.CREATE.value}'
        WHEN c.status = '{Status.SUPPRESSED.value}' AND NOT c.ours THEN '{Action.CREATE.value}'
        ELSE '{Action.UPDATE.value}'
      END,
      last.email_key, last.id, last.row_key, last.hash, c.platform_id, coalesce(c.status IN ({_MAY_RETURN}), 0)
    FROM (
      SELECT list_no, email_key, hash, row_key, max(id) AS id FROM staging.staged GROUP BY list_no, email_key
    ) last
    LEFT JOIN main.contacts c ON c.list_no = last.list_no AND c.email_key = last.email_key
    WHERE :full_resync OR c.status IS NOT '{Status.ON.value}' OR c.hash IS NOT last.hash
"""  # noqa: S608 - made of our own constants

_PLAN_LEAVERS = f"""
    INSERT INTO staging.plan
    SELECT c.list_no, '{Action.REMOVE.value}', c.email_key, NULL, c.row_key, c.hash, c.platform_id, 0
    FROM main.contacts c
    WHERE c.list_no = :list_no
      AND (
        c.status IN ('{Status.ON.value}', {_UNSURE}) OR (c.status = '{Status.FOUND.value}' AND :adopt_existing)
      )
      AND (c.ours OR :adopt_existing)
      AND NOT EXISTS (SELECT 1 FROM staging.staged s WHERE s.list_no = c.list_no AND s.email_key = c.email_key)
      AND NOT EXISTS (SELECT 1 FROM staging.present p WHERE p.list_no = c.list_no AND p.email_key = c.email_key)
      AND NOT EXISTS (
        SELECT 1 FROM main.memberships m JOIN main.segments g ON g.segment_no = m.segment_no
        WHERE m.list_no = c.list_no AND m.email_key = c.email_key
          AND g.name NOT IN (SELECT name FROM temp.complete)
      )
"""  # noqa: S608 - made of our own constants


@dataclass(frozen=True)
class DiffRules:
    """What the difference depends on besides the contacts.

    Attributes:
        full_resync: Whether unchanged contacts are sent too.
        ask_again_before: Seconds since the epoch; who was suppressed before this is sent again.
        readmit: Whether people who may have left the list by their own act are sent.
        removes: Whether contacts that have left every segment leave the list.
        adopt_existing: Whether contacts that an export did not put on the list may leave it too.
        complete: The segments that were read to their end.
    """

    full_resync: bool = False
    ask_again_before: int = 0
    readmit: bool = False
    removes: bool = False
    adopt_existing: bool = False
    complete: Collection[str] = ()


@dataclass(frozen=True)
class DiffCounts:
    """The difference between a list's staged and confirmed contacts, in rows.

    Attributes:
        people: Different addresses.
        duplicate: Rows whose address came again later.
        unchanged: Contacts that the platform has confirmed just so.
        create: Contacts that are to join the list.
        update: Contacts that are on it with another payload.
        remove: Contacts that are to leave it.
        held: Contacts that are not sent, because they are suppressed or may have left.
    """

    people: int = 0
    duplicate: int = 0
    unchanged: int = 0
    create: int = 0
    update: int = 0
    remove: int = 0
    held: int = 0


def payload_hash(payload: bytes) -> int:
    """Return the hash by which a contact's payload is compared with the confirmed one.

    64 bits are enough: only the old and the new payload of one contact are ever compared, and the chance that a change
    goes unseen is one in 10^19.

    Args:
        payload: The JSON of a row.

    Returns:
        A signed number of 64 bits, as databases hold them.
    """
    digest = _NOTHING_HASHED.copy()  # takes two thirds of the time of a new one
    digest.update(payload)
    return int.from_bytes(digest.digest(), "little", signed=True)


def staged_path(ledger: Path, run_id: str) -> Path:
    """Return the file of a run's staged rows, beside the ledger.

    Args:
        ledger: The ledger's file.
        run_id: The run.
    """
    return ledger.with_name(f"{ledger.name}.staged-{run_id}")


class Staging:
    """The staged rows of one run, in a file of their own beside the ledger, erased when the run ends.

    A run that was killed leaves its file behind, so that the next one can tell what was in flight.

    Args:
        ledger: The ledger; its connection sees the staged rows as the schema `staging`.
        run_id: The run.
    """

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self.path = staged_path(ledger.path, run_id)
        self._connection = ledger.connection
        self._unwritten: list[tuple[int, int, str, str | None, str, bytearray, int]] = []
        with clear_errors(self.path):
            make_private(self.path)
            self._connection.execute("ATTACH DATABASE ? AS staging", (str(self.path),))
            # The rows can be read again from the tap, so they need no protection against a power cut; a full disk must
            # leave the file whole all the same, as it is read from when the run ends.
            self._connection.execute("PRAGMA staging.journal_mode = MEMORY")
            self._connection.execute("PRAGMA staging.synchronous = OFF")
            self._connection.execute(f"PRAGMA staging.page_size = {_PAGE_BYTES}")
            self._connection.execute(f"PRAGMA staging.cache_size = -{_CACHE_KIB}")
            for statement in _SCHEMA:
                self._connection.execute(statement)

    def segment_no(self, segment: str) -> int:
        """Return the run's number of a segment.

        Args:
            segment: Name of the stream.
        """
        with clear_errors(self.path):
            self._connection.execute("INSERT OR IGNORE INTO staging.segments (name) VALUES (?)", (segment,))
        query = "SELECT segment_no FROM staging.segments WHERE name = ?"
        return int(self._connection.execute(query, (segment,)).fetchone()[0])

    def add(self, list_no: int, segment_no: int, rows: Iterable[NewRow]) -> None:
        """Stage rows, after those before them in the stream.

        Args:
            list_no: The ledger's number of the list.
            segment_no: The run's number of the segment.
            rows: The rows.

        Raises:
            CixError: `DISK_FULL`.
        """
        # Python's binding for SQLite takes a bytearray as it is, and bytes only after a long search for an adapter.
        self._unwritten.extend(
            (
                list_no,
                segment_no,
                row_key,
                None if email == email_key else email,
                email_key,
                bytearray(payload),
                payload_hash(payload),
            )
            for row_key, email, email_key, payload in rows
        )
        if len(self._unwritten) >= _WRITE_ROWS:
            self._write()

    def keep(self, list_no: int, segment_no: int, email_key: str) -> None:
        """Note that a person is in a segment though their row cannot be sent.

        Args:
            list_no: The ledger's number of the list.
            segment_no: The run's number of the segment.
            email_key: The key of the contact.
        """
        with clear_errors(self.path):
            row = (list_no, email_key, segment_no)
            self._connection.execute("INSERT OR IGNORE INTO staging.present VALUES (?, ?, ?)", row)

    def _write(self) -> None:
        with clear_errors(self.path), transaction(self._connection, "BEGIN"):
            self._connection.executemany(
                "INSERT INTO staging.staged (list_no, segment_no, row_key, email, email_key, payload, hash)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                self._unwritten,
            )
        self._unwritten.clear()

    def diff(self, list_nos: Iterable[int], rules: DiffRules) -> dict[int, DiffCounts]:
        """Compare the staged contacts with the confirmed ones and keep what is to be done.

        Of several rows with one address on a list, the last one counts.

        Args:
            list_nos: The ledger's numbers of the lists that segments went to.
            rules: What the difference depends on besides.

        Returns:
            The counts by the ledger's number of the list.
        """
        self._write()
        with clear_errors(self.path), transaction(self._connection, "BEGIN"):
            self._connection.execute(_INDEX_STAGED)
            parameters = {
                "full_resync": rules.full_resync,
                "ask_again_before": rules.ask_again_before,
                "readmit": rules.readmit,
            }
            self._connection.execute(_PLAN_STAGED, parameters)
            if rules.removes:
                self._connection.execute("CREATE TEMP TABLE complete (name TEXT PRIMARY KEY)")
                self._connection.executemany("INSERT INTO temp.complete VALUES (?)", [(n,) for n in rules.complete])
                for list_no in list_nos:
                    leaver = {"list_no": list_no, "adopt_existing": rules.adopt_existing}
                    self._connection.execute(_PLAN_LEAVERS, leaver)
        return {list_no: self._counts(list_no) for list_no in list_nos}

    def _counts(self, list_no: int) -> DiffCounts:
        rows, people = self._connection.execute(
            "SELECT count(*), count(DISTINCT email_key) FROM staging.staged WHERE list_no = ?", (list_no,)
        ).fetchone()
        planned = dict(
            self._connection.execute(
                "SELECT action, count(*) FROM staging.plan WHERE list_no = ? GROUP BY action", (list_no,)
            ).fetchall()
        )
        create, update = planned.get(Action.CREATE.value, 0), planned.get(Action.UPDATE.value, 0)
        held = planned.get(HELD_SUPPRESSED, 0) + planned.get(HELD_AWAY, 0)
        return DiffCounts(
            people=people,
            duplicate=rows - people,
            unchanged=people - create - update - held,
            create=create,
            update=update,
            remove=planned.get(Action.REMOVE.value, 0),
            held=held,
        )

    def people(self) -> int:
        """Return how many different addresses are staged, over all lists; sorts them all anew."""
        (count,) = self._connection.execute("SELECT count(DISTINCT email_key) FROM staging.staged").fetchone()
        return int(count)

    def people_of(self, list_no: int, segment: str) -> int:
        """Return how many different addresses of a segment are staged for a list.

        Args:
            list_no: The ledger's number of the list.
            segment: Name of the stream.
        """
        query = (
            "SELECT count(DISTINCT email_key) FROM staging.staged JOIN staging.segments USING (segment_no)"
            " WHERE list_no = ? AND name = ?"
        )
        return int(self._connection.execute(query, (list_no, segment)).fetchone()[0])

    def segments_of(self, list_no: int, email_key: str) -> set[str]:
        """Return the segments that feed a person into a list.

        Args:
            list_no: The ledger's number of the list.
            email_key: The key of the contact.
        """
        query = (
            "SELECT name FROM staging.staged JOIN staging.segments USING (segment_no)"
            " WHERE list_no = ? AND email_key = ?"
        )
        return {name for (name,) in self._connection.execute(query, (list_no, email_key))}

    def duplicates(self, list_no: int) -> Iterator[StagedRow]:
        """Yield the rows of a list whose address came again later.

        Args:
            list_no: The ledger's number of the list.
        """
        cursor = self._connection.execute(
            """
            SELECT email_key, coalesce(email, email_key), row_key, g.name, x'', NULL, 0
            FROM staging.staged s JOIN staging.segments g USING (segment_no)
            WHERE list_no = :list_no
              AND email_key IN (
                SELECT email_key FROM staging.staged WHERE list_no = :list_no GROUP BY email_key HAVING count(*) > 1
              )
              AND EXISTS (
                SELECT 1 FROM staging.staged later
                WHERE later.list_no = s.list_no AND later.email_key = s.email_key AND later.id > s.id
              )
            """,
            {"list_no": list_no},
        )
        return map(_STAGED_ROW, cursor)

    def planned(
        self, list_no: int, action: str, *, first_key: str = "", last_key: str | None = None
    ) -> Iterator[StagedRow]:
        """Yield the rows of a list that have one action, in the order of `email_key`.

        Args:
            list_no: The ledger's number of the list.
            action: An `Action`'s value, `HELD_SUPPRESSED` or `HELD_AWAY`.
            first_key: Begin with this `email_key`.
            last_key: End with this `email_key`.

        Yields:
            The rows.
        """
        # Fetched in short steps: a cursor kept open would keep the ledger's write-ahead log from being folded in.
        # `+s.id` makes SQLite find the row in the index, where its neighbours are the next ones wanted.
        comparison = ">="
        while True:
            rows = self._connection.execute(
                f"""
                SELECT p.email_key, coalesce(s.email, p.email_key), p.row_key, coalesce(g.name, ''),
                  coalesce(s.payload, x''), p.platform_id, p.returns
                FROM staging.plan p
                LEFT JOIN staging.staged s
                  ON s.list_no = p.list_no AND s.email_key = p.email_key AND +s.id = p.id
                LEFT JOIN staging.segments g ON g.segment_no = s.segment_no
                WHERE p.list_no = ? AND p.action = ? AND p.email_key {comparison} ?
                  AND p.email_key <= coalesce(?, p.email_key)
                ORDER BY p.email_key LIMIT ?
                """,  # noqa: S608 - one of two operators
                (list_no, action, first_key, last_key, _FETCH_ROWS),
            ).fetchall()
            yield from map(_STAGED_ROW, rows)
            if len(rows) < _FETCH_ROWS:
                return
            first_key, comparison = rows[-1][0], ">"

    def clear_platform_ids(self, list_no: int) -> None:
        """Forget the ids of contacts that are to leave a list, before those of a listing take their place.

        Args:
            list_no: The ledger's number of the list.
        """
        query = "UPDATE staging.plan SET platform_id = NULL WHERE list_no = ? AND action = ?"
        with clear_errors(self.path):
            self._connection.execute(query, (list_no, Action.REMOVE.value))

    def set_platform_ids(self, list_no: int, ids: Iterable[tuple[str, str]]) -> None:
        """Note the platform's ids of contacts that are to leave a list.

        Args:
            list_no: The ledger's number of the list.
            ids: `email_key` and platform id, of anybody.
        """
        # Each row by itself: the listing can take minutes, and a transaction would keep other runs off the ledger.
        with clear_errors(self.path):
            self._connection.executemany(
                "UPDATE staging.plan SET platform_id = ? WHERE list_no = ? AND action = ? AND email_key = ?",
                ((platform_id, list_no, Action.REMOVE.value, email_key) for email_key, platform_id in ids),
            )

    def close(self) -> None:
        """Let go of the file, which stays where it is."""
        self._connection.execute("DETACH DATABASE staging")

    def erase(self) -> None:
        """Let go of the file and erase it from the disk."""
        self.close()
        self.path.unlink(missing_ok=True)
