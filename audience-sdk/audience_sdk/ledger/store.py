"""The ledger's lasting part: contacts that each platform confirmed, batches in flight, and runs."""

from __future__ import annotations

import secrets
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from audience_sdk.contact import Action, Outcome
from audience_sdk.errors import LEDGER_UNUSABLE, LEDGER_URL_INVALID, MAY_HAVE_LEFT, CixError
from audience_sdk.ledger.database import clear_errors, closed_on_error, connect, insert_rows, transaction
from audience_sdk.ledger.doubt import note_doubt
from audience_sdk.ledger.schema import MAY_BE_ON, MIGRATIONS, Status, migrate, version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from audience_sdk.contact import StagedRow
    from audience_sdk.destination import BatchResult, Leavers

_URL_PREFIX = "sqlite:///"
_CONFIRMED = attrgetter("email_key", "hash", "row_key")

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
                # What `rebuild` lists of a million people is on disk, not in memory.
                self.connection.execute("PRAGMA temp_store = FILE")
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

    def begin_run(self, run_id: str, target: str, mapping: bytes) -> None:
        """Note that a run has begun.

        Args:
            run_id: The run.
            target: Name of the target.
            mapping: Hash of the field mapping.
        """
        with self.transaction():
            self.connection.execute(
                "INSERT INTO runs (run_id, target, started_at, mapping) VALUES (?, ?, ?, ?)",
                (run_id, target, int(time.time()), mapping),
            )

    def mapped_like(self, run_id: str, mapping: bytes) -> bool:
        """Say whether a run had the same field mapping.

        Args:
            run_id: The run.
            mapping: Hash of the field mapping now.
        """
        query = "SELECT 1 FROM runs WHERE run_id = ? AND mapping = ?"
        return self.connection.execute(query, (run_id, mapping)).fetchone() is not None

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

    def note_leavers(self, list_no: int, leavers: Leavers) -> None:
        """Note who had left a list before they were to be taken off it.

        Args:
            list_no: The ledger's number of the list.
            leavers: What the platform says.
        """
        if leavers.absent:
            with self.transaction():
                self._note_absent(list_no, leavers)

    def confirm(self, batch: JournalledBatch, rows: Sequence[StagedRow], result: BatchResult) -> None:
        """Note what the platform made of a batch, and take it off the journal, in one step.

        Args:
            batch: The batch.
            rows: Its rows.
            result: What became of them; of those that have failed, nobody knows what the platform holds.
        """
        problems = result.problems
        confirmed = (row for row in rows if row.email_key not in problems) if problems else rows
        with self.transaction():
            if batch.action == Action.REMOVE.value:
                self._note_absent(batch.list_no, result)
                self._confirm_removals(batch.list_no, confirmed)
            else:
                self._confirm_contacts(batch, confirmed)
                suppressed = {key for key, problem in problems.items() if problem.outcome is Outcome.SUPPRESSED}
                left = {key for key in suppressed if problems[key].code is MAY_HAVE_LEFT}
                self._suppress(batch.list_no, suppressed - left)
                self._note_left(batch.list_no, left)
            failed = {key for key, problem in problems.items() if problem.outcome is Outcome.FAILED}
            if failed:
                note_doubt(
                    self.connection, batch.list_no, batch.action, (row for row in rows if row.email_key in failed)
                )
            self.connection.execute("DELETE FROM batches WHERE batch_id = ?", (batch.batch_id,))

    def _confirm_contacts(self, batch: JournalledBatch, rows: Iterable[StagedRow]) -> None:
        ours = int(batch.action == Action.CREATE.value)
        # What is the same in all rows stands in the statement: Python's binding for SQLite takes long for each value.
        insert_rows(
            self.connection,
            "INSERT INTO contacts (list_no, email_key, hash, row_key, status, ours, changed_at)",
            f"({batch.list_no}, ?, ?, ?, '{Status.ON.value}', {ours}, {int(time.time())})",
            map(_CONFIRMED, rows),
            """
            ON CONFLICT (list_no, email_key) DO UPDATE SET
              hash = excluded.hash, row_key = excluded.row_key, status = excluded.status,
              ours = max(ours, excluded.ours), changed_at = excluded.changed_at
            """,
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

    def _note_left(self, list_no: int, email_keys: Collection[str]) -> None:
        """Note who had joined by a batch and had left again by their own act when its answer was read."""
        self.connection.executemany(
            f"""
            INSERT INTO contacts (list_no, email_key, hash, row_key, status, ours, changed_at)
            VALUES (?, ?, 0, '', '{Status.AWAY.value}', 1, ?)
            ON CONFLICT (list_no, email_key) DO UPDATE SET status = excluded.status, changed_at = excluded.changed_at
            """,  # noqa: S608 - made of our own constants
            [(list_no, key, int(time.time())) for key in email_keys],
        )

    def _note_absent(self, list_no: int, result: BatchResult | Leavers) -> None:
        """Note who had left before we could take them off, unless it was an earlier attempt of ours that did it.

        Whom the platform does not know and of whom no answer has ever said that they joined has not left: they count as
        never sent.
        """
        self.connection.executemany(
            "DELETE FROM contacts WHERE list_no = ? AND email_key = ? AND status = ?",
            [(list_no, key, Status.UNSURE.value) for key in result.unknown],
        )
        self.connection.executemany(
            "UPDATE contacts SET status = ?, changed_at = ? WHERE list_no = ? AND email_key = ? AND status != ?",
            [(Status.AWAY.value, int(time.time()), list_no, key, Status.UNSURE_REMOVED.value) for key in result.absent],
        )

    def _confirm_removals(self, list_no: int, rows: Iterable[StagedRow]) -> None:
        self.connection.executemany(
            "UPDATE contacts SET status = ?, changed_at = ? WHERE list_no = ? AND email_key = ? AND status != ?",
            ((Status.REMOVED.value, int(time.time()), list_no, row.email_key, Status.AWAY.value) for row in rows),
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

    def add_memberships(self, list_no: int, people: Iterable[tuple[str, list[str]]]) -> None:
        """Note whom the run's segments feed into a list, before anything is sent.

        So no run, however this one ends, can take them for people whom no segment feeds.

        Args:
            list_no: The ledger's number of the list.
            people: Segments, and keys of contacts whom they have not fed before.
        """
        numbers = self._segment_numbers()
        with self.transaction():
            for segment, email_keys in people:
                values = f"({list_no}, ?, {numbers[segment]})"
                insert_rows(self.connection, "INSERT OR IGNORE INTO memberships", values, zip(email_keys, strict=True))

    def drop_memberships(self, list_no: int, people: Iterable[tuple[str, list[str]]]) -> None:
        """Note who has left the run's segments, once everything else is done.

        Args:
            list_no: The ledger's number of the list.
            people: Segments, and keys of contacts who have left them.
        """
        numbers = self._segment_numbers()
        query = "DELETE FROM memberships WHERE list_no = ? AND email_key = ? AND segment_no = ?"
        with self.transaction():
            for segment, email_keys in people:
                self.connection.executemany(query, [(list_no, key, numbers[segment]) for key in email_keys])

    def _segment_numbers(self) -> dict[str, int]:
        return dict(self.connection.execute("SELECT name, segment_no FROM segments").fetchall())

    def members_on(self, list_no: int, *, adopted: bool) -> int:
        """Return how many contacts are, or may be, on a list, as far as the ledger knows.

        Args:
            list_no: The ledger's number of the list.
            adopted: Whether to count those too whom no export has put there.
        """
        statuses = ", ".join(f"'{status.value}'" for status in (*MAY_BE_ON, Status.FOUND))
        query = f"SELECT count(*) FROM contacts WHERE list_no = ? AND (ours OR ?) AND status IN ({statuses})"  # noqa: S608 - ours
        return int(self.connection.execute(query, (list_no, adopted)).fetchone()[0])

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

    def job_ids(self) -> set[str]:
        """Return the platforms' ids of all jobs in the journal."""
        query = "SELECT job_id FROM batches WHERE job_id IS NOT NULL"
        return {job_id for (job_id,) in self.connection.execute(query)}

    def bounded_by(self, email_key: str) -> list[tuple[str, JournalledBatch]]:
        """Return the batches in the journal that begin or end with a contact, and the runs that began them.

        Args:
            email_key: The key of the contact.
        """
        query = (
            "SELECT run_id, batch_id, list_no, action, first_key, last_key, begun_at, job_id FROM batches"
            " WHERE ? IN (first_key, last_key)"
        )
        found = self.connection.execute(query, (email_key,)).fetchall()
        return [(run_id, JournalledBatch(*columns)) for run_id, *columns in found]

    def bound(self, batch: JournalledBatch, first_key: str, last_key: str) -> None:
        """Let a batch begin and end with other contacts.

        Args:
            batch: The batch.
            first_key: `email_key` of its first row.
            last_key: `email_key` of its last row.
        """
        with self.transaction():
            query = "UPDATE batches SET first_key = ?, last_key = ? WHERE batch_id = ?"
            self.connection.execute(query, (first_key, last_key, batch.batch_id))

    def forget_jobs(self, email_key: str) -> None:
        """Forget which jobs the batches have become that a contact may be in: their rows count as in doubt.

        What a platform says of a job, it says of all who were sent; without one of them that cannot be told from the
        others' having landed.

        Args:
            email_key: The key of the contact.
        """
        with self.transaction():
            query = "UPDATE batches SET job_id = NULL WHERE ? BETWEEN first_key AND last_key"
            self.connection.execute(query, (email_key,))

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
