"""The ledger's lasting part: contacts that each platform confirmed, batches in flight, and runs."""

from __future__ import annotations

import secrets
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audience_sdk.contact import Action, Outcome
from audience_sdk.errors import LEDGER_UNUSABLE, LEDGER_URL_INVALID, CixError
from audience_sdk.ledger.database import clear_errors, closed_on_error, connect, transaction
from audience_sdk.ledger.schema import MIGRATIONS, Status, migrate, version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from audience_sdk.destination import BatchResult

_URL_PREFIX = "sqlite:///"

KEEP_RUNS = 1_000
"""The ledger remembers this many runs of a target; older ones are forgotten when a run ends."""


@dataclass(frozen=True)
class JournalledBatch:
    """A batch in the journal.

    Attributes:
        batch_id: Its number in the ledger.
        list_no: The ledger's number of the list.
        action: An `Action`'s value.
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
            elif path.exists():
                self.connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
            else:
                self.connection = sqlite3.connect(":memory:", isolation_level=None)
            with closed_on_error(self.connection):
                self._check_whole()
                self._check_version()
                if not read_only or not path.exists():
                    migrate(self.connection)
                # A group-by over a million staged addresses sorts on disk, not in memory.
                self.connection.execute("PRAGMA temp_store = FILE")
                self.connection.execute("CREATE TEMP TABLE refused (email_key TEXT PRIMARY KEY)")
        if not read_only:
            # A dry run, which needs it, could not keep it.
            self.hash_key()

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
        """Return the secret key that makes the hashes by which plans name people.

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

    def mapping_changed(self, list_no: int, fingerprint: bytes) -> bool:
        """Say whether a list was last filled with another field mapping.

        Args:
            list_no: The ledger's number of the list.
            fingerprint: Hash of the mapping now.
        """
        row = self.connection.execute("SELECT mapping FROM lists WHERE list_no = ?", (list_no,)).fetchone()
        return bool(row and row[0] is not None and row[0] != fingerprint)

    def keep_mapping(self, list_no: int, fingerprint: bytes) -> None:
        """Note with which field mapping a list was filled.

        Args:
            list_no: The ledger's number of the list.
            fingerprint: Hash of the mapping.
        """
        with self.transaction():
            self.connection.execute("UPDATE lists SET mapping = ? WHERE list_no = ?", (fingerprint, list_no))

    def begin_run(self, run_id: str, target: str) -> None:
        """Note that a run has begun."""
        with self.transaction():
            self.connection.execute(
                "INSERT INTO runs (run_id, target, started_at) VALUES (?, ?, ?)", (run_id, target, int(time.time()))
            )

    def end_run(self, run_id: str, status: str) -> None:
        """Note how a run has ended, and forget those before the last `KEEP_RUNS` that left nothing in flight."""
        with self.transaction():
            self.connection.execute(
                "UPDATE runs SET finished_at = ?, status = ? WHERE run_id = ?", (int(time.time()), status, run_id)
            )
            self.connection.execute(
                """
                DELETE FROM runs WHERE run_id NOT IN (SELECT run_id FROM runs ORDER BY run_id DESC LIMIT ?)
                  AND run_id NOT IN (SELECT run_id FROM batches)
                """,
                (KEEP_RUNS,),
            )

    def journal(self, run_id: str, list_no: int, action: str, first_key: str, last_key: str) -> JournalledBatch:
        """Note a batch before it is sent.

        Args:
            run_id: The run.
            list_no: The ledger's number of the list.
            action: An `Action`'s value.
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

    def confirm(self, batch: JournalledBatch, result: BatchResult) -> None:
        """Note what the platform made of a batch, and take it off the journal, in one step.

        Args:
            batch: The batch; the staged rows that it belongs to are attached.
            result: What became of it.
        """
        problems = result.problems
        with self.transaction():
            self.connection.execute("DELETE FROM temp.refused")
            self.connection.executemany("INSERT INTO temp.refused VALUES (?)", [(key,) for key in problems])
            if batch.action == Action.REMOVE.value:
                self._note_absent(batch.list_no, result.absent)
                self._confirm_removals(batch)
            else:
                self._confirm_contacts(batch)
                suppressed = [key for key, problem in problems.items() if problem.outcome is Outcome.SUPPRESSED]
                self._suppress(batch.list_no, suppressed)
            self.connection.execute("DELETE FROM batches WHERE batch_id = ?", (batch.batch_id,))

    def _confirm_contacts(self, batch: JournalledBatch) -> None:
        ours = batch.action == Action.CREATE.value
        keys = (batch.list_no, batch.first_key, batch.last_key)
        self.connection.execute(
            """
            INSERT INTO contacts (list_no, email_key, hash, row_key, status, ours, platform_id, changed_at)
            SELECT list_no, email_key, hash, row_key, ?, ?, platform_id, ? FROM staging.plan
            WHERE action = ? AND list_no = ? AND email_key BETWEEN ? AND ?
              AND email_key NOT IN (SELECT email_key FROM temp.refused)
            ORDER BY email_key
            ON CONFLICT (list_no, email_key) DO UPDATE SET
              hash = excluded.hash, row_key = excluded.row_key, status = excluded.status,
              ours = max(ours, excluded.ours), changed_at = excluded.changed_at
            """,
            (Status.ON.value, ours, int(time.time()), batch.action, *keys),
        )

    def _suppress(self, list_no: int, email_keys: Collection[str]) -> None:
        """Note whom the platform suppresses; that we have taken them off before stays known, for when they return."""
        removed = (Status.REMOVED, Status.UNSURE_REMOVED, Status.SUPPRESSED_REMOVED)
        self.connection.executemany(
            f"""
            INSERT INTO contacts (list_no, email_key, hash, row_key, status, ours, changed_at)
            VALUES (:list_no, :email_key, 0, '', '{Status.SUPPRESSED.value}', 0, :now)
            ON CONFLICT (list_no, email_key) DO UPDATE SET changed_at = excluded.changed_at, status = iif(
              status IN ({", ".join(f"'{each.value}'" for each in removed)}),
              '{Status.SUPPRESSED_REMOVED.value}', excluded.status
            )
            """,  # noqa: S608 - made of our own constants
            [{"list_no": list_no, "email_key": key, "now": int(time.time())} for key in email_keys],
        )

    def _note_absent(self, list_no: int, email_keys: Collection[str]) -> None:
        """Note who had left before we could take them off, unless it was an earlier attempt of ours that did it."""
        self.connection.executemany(
            "UPDATE contacts SET status = ?, changed_at = ? WHERE list_no = ? AND email_key = ? AND status != ?",
            [(Status.AWAY.value, int(time.time()), list_no, key, Status.UNSURE_REMOVED.value) for key in email_keys],
        )

    def _confirm_removals(self, batch: JournalledBatch) -> None:
        self.connection.execute(
            """
            UPDATE contacts SET status = ?, changed_at = ?
            WHERE list_no = ? AND status != ? AND email_key IN (
              SELECT email_key FROM staging.plan
              WHERE list_no = ? AND action = ? AND email_key BETWEEN ? AND ?
                AND email_key NOT IN (SELECT email_key FROM temp.refused)
            )
            """,
            (
                *(Status.REMOVED.value, int(time.time()), batch.list_no, Status.AWAY.value),
                *(batch.list_no, batch.action, batch.first_key, batch.last_key),
            ),
        )

    def add_segments(self, names: Iterable[str]) -> None:
        """Make sure that the ledger knows segments.

        Args:
            names: Names of the streams.
        """
        with self.transaction():
            self.connection.executemany("INSERT OR IGNORE INTO segments (name) VALUES (?)", [(n,) for n in names])

    def feeding(self, list_no: int) -> set[str]:
        """Return the segments that feed somebody into a list, as far as the ledger knows.

        Args:
            list_no: The ledger's number of the list.
        """
        query = """
            SELECT name FROM segments g WHERE EXISTS (
              SELECT 1 FROM memberships m WHERE m.list_no = ? AND m.segment_no = g.segment_no
            )
        """
        return {name for (name,) in self.connection.execute(query, (list_no,))}

    def add_memberships(self, list_no: int) -> None:
        """Note whom the run's segments feed into a list, before anything is sent.

        So no run, however this one ends, can take them for people whom no segment feeds.

        Args:
            list_no: The ledger's number of the list.
        """
        with self.transaction():
            self.connection.execute(
                """
                INSERT OR IGNORE INTO memberships
                SELECT s.list_no, s.email_key, g.segment_no
                FROM staging.staged s JOIN staging.segments n ON n.segment_no = s.segment_no
                  JOIN main.segments g ON g.name = n.name
                WHERE s.list_no = ?
                ORDER BY s.email_key
                """,
                (list_no,),
            )
            self.connection.execute(
                """
                INSERT OR IGNORE INTO memberships
                SELECT p.list_no, p.email_key, g.segment_no
                FROM staging.present p JOIN staging.segments n ON n.segment_no = p.segment_no
                  JOIN main.segments g ON g.name = n.name
                WHERE p.list_no = ?
                """,
                (list_no,),
            )

    def drop_memberships(self, list_no: int, complete: Collection[str]) -> None:
        """Note who has left the run's segments, once everything else is done.

        Args:
            list_no: The ledger's number of the list.
            complete: The segments that were read to their end: who is not staged for them has left them.
        """
        with self.transaction():
            self.connection.executemany(
                """
                DELETE FROM memberships
                WHERE list_no = :list_no AND segment_no = (SELECT segment_no FROM main.segments WHERE name = :segment)
                  AND NOT EXISTS (
                    SELECT 1 FROM staging.staged s JOIN staging.segments n ON n.segment_no = s.segment_no
                    WHERE s.list_no = :list_no AND s.email_key = memberships.email_key AND n.name = :segment
                  )
                  AND NOT EXISTS (
                    SELECT 1 FROM staging.present p JOIN staging.segments n ON n.segment_no = p.segment_no
                    WHERE p.list_no = :list_no AND p.email_key = memberships.email_key AND n.name = :segment
                  )
                """,
                [{"list_no": list_no, "segment": segment} for segment in complete],
            )

    def members_on(self, list_no: int, *, adopted: bool) -> int:
        """Return how many contacts are, or may be, on a list, as far as the ledger knows.

        Args:
            list_no: The ledger's number of the list.
            adopted: Whether to count those too whom no export has put there.
        """
        query = "SELECT count(*) FROM contacts WHERE list_no = ? AND (ours OR ?) AND status IN (?, ?, ?, ?)"
        statuses = (Status.ON, Status.FOUND, Status.UNSURE, Status.UNSURE_REMOVED)
        return int(self.connection.execute(query, (list_no, adopted, *(each.value for each in statuses))).fetchone()[0])

    def members_of(self, list_no: int, segment: str) -> int:
        """Return how many addresses a segment has fed into a list, as far as the ledger knows."""
        query = "SELECT count(*) FROM memberships JOIN segments USING (segment_no) WHERE list_no = ? AND name = ?"
        return int(self.connection.execute(query, (list_no, segment)).fetchone()[0])

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

    def _check_whole(self) -> None:
        """Look for damage before anything is read: half a second for a million contacts."""
        (found,) = self.connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise CixError(LEDGER_UNUSABLE, f"`{self.path}` is damaged.")

    def _check_version(self) -> None:
        found = version(self.connection)
        if found > len(MIGRATIONS):
            raise CixError(
                LEDGER_UNUSABLE,
                f"`{self.path}` was written by a newer version of this program (schema {found}).",
                "Install that version again, or use another ledger.",
            )
