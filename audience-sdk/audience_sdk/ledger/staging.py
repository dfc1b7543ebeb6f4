"""The ledger's passing part: the contacts of one run, staged on disk, and their difference to what is confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from audience_sdk.contact import Action, StagedRow
from audience_sdk.ledger.database import clear_errors, make_private, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audience_sdk.ledger.store import Ledger

_FETCH_ROWS = 2_000
_WRITE_ROWS = 5_000


class NewRow(NamedTuple):
    """A contact on its way into the staged rows.

    Attributes:
        list_no: The ledger's number of the list.
        segment: The stream.
        row_key: The profile's key in its stream.
        email: The address as it is sent.
        email_key: The key of the contact.
        payload: The JSON of the row.
        hash: Hash of the payload.
    """

    list_no: int
    segment: str
    row_key: str
    email: str
    email_key: str
    payload: bytes
    hash: bytes


@dataclass(frozen=True)
class DiffCounts:
    """The difference between a list's staged and confirmed contacts, in rows.

    Attributes:
        duplicate: Rows whose address came again later.
        unchanged: Contacts that the platform has confirmed just so.
        create: Contacts that were never confirmed on the list.
        update: Contacts that were confirmed with another payload.
    """

    duplicate: int
    unchanged: int
    create: int
    update: int


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
        self._unwritten: list[NewRow] = []
        with clear_errors(self.path):
            make_private(self.path)
            self._connection.execute("ATTACH DATABASE ? AS staging", (str(self.path),))
            # The rows can be read again from the tap, so they need no protection against a power cut.
            self._connection.execute("PRAGMA staging.journal_mode = OFF")
            self._connection.execute("PRAGMA staging.synchronous = OFF")
            self._connection.execute(
                """
                CREATE TABLE IF NOT EXISTS staging.staged (
                  id INTEGER PRIMARY KEY,
                  list_no INTEGER NOT NULL,
                  segment TEXT NOT NULL,
                  row_key TEXT NOT NULL,
                  email TEXT NOT NULL,
                  email_key TEXT NOT NULL,
                  payload BLOB NOT NULL,
                  hash BLOB NOT NULL
                )
                """
            )

    def add(self, row: NewRow) -> None:
        """Stage a row, after those before it in the stream.

        Args:
            row: The row.

        Raises:
            CixError: `DISK_FULL`.
        """
        self._unwritten.append(row)
        if len(self._unwritten) == _WRITE_ROWS:
            self._write()

    def _write(self) -> None:
        with clear_errors(self.path), transaction(self._connection):
            self._connection.executemany(
                "INSERT INTO staging.staged (list_no, segment, row_key, email, email_key, payload, hash)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                self._unwritten,
            )
        self._unwritten.clear()

    def diff(self) -> dict[int, DiffCounts]:
        """Compare the staged contacts with the confirmed ones and keep what is to be sent.

        Of several rows with one address on a list, the last one counts.

        Returns:
            The counts by the ledger's number of the list.
        """
        self._write()
        with clear_errors(self.path), transaction(self._connection):
            self._connection.execute("CREATE INDEX staging.staged_by_key ON staged (list_no, email_key, id, hash)")
            # In the order of the keys: confirming a batch then writes neighbouring rows of the ledger.
            self._connection.execute(
                """
                CREATE TABLE staging.plan (
                  list_no INTEGER, action TEXT, email_key TEXT, id INTEGER, row_key TEXT, hash BLOB,
                  PRIMARY KEY (list_no, action, email_key)
                ) WITHOUT ROWID
                """
            )
            # SQLite takes the bare column `hash` from the row that has max(id).
            self._connection.execute(
                """
                INSERT INTO staging.plan
                SELECT last.list_no, CASE WHEN c.hash IS NULL THEN ? ELSE ? END, last.email_key, last.id, s.row_key,
                  last.hash
                FROM (
                  SELECT list_no, email_key, hash, max(id) AS id FROM staging.staged GROUP BY list_no, email_key
                ) last
                JOIN staging.staged s ON s.id = last.id
                LEFT JOIN main.contacts c ON c.list_no = last.list_no AND c.email_key = last.email_key
                WHERE c.hash IS NOT last.hash
                """,
                (Action.CREATE.value, Action.UPDATE.value),
            )
        totals = self._connection.execute(
            "SELECT list_no, count(*), count(DISTINCT email_key) FROM staging.staged GROUP BY list_no"
        ).fetchall()
        planned = {
            (list_no, action): count
            for list_no, action, count in self._connection.execute(
                "SELECT list_no, action, count(*) FROM staging.plan GROUP BY list_no, action"
            )
        }
        counts = {}
        for list_no, rows, people in totals:
            create = planned.get((list_no, Action.CREATE.value), 0)
            update = planned.get((list_no, Action.UPDATE.value), 0)
            counts[list_no] = DiffCounts(rows - people, people - create - update, create, update)
        return counts

    def people(self) -> int:
        """Return how many different addresses are staged, over all lists."""
        (count,) = self._connection.execute("SELECT count(DISTINCT email_key) FROM staging.staged").fetchone()
        return int(count)

    def duplicates(self, list_no: int) -> Iterator[StagedRow]:
        """Yield the rows of a list whose address came again later.

        Args:
            list_no: The ledger's number of the list.
        """
        cursor = self._connection.execute(
            """
            SELECT email_key, email, row_key, segment, x'' FROM staging.staged s
            WHERE list_no = ? AND EXISTS (
              SELECT 1 FROM staging.staged later
              WHERE later.list_no = s.list_no AND later.email_key = s.email_key AND later.id > s.id
            )
            """,
            (list_no,),
        )
        return map(StagedRow._make, cursor)

    def planned(
        self, list_no: int, action: str, *, first_key: str = "", last_key: str | None = None
    ) -> Iterator[StagedRow]:
        """Yield what is to be sent to a list, in the order of `email_key`.

        Args:
            list_no: The ledger's number of the list.
            action: `create` or `update`.
            first_key: Begin with this `email_key`.
            last_key: End with this `email_key`.

        Yields:
            The rows.
        """
        # Fetched in short steps: a cursor kept open would keep the ledger's write-ahead log from being folded in.
        comparison = ">="
        while True:
            rows = self._connection.execute(
                f"""
                SELECT p.email_key, s.email, s.row_key, s.segment, s.payload
                FROM staging.plan p JOIN staging.staged s ON s.id = p.id
                WHERE p.list_no = ? AND p.action = ? AND p.email_key {comparison} ?
                  AND p.email_key <= coalesce(?, p.email_key)
                ORDER BY p.email_key LIMIT ?
                """,  # noqa: S608 - one of two operators
                (list_no, action, first_key, last_key, _FETCH_ROWS),
            ).fetchall()
            yield from map(StagedRow._make, rows)
            if len(rows) < _FETCH_ROWS:
                return
            first_key, comparison = rows[-1][0], ">"

    def close(self) -> None:
        """Let go of the file, which stays where it is."""
        self._connection.execute("DETACH DATABASE staging")

    def erase(self) -> None:
        """Let go of the file and erase it from the disk."""
        self.close()
        self.path.unlink(missing_ok=True)
