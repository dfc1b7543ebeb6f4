"""Recovery: what an earlier run had in flight when it was killed or stopped is settled before a new one begins."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from audience_sdk.contact import Action
from audience_sdk.destination import Batch, JobDestination
from audience_sdk.errors import JOB_FAILED, JOB_UNFINISHED, LEDGER_UNUSABLE, STOPPED, CixError
from audience_sdk.ledger import PlannedRows, doubt, staged_path
from audience_sdk.ledger.locks import held
from audience_sdk.ledger.planned import REWRITTEN

if TYPE_CHECKING:
    import logging
    import threading
    from pathlib import Path

    from audience_sdk.contact import RowProblem
    from audience_sdk.destination import Destination
    from audience_sdk.ledger import JournalledBatch, Ledger


_GIVE_UP_SECONDS = 86_400.0
"""A job that has not ended after so long is taken for one that never will; its rows are sent again."""


def recover(
    destination: Destination,
    ledger: Ledger,
    list_id: str,
    list_no: int,
    *,
    stop: threading.Event,
    logger: logging.Logger,
) -> dict[str, RowProblem]:
    """Settle the batches of a list that earlier runs left in the journal; the caller holds the list's lock.

    A job is asked for by its id and its rows are confirmed. Of a batch whose answer never arrived it is noted that its
    rows may have arrived: they are sent again, which the platforms take as an update.

    Args:
        destination: The platform.
        ledger: The ledger.
        list_id: The platform's id of the list.
        list_no: The ledger's number of the list.
        stop: Set when the run is to stop.
        logger: Where it is told.

    Returns:
        Why the platform did not take people, by `email_key`, where only now an answer was read: no report tells it yet.

    Raises:
        CixError: If the platform cannot be asked, or the run is to stop.
    """
    problems: dict[str, RowProblem] = {}
    for run_id, batches in ledger.journalled(list_no).items():
        logger.info("Run %s left %d batches in flight for list %s; settling them.", run_id, len(batches), list_id)
        plan = _plan_of(run_id, ledger, logger)
        if plan is not None:
            with closing(plan):
                problems |= _settle_jobs(destination, ledger, plan, list_id, batches, stop)
                for batch in ledger.journalled(list_no).get(run_id, ()):
                    doubt(ledger, batch, plan.rows_of(batch))
        for batch in ledger.journalled(list_no).get(run_id, ()):
            ledger.drop(batch)
    return problems


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
    stop: threading.Event,
) -> dict[str, RowProblem]:
    problems: dict[str, RowProblem] = {}
    jobs = {batch.job_id: batch for batch in batches if batch.job_id is not None}
    if not jobs or not isinstance(destination, JobDestination):
        return problems
    deadline = time.monotonic() + destination.job_deadline_seconds
    while jobs:
        for job_id, answer in destination.poll(jobs).items():
            batch = jobs.pop(job_id)
            whole = Batch(list_id, Action(batch.action), list(plan.rows_of(batch)), batch.begun_at)
            try:
                result = destination.settle(whole, answer)
                ledger.confirm(batch, whole.rows, result)
                problems.update(result.problems)
            except CixError as error:
                if error.code not in {JOB_FAILED, LEDGER_UNUSABLE}:
                    raise
        # A job that is a day old and has not ended is given up.
        jobs = {job_id: batch for job_id, batch in jobs.items() if time.time() - batch.begun_at < _GIVE_UP_SECONDS}
        if not jobs:
            break
        if time.monotonic() > deadline:
            message = f"{len(jobs)} jobs of an earlier run have not ended; their rows are not sent again meanwhile."
            raise CixError(JOB_UNFINISHED, message)
        if stop.wait(destination.poll_seconds):
            raise CixError(STOPPED, "The run was stopped while it waited for a job of an earlier run.")
    return problems
