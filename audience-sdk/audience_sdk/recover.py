"""Recovery: what an earlier run had in flight when it was killed or stopped is settled before a new one begins."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from glob import escape
from typing import TYPE_CHECKING, Any

from msgspec import structs

from audience_sdk.cli import log_unexpected
from audience_sdk.contact import Action, Outcome
from audience_sdk.destination import Batch, JobDestination
from audience_sdk.errors import (
    CONNECTION_LOST,
    JOB_FAILED,
    JOB_UNFINISHED,
    LEDGER_UNUSABLE,
    PLATFORM_UNREACHABLE,
    QUOTA_SPENT,
    STOPPED,
    THROTTLED,
    UNEXPECTED,
    CixError,
)
from audience_sdk.ledger import PlannedRows, doubt, staged_path
from audience_sdk.ledger.locks import held
from audience_sdk.ledger.planned import REWRITTEN

if TYPE_CHECKING:
    import logging
    import threading
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from audience_sdk.contact import RowProblem, StagedRow
    from audience_sdk.destination import BatchResult, Destination
    from audience_sdk.ledger import JournalledBatch, Ledger
    from audience_sdk.report import Report


_GIVE_UP_SECONDS = 86_400.0
"""A job that has not ended after so long is taken for one that never will; its rows are sent again."""

_GIVE_UP_IN_ANY_CASE_SECONDS = 10 * 86_400.0
"""No platform is asked any longer for what became of a job."""

_FIRST_WAIT_SECONDS = 0.2
"""Wait before the second look at what the platform may be working on; each wait is half as long again as the last."""

_PASSING = {QUOTA_SPENT, THROTTLED, STOPPED, PLATFORM_UNREACHABLE, CONNECTION_LOST}
"""Errors that say nothing about a job: a later try, or a login, ends them."""


@dataclass
class Past:
    """What became of batches that earlier runs had in flight; no report tells it yet.

    Attributes:
        suppressed: Whom the platform does not take and will not be asked for again soon, and why, by `email_key`.
        removed: Who was taken off the list.
        warnings: What was odd about the answers.
    """

    suppressed: dict[str, tuple[StagedRow, RowProblem]] = field(default_factory=dict)
    removed: list[StagedRow] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, batch: Batch, result: BatchResult) -> None:
        """Take in the result of a batch.

        Args:
            batch: The batch.
            result: What became of it.
        """
        self.warnings += result.warnings
        for row in batch.rows:
            problem = result.problems.get(row.email_key)
            if problem is None and batch.action is Action.REMOVE:
                self.removed.append(row)
            elif problem is not None and problem.outcome is Outcome.SUPPRESSED:
                self.suppressed[row.email_key] = (structs.replace(row, payload=b""), problem)

    def tell(self, list_id: str, report: Report) -> None:
        """Report all this, beside the rows of the run that has learnt it.

        Args:
            list_id: The platform's id of the list.
            report: The report of that run.
        """
        for text in self.warnings:
            report.warn(text)
        for row in self.removed:
            report.list_counts(list_id).removed += 1
            report.left(list_id, row.row_key, row.email)
        for row, problem in self.suppressed.values():
            report.late_problem(list_id, row.row_key, row.email, problem)


def recover(
    destination: Destination,
    ledger: Ledger,
    list_id: str,
    list_no: int,
    *,
    mapping: bytes,
    past: Past,
    stop: threading.Event,
    logger: logging.Logger,
) -> None:
    """Settle the batches of a list that earlier runs left in the journal; the caller holds the list's lock.

    A job is asked for by its id and its rows are confirmed. Of a batch whose answer never arrived it is noted that its
    rows may have arrived: they are sent again, which the platforms take as an update. Where the platform works on
    batches by itself, that waits for the end of what it may have begun: an order that is carried out after this run has
    looked would undo what this run does.

    Args:
        destination: The platform.
        ledger: The ledger.
        list_id: The platform's id of the list.
        list_no: The ledger's number of the list.
        mapping: Hash of the field mapping.
        past: Takes what has become of the batches, as far as the platform now says.
        stop: Set when the run is to stop.
        logger: Where it is told.

    Raises:
        CixError: If the platform cannot be asked, or the run is to stop.
    """
    for run_id, batches in ledger.journalled(list_no).items():
        logger.info("Run %s left %d batches in flight for list %s; settling them.", run_id, len(batches), list_id)
        plan = _plan_of(run_id, ledger, logger)
        if plan is not None:
            with closing(plan):
                if isinstance(destination, JobDestination):
                    alike = ledger.mapped_like(run_id, mapping)
                    settle = _Settling(destination, ledger, plan, list_id, past, logger, alike=alike)
                    settle.jobs(batches, stop)
                    settle.wait_for_lost_jobs(batches, stop)
                for batch in ledger.journalled(list_no).get(run_id, ()):
                    doubt(ledger, batch, plan.rows_of(batch))
        for batch in ledger.journalled(list_no).get(run_id, ()):
            ledger.drop(batch)


def erase_leftovers(ledger: Ledger) -> None:
    """Erase the plans of runs that have ended and left nothing in flight.

    Args:
        ledger: The ledger.
    """
    for run_id, path in plans(ledger.path):
        with suppress(CixError), held(ledger.path, f"run {run_id}", once=True):
            if not ledger.has_journalled(run_id):
                path.unlink(missing_ok=True)


def plans(ledger: Path) -> list[tuple[str, Path]]:
    """Return the runs that have a plan beside the ledger, and its file; one that is being rewritten too.

    Args:
        ledger: The ledger's file.
    """
    prefix = staged_path(ledger, "").name
    paths = sorted(ledger.parent.glob(f"{escape(prefix)}*"))
    return [(path.name.removeprefix(prefix).removesuffix(REWRITTEN), path) for path in paths]


def _plan_of(run_id: str, ledger: Ledger, logger: logging.Logger) -> PlannedRows | None:
    """Return the plan that a run has left behind, if it is there and whole."""
    path = staged_path(ledger.path, run_id)
    if not path.exists():
        return None
    try:
        return PlannedRows.of_past_run(path)
    except CixError as error:
        if error.code is not LEDGER_UNUSABLE:
            raise
        logger.warning("The plan of run %s is damaged; rows that differ are sent again.", run_id)
        return None


@dataclass(frozen=True)
class _Settling:
    """Settles the jobs that a run has left.

    Attributes:
        destination: The platform.
        ledger: The ledger.
        plan: What the run had planned.
        list_id: The platform's id of the list.
        past: Takes what has become of the rows.
        logger: Where it is told.
        alike: Whether the run had the same field mapping.
    """

    destination: JobDestination
    ledger: Ledger
    plan: PlannedRows
    list_id: str
    past: Past
    logger: logging.Logger
    alike: bool

    def jobs(self, batches: Iterable[JournalledBatch], stop: threading.Event) -> None:
        """Wait for jobs and confirm their rows; those of a job that cannot be settled stay in the journal.

        Args:
            batches: The batches; those without a job are left alone.
            stop: Set when the run is to stop.
        """
        jobs = {batch.job_id: batch for batch in batches if batch.job_id is not None}
        deadline = time.monotonic() + self.destination.job_deadline_seconds
        while jobs:
            for job_id, answer in self._poll(jobs).items():
                self._settle(jobs.pop(job_id), answer)
            # A job that is a day old and has not ended is given up.
            jobs = {job_id: batch for job_id, batch in jobs.items() if not _is_old(batch)}
            if not jobs:
                break
            if time.monotonic() > deadline:
                message = f"{len(jobs)} jobs of an earlier run have not ended; their rows are not sent again meanwhile."
                raise CixError(JOB_UNFINISHED, message)
            if stop.wait(self.destination.poll_seconds):
                raise CixError(STOPPED, "The run was stopped while it waited for a job of an earlier run.")

    def _poll(self, jobs: Mapping[str, JournalledBatch]) -> Mapping[str, Any]:
        """Ask for jobs, for old ones singly: one that cannot be asked for must not hide the others."""
        answers: dict[str, Any] = {}
        young = [job_id for job_id, batch in jobs.items() if not _is_old(batch)]
        if young:
            with self._known_error():
                answers.update(self.destination.poll(young))
        for job_id, batch in jobs.items():
            if _is_old(batch):
                with self._given_up_if_old(batch):
                    answers.update(self.destination.poll([job_id]))
        return answers

    def _settle(self, batch: JournalledBatch, answer: object) -> None:
        action = Action(batch.action)
        if action is Action.UPDATE and not self.alike:
            # What this run's mapping would have cleared of these rows, that run did not mean.
            return
        whole = Batch(self.list_id, action, list(self.plan.rows_of(batch)), batch.begun_at)
        result = None
        with self._given_up_if_old(batch):
            result = self.destination.settle(whole, answer)
            result.check(whole.rows)
        if result is not None:
            self.ledger.confirm(batch, whole.rows, result)
            self.past.add(whole, result)

    def wait_for_lost_jobs(self, batches: Iterable[JournalledBatch], stop: threading.Event) -> None:
        """Wait for the end of what the platform may have made of orders whose answers were lost.

        Args:
            batches: The batches; those with a job are left alone.
            stop: Set when the run is to stop.
        """
        begun = [batch.begun_at for batch in batches if batch.job_id is None and not _is_old(batch)]
        if not begun:
            return
        pause, deadline = _FIRST_WAIT_SECONDS, time.monotonic() + self.destination.job_deadline_seconds
        # What begins after the first look is none of these orders, nor is a job that the journal knows.
        under_way = self._unfinished(min(begun)) - self.ledger.job_ids()
        while under_way:
            if time.monotonic() > deadline:
                message = (
                    f"{len(under_way)} jobs that may be an earlier run's have not ended; its rows wait for their end."
                )
                raise CixError(JOB_UNFINISHED, message)
            if stop.wait(pause):
                raise CixError(STOPPED, "The run was stopped while it waited for what an earlier run may have begun.")
            pause = min(self.destination.poll_seconds, pause * 1.5)
            under_way &= self._unfinished(min(begun))

    def _unfinished(self, since: float) -> set[str]:
        with self._known_error():
            return set(self.destination.unfinished(since))

    @contextmanager
    def _known_error(self) -> Iterator[None]:
        try:
            yield
        except CixError:
            raise
        except Exception as error:
            log_unexpected(self.logger, error)
            raise CixError(UNEXPECTED, f"Unexpected {type(error).__name__} in an answer about jobs.") from error

    @contextmanager
    def _given_up_if_old(self, batch: JournalledBatch) -> Iterator[None]:
        """Let an error pass that no later try can end, or the job would stop every run."""
        try:
            yield
        except CixError as error:
            if error.code is JOB_FAILED:
                return
            passing = error.code in _PASSING and time.time() - batch.begun_at < _GIVE_UP_IN_ANY_CASE_SECONDS
            if passing or not _is_old(batch):
                raise
        except Exception as error:  # noqa: BLE001 - as in `apply`: an answer that nobody has thought of stops no later run
            log_unexpected(self.logger, error)


def _is_old(batch: JournalledBatch) -> bool:
    return time.time() - batch.begun_at >= _GIVE_UP_SECONDS
