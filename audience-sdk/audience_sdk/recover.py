"""Recovery: what an earlier run had in flight when it was killed or stopped is settled before a new one begins."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
    CixError,
)
from audience_sdk.ledger import PlannedRows, doubt, staged_path
from audience_sdk.ledger.locks import held
from audience_sdk.ledger.planned import REWRITTEN

if TYPE_CHECKING:
    import logging
    import threading
    from pathlib import Path

    from audience_sdk.contact import RowProblem, StagedRow
    from audience_sdk.destination import BatchResult, Destination
    from audience_sdk.ledger import JournalledBatch, Ledger
    from audience_sdk.report import Report


_GIVE_UP_SECONDS = 86_400.0
"""A job that has not ended after so long is taken for one that never will; its rows are sent again."""

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
    past: Past,
    stop: threading.Event,
    logger: logging.Logger,
) -> None:
    """Settle the batches of a list that earlier runs left in the journal; the caller holds the list's lock.

    A job is asked for by its id and its rows are confirmed. Of a batch whose answer never arrived it is noted that its
    rows may have arrived: they are sent again, which the platforms take as an update.

    Args:
        destination: The platform.
        ledger: The ledger.
        list_id: The platform's id of the list.
        list_no: The ledger's number of the list.
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
                _settle_jobs(destination, ledger, plan, list_id, batches, past, stop, logger)
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
    paths = sorted(ledger.parent.glob(f"{prefix}*"))
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


def _settle_jobs(
    destination: Destination,
    ledger: Ledger,
    plan: PlannedRows,
    list_id: str,
    batches: list[JournalledBatch],
    past: Past,
    stop: threading.Event,
    logger: logging.Logger,
) -> None:
    jobs = {batch.job_id: batch for batch in batches if batch.job_id is not None}
    if not jobs or not isinstance(destination, JobDestination):
        return
    deadline = time.monotonic() + destination.job_deadline_seconds
    while jobs:
        for job_id, answer in destination.poll(jobs).items():
            batch = jobs.pop(job_id)
            whole = Batch(list_id, Action(batch.action), list(plan.rows_of(batch)), batch.begun_at)
            try:
                result = destination.settle(whole, answer)
                ledger.confirm(batch, whole.rows, result)
                past.add(whole, result)
            except CixError as error:
                # A job of a day ago that cannot be looked into is given up too, or it would stop every run.
                if error.code in _PASSING or (error.code not in {JOB_FAILED, LEDGER_UNUSABLE} and not _is_old(batch)):
                    raise
            except Exception as error:  # noqa: BLE001 - as in `apply`: an answer that nobody has thought of stops no later run
                log_unexpected(logger, error)
        # A job that is a day old and has not ended is given up.
        jobs = {job_id: batch for job_id, batch in jobs.items() if not _is_old(batch)}
        if not jobs:
            break
        if time.monotonic() > deadline:
            message = f"{len(jobs)} jobs of an earlier run have not ended; their rows are not sent again meanwhile."
            raise CixError(JOB_UNFINISHED, message)
        if stop.wait(destination.poll_seconds):
            raise CixError(STOPPED, "The run was stopped while it waited for a job of an earlier run.")


def _is_old(batch: JournalledBatch) -> bool:
    return time.time() - batch.begun_at >= _GIVE_UP_SECONDS
