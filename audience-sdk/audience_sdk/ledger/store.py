"""The ledger's lasting part: contacts that each platform confirmed, batches in flight, and runs."""

from __future__ import annotations

import secrets
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audience_sdk.errors import LEDGER_UNUSABLE, LEDGER_URL_INVALID, CixError
from audience_sdk.ledger.database import clear_errors, connect, transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_URL_PREFIX = "sqlite:///"

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        (
            "CREATE TABLE lists (list_no INTEGER PRIMARY KEY, platform TEXT NOT NULL, list_id TEXT NOT NULL,"
            " UNIQUE (platform, list_id))"
        ),
        # What the platform last confirmed: one row for each address on each list.
        """
        CREATE TABLE contacts (
          list_no INTEGER NOT NULL REFERENCES lists,
          email_key TEXT NOT NULL,
          hash BLOB NOT NULL,
          row_key TEXT NOT NULL,
          confirmed_at INTEGER NOT NULL,
          PRIMARY KEY (list_no, email_key)
        ) WITHOUT ROWID
        """,
        (
            "CREATE TABLE runs (run_id TEXT PRIMARY KEY, target TEXT NOT NULL, started_at INTEGER NOT NULL,"
            " finished_at INTEGER, status TEXT) WITHOUT ROWID"
        ),
        # Batches that were begun and have no confirmed outcome yet; their rows are among the run's staged rows.
        """
        CREATE TABLE batches (
          batch_id INTEGER PRIMARY KEY,
          run_id TEXT NOT NULL REFERENCES runs,
          list_no INTEGER NOT NULL REFERENCES lists,
          action TEXT NOT NULL,
          first_key TEXT NOT NULL,
          last_key TEXT NOT NULL,
          job_id TEXT,
          begun_at REAL NOT NULL
        )
        """,
    ),
)
"""The statements of each schema version; the file's `user_version` says how many versions it has seen."""


@dataclass(frozen=True)
class JournalledBatch:
    """A batch in the journal.

    Attributes:
        batch_id: Its number in the ledger.
        list_no: The ledger's number of the list.
        action: `create` or `update`.
        first_key: `email_key` of its first row.
        last_key: `email_key` of its last row; it holds the planned rows of its list and action in between.
        begun_at: When it was begun, seconds since the epoch.
        job_id: The platform's id of the job that it has become.
    """

    batch_id: int
    list_no: int
    action: str
    first_key: str
    last_key: str
    begun_at: float
    job_id: str | None = None


def ledger_path(url: str) -> Path:
    """Return the file that a ledger URL names.

    Args:
        url: `sqlite:///relative/path` or `sqlite:////absolute/path`.

    Raises:
        CixError: `LEDGER_URL_INVALID` for any other URL.
    """
    path = url.removeprefix(_URL_PREFIX)
    if path == url or not path or path.startswith(":"):
        # The value itself is not shown: a URL can hold a password.
        raise CixError(LEDGER_URL_INVALID, "Setting `ledger_url` does not start with `sqlite:///` and name a file.")
    return Path(path).absolute()


class Ledger:
    """The database of confirmed contacts. One connection, used by one thread.

    Args:
        path: The file; made if it does not exist.
        read_only: Leave the file as it is, for a dry run: an absent ledger reads as an empty one.

    Raises:
        CixError: `LEDGER_UNUSABLE` or `DISK_FULL`.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        with clear_errors(path):
            if not read_only:
                # What a power cut takes back is sent again, as the platforms take a row twice without harm.
                self.connection = connect(path, synchronous="NORMAL")
                self._migrate()
            elif path.exists():
                self.connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
                self._check_version()
            else:
                self.connection = sqlite3.connect(":memory:", isolation_level=None)
                self._migrate()
        # A group-by over a million staged addresses sorts on disk, not in memory.
        self.connection.execute("PRAGMA temp_store = FILE")

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside one atomic write to the ledger.

        Raises:
            CixError: `DISK_FULL` or `LEDGER_UNUSABLE`; then nothing of it was written.
        """
        with clear_errors(self.path), transaction(self.connection):
            yield

    def hash_key(self) -> bytes:
        """Return the secret key that makes the hashes by which logs and plans name people.

        It is made once for a ledger, so that the same person has the same hash in every run on this machine.
        """
        row = self.connection.execute("SELECT value FROM secrets WHERE name = 'hash_key'").fetchone()
        if row:
            return bytes(row[0])
        key = secrets.token_bytes(32)
        if not self.read_only:
            with self.transaction():
                self.connection.execute("INSERT INTO secrets VALUES ('hash_key', ?)", (key,))
        return key

    def list_no(self, platform: str, list_id: str) -> int:
        """Return the ledger's number of a list.

        Args:
            platform: Name of the target.
            list_id: The platform's id.

        Returns:
            A number above 0; in a read-only ledger, a negative one for a list that it does not know.
        """
        query = "SELECT list_no FROM lists WHERE platform = ? AND list_id = ?"
        row = self.connection.execute(query, (platform, list_id)).fetchone()
        if row:
            return int(row[0])
        if self.read_only:
            return -1 - abs(hash((platform, list_id)))
        with self.transaction():
            cursor = self.connection.execute("INSERT INTO lists (platform, list_id) VALUES (?, ?)", (platform, list_id))
        return int(cursor.lastrowid or 0)

    def begin_run(self, run_id: str, target: str) -> None:
        """Note that a run has begun."""
        with self.transaction():
            self.connection.execute(
                "INSERT INTO runs (run_id, target, started_at) VALUES (?, ?, ?)", (run_id, target, int(time.time()))
            )

    def end_run(self, run_id: str, status: str) -> None:
        """Note how a run has ended."""
        with self.transaction():
            self.connection.execute(
                "UPDATE runs SET finished_at = ?, status = ? WHERE run_id = ?", (int(time.time()), status, run_id)
            )

    def journal(self, run_id: str, list_no: int, action: str, first_key: str, last_key: str) -> JournalledBatch:
        """Note a batch before it is sent.

        Args:
            run_id: The run.
            list_no: The ledger's number of the list.
            action: `create` or `update`.
            first_key: `email_key` of its first row.
            last_key: `email_key` of its last row.
        """
        begun_at = time.time()
        with self.transaction():
            cursor = self.connection.execute(
                "INSERT INTO batches (run_id, list_no, action, first_key, last_key, begun_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (run_id, list_no, action, first_key, last_key, begun_at),
            )
        return JournalledBatch(int(cursor.lastrowid or 0), list_no, action, first_key, last_key, begun_at)

    def journal_job(self, batch: JournalledBatch, job_id: str) -> None:
        """Note the platform's id of the job that a batch has become."""
        with self.transaction():
            self.connection.execute("UPDATE batches SET job_id = ? WHERE batch_id = ?", (job_id, batch.batch_id))

    def confirm(self, batch: JournalledBatch, except_for: Collection[str]) -> None:
        """Note that the platform holds the rows of a batch, and take it off the journal, in one step.

        Args:
            batch: The batch.
            except_for: The `email_key` of each row that the platform did not take.
        """
        with self.transaction():
            self.connection.execute("CREATE TEMP TABLE IF NOT EXISTS refused (email_key TEXT PRIMARY KEY)")
            self.connection.execute("DELETE FROM temp.refused")
            self.connection.executemany("INSERT INTO temp.refused VALUES (?)", [(key,) for key in except_for])
            self.connection.execute(
                """
                INSERT OR REPLACE INTO contacts (list_no, email_key, hash, row_key, confirmed_at)
                SELECT list_no, email_key, hash, row_key, ? FROM staging.plan
                WHERE list_no = ? AND action = ? AND email_key BETWEEN ? AND ?
                  AND email_key NOT IN (SELECT email_key FROM temp.refused)
                ORDER BY email_key
                """,
                (int(time.time()), batch.list_no, batch.action, batch.first_key, batch.last_key),
            )
            self.connection.execute("DELETE FROM batches WHERE batch_id = ?", (batch.batch_id,))

    def journalled(self, list_no: int) -> dict[str, list[JournalledBatch]]:
        """Return the batches of a list that have no confirmed outcome, by the run that began them.

        Args:
            list_no: The ledger's number of the list.
        """
        runs: dict[str, list[JournalledBatch]] = {}
        query = (
            "SELECT run_id, batch_id, list_no, action, first_key, last_key, begun_at, job_id FROM batches"
            " WHERE list_no = ? ORDER BY batch_id"
        )
        for run_id, *columns in self.connection.execute(query, (list_no,)).fetchall():
            runs.setdefault(run_id, []).append(JournalledBatch(*columns))
        return runs

    def has_journalled(self, run_id: str) -> bool:
        """Say whether a run has batches without a confirmed outcome."""
        query = "SELECT 1 FROM batches WHERE run_id = ? LIMIT 1"
        return self.connection.execute(query, (run_id,)).fetchone() is not None

    def drop(self, batch: JournalledBatch) -> None:
        """Take a batch off the journal of which nothing was confirmed: its rows count as never sent."""
        with self.transaction():
            self.connection.execute("DELETE FROM batches WHERE batch_id = ?", (batch.batch_id,))

    def _migrate(self) -> None:
        self._check_version()
        with transaction(self.connection):
            (version,) = self.connection.execute("PRAGMA user_version").fetchone()
            for statements in _MIGRATIONS[version:]:
                for statement in statements:
                    self.connection.execute(statement)
            self.connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    def _check_version(self) -> None:
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version > len(_MIGRATIONS):
            raise CixError(
                LEDGER_UNUSABLE,
                f"`{self.path}` was written by a newer version of this program (schema {version}).",
                "Install that version again, or use another ledger.",
            )
