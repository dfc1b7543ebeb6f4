"""Apply: the plan becomes batches, the platform's answers become outcomes, and only the confirmed is kept."""

from __future__ import annotations

import logging
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from audience_sdk.batching import batches
from audience_sdk.cli import log_unexpected
from audience_sdk.contact import Action, Outcome, RowProblem
from audience_sdk.destination import (
    Batch,
    BatchRefusedError,
    BatchResult,
    BrokenOffError,
    Job,
    JobDestination,
    Leavers,
)
from audience_sdk.errors import (
    JOB_FAILED,
    JOB_UNFINISHED,
    QUOTA_SPENT,
    REQUEST_REFUSED,
    ROW_UNCONFIRMED,
    STOPPED,
    THROTTLED,
    UNEXPECTED,
    CixError,
)
from audience_sdk.ledger import doubt
from audience_sdk.ledger.ids import forget_ids, remember_ids, with_ids
from audience_sdk.reach import RowsInReach

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Sequence

    from audience_sdk.contact import StagedRow
    from audience_sdk.destination import Destination
    from audience_sdk.ledger import JournalledBatch, Ledger, Staging
    from audience_sdk.plan import ListPlan, Plan
    from audience_sdk.readback import Sample
    from audience_sdk.report import Report

_logger = logging.getLogger(__name__)

_LATER = {QUOTA_SPENT, THROTTLED, STOPPED}
"""Errors that leave the rows not yet sent in good order for the next run."""

_BATCH_ALONE = {JOB_FAILED, JOB_UNFINISHED}
"""Errors that concern one batch; the others go on."""

_MAX_REFUSALS = 50
"""Refused requests in a row, nothing accepted between, after which the reason is not sought in single rows."""

_FIRST_POLL_SECONDS = 0.5
"""Wait before the second poll for a job; small jobs end at once, large ones need no haste."""

_SINGLE_LOOK_UPS, _PAGE_OF_MEMBERS = 20, 250
"""Leavers are looked up one by one as long as listing everybody would cost more requests."""

_REMEMBERED_AT_ONCE = 5_000

_LOOK_FOR_STOP_SECONDS = 0.5
"""How often a waiting run looks whether it is to stop."""


@dataclass
class _Sent:
    """A batch that was journalled and given to the platform."""

    plan: ListPlan
    journalled: JournalledBatch
    rows: Sequence[StagedRow]
    sampled: list[StagedRow]
    job_id: str | None = None


@dataclass
class _LookedUp:
    """People who are to leave, and of whom the platform is asked first whether they are there."""

    plan: ListPlan
    rows: list[StagedRow]


class Applier:
    """Sends what a plan says, several batches at a time, and keeps the ledger and the report in step.

    The network is used by worker threads, the ledger by the calling thread alone.

    Args:
        destination: The platform.
        ledger: Where confirmed contacts are kept.
        staging: The staged rows of the run.
        report: The run's report.
        stop: Set when the run is to stop: what is in flight is finished, nothing new is begun.
        unsubscribe: Whether those who leave are unsubscribed instead of taken off the list.
        sample: Picks some of the rows, to be read back once they are confirmed.
        advance: Called with the number of rows that have an outcome.
    """

    def __init__(
        self,
        destination: Destination,
        ledger: Ledger,
        staging: Staging,
        report: Report,
        stop: threading.Event,
        unsubscribe: bool,
        sample: Sample,
        advance: Callable[[int], None],
    ) -> None:
        self._destination = destination
        self._ledger = ledger
        self._staging = staging
        self._report = report
        self._stop = stop
        self._unsubscribe = unsubscribe
        self._sample = sample
        self._advance = advance
        self._pool = ThreadPoolExecutor(destination.limits.calls)
        self._look_ups: dict[Future[Leavers], _LookedUp] = {}
        self._calls: dict[Future[BatchResult | Job], _Sent] = {}
        self._jobs: dict[str, _Sent] = {}
        self._ended: deque[tuple[_Sent, object]] = deque()
        self._refusals = 0
        self._poll_wait = _FIRST_POLL_SECONDS
        self._next_poll = 0.0
        self._error: CixError | None = None

    def run(self, plan: Plan) -> CixError | None:
        """Send the plan.

        Args:
            plan: What to send.

        Returns:
            The error that ended the sending early, if one did. Every planned row has an outcome in the report then
            too: what was in flight without an answer is `failed`, what was not begun is `deferred`.
        """
        with self._pool:
            for list_plan in plan.lists:
                for action in Action:
                    if action is Action.REMOVE:
                        self._find_ids(list_plan)
                    self._send_all(list_plan, action)
                self._drain()
                self._finish_list(list_plan)
        return self._error

    def _find_ids(self, plan: ListPlan) -> None:
        """Read the platform's ids of many leavers out of one listing; a few are looked up one by one."""
        destination = self._destination
        if not destination.removes_by_id or self._unsubscribe or self._halted() is not None:
            return
        single = max(_SINGLE_LOOK_UPS, plan.members // _PAGE_OF_MEMBERS)
        if plan.diff.remove > single:
            # An id that was seen earlier may be that of another address by now.
            forget_ids(self._ledger, plan.list_no)
            ids = destination.ids(plan.list_id)
            try:
                while found := list(islice(ids, _REMEMBERED_AT_ONCE)):
                    remember_ids(self._ledger, plan.list_no, found)
            except CixError as error:
                self._error = self._error or error

    def _send_all(self, plan: ListPlan, action: Action) -> None:
        rows = self._staging.planned(plan.list_no, action.value)
        limits = self._destination.limits
        if action is Action.REMOVE:
            limits = replace(limits, rows=limits.removals)
        for batch in batches(rows, limits, self._destination.body_overhead(plan.list_id)):
            while self._halted() is None and self._busy():
                self._wait()
            if self._halted() is not None:
                # The answers come first: should the process be killed now, they are not asked for again.
                self._drain()
            self._begin_or_defer(plan, action, batch)

    def _begin_or_defer(self, plan: ListPlan, action: Action, rows: list[StagedRow]) -> None:
        halted = self._halted()
        if halted is not None:
            self._defer(plan, action, rows, halted)
        elif action is Action.REMOVE:
            self._look_up(plan, rows)
        else:
            self._begin(plan, action, rows)

    def _defer(self, plan: ListPlan, action: Action, rows: list[StagedRow], error: CixError) -> None:
        for row in rows:
            self._problem(plan, action.value, row, RowProblem(Outcome.DEFERRED, error.code, error.message))

    def _busy(self) -> bool:
        limits = self._destination.limits
        calls = len(self._look_ups) + len(self._calls)
        return calls >= limits.calls or calls + len(self._jobs) + len(self._ended) >= limits.in_flight

    def _look_up(self, plan: ListPlan, rows: list[StagedRow]) -> None:
        """Have a worker find out who is there of those who are to leave; nothing is asked for yet."""
        if self._destination.removes_by_id:
            rows = with_ids(self._ledger, plan.list_no, rows)
        batch = Batch(plan.list_id, Action.REMOVE, rows, time.time())
        self._look_ups[self._pool.submit(self._destination.look_up, batch)] = _LookedUp(plan, rows)

    def _looked_up(self, future: Future[Leavers], looked_up: _LookedUp) -> None:
        """Keep who had left by themselves, then take the others off the list."""
        plan, rows = looked_up.plan, looked_up.rows
        leavers = Leavers(())
        try:
            found = future.result()
            found.check(rows)
            leavers = found
        except CixError as error:
            self._error = self._error or error
        except Exception as error:  # noqa: BLE001 - as in `_answered`
            log_unexpected(_logger, error)
            self._error = self._error or _unexpected(error)
        finally:
            del future
        self._ledger.note_leavers(plan.list_no, leavers)
        halted = self._halted()
        if halted is None:
            self._begin(plan, Action.REMOVE, rows, leavers.rows)
        else:
            self._defer(plan, Action.REMOVE, rows, halted)

    def _begin(
        self, plan: ListPlan, action: Action, rows: list[StagedRow], sent_rows: Sequence[StagedRow] | None = None
    ) -> None:
        """Journal a batch, then give it to a worker.

        Args:
            plan: The list's plan.
            action: What is asked for.
            rows: The rows of the plan, from the first to the last.
            sent_rows: Those that the platform is asked for, if not all.
        """
        journalled = self._ledger.journal(
            self._report.run_id, plan.list_no, action.value, rows[0].email_key, rows[-1].email_key
        )
        sampled = [] if action is Action.REMOVE else [rows[position] for position in self._sample.picks(len(rows))]
        sent = _Sent(plan, journalled, rows, sampled)
        batch = Batch(plan.list_id, action, rows if sent_rows is None else sent_rows, journalled.begun_at)
        if not batch.rows:
            self._confirmed(sent, BatchResult())
            return
        call = self._destination.send
        if action is Action.REMOVE and self._unsubscribe:
            call = self._destination.unsubscribe
        self._calls[self._pool.submit(call, batch)] = sent

    def _halted(self) -> CixError | None:
        """Return why nothing new may be begun, or None."""
        if self._error is None and self._stop.is_set():
            self._error = CixError(STOPPED, "The run was stopped before everything was sent.")
        return self._error

    def _drain(self) -> None:
        # Only now does the run wait for jobs alone; before, a poll costs a request and the time to send more.
        self._poll_wait = _FIRST_POLL_SECONDS
        self._next_poll = min(self._next_poll, time.monotonic() + _FIRST_POLL_SECONDS)
        while self._look_ups or self._calls or self._jobs or self._ended:
            if self._jobs and not self._look_ups and not self._calls and not self._ended and self._stop.is_set():
                self._leave_jobs(CixError(STOPPED, "The run was stopped while the platform worked on a job."))
            else:
                self._wait()

    def _wait(self) -> None:
        """Wait for an answer to arrive or a poll to fall due, and take in what there is.

        Of the jobs that have ended, one is settled at a time: the platform gets its next batches meanwhile.
        """
        if self._look_ups or self._calls:
            timeout = 0.0 if self._ended else _LOOK_FOR_STOP_SECONDS
            under_way: list[Future[Any]] = [*self._look_ups, *self._calls]
            done, _ = wait(under_way, timeout=timeout, return_when=FIRST_COMPLETED)
            # In the order in which they were begun, so that the same answers make the same run.
            for look_up in [each for each in self._look_ups if each in done]:
                self._looked_up(look_up, self._look_ups.pop(look_up))
            for call in [each for each in self._calls if each in done]:
                self._answered(call, self._calls.pop(call))
        elif self._jobs and not self._ended:
            self._stop.wait(min(_LOOK_FOR_STOP_SECONDS, max(0.0, self._next_poll - time.monotonic())))
        if self._ended:
            self._settle(*self._ended.popleft())
        if self._jobs and not self._stop.is_set() and time.monotonic() >= self._next_poll:
            self._poll()

    def _answered(self, future: Future[BatchResult | Job], sent: _Sent) -> None:
        try:
            answer = future.result()
            if isinstance(answer, BatchResult):
                answer.check(sent.rows)
        except CixError as error:
            self._not_confirmed(sent, error)
            return
        except BatchRefusedError as error:
            self._halve(sent, error.problem)
            return
        except BrokenOffError as broken:
            self._ledger.note_leavers(sent.plan.list_no, broken.leavers)
            broken.error.in_doubt = bool(broken.asked)
            self._not_confirmed(sent, broken.error, asked=broken.asked)
            return
        except Exception as error:  # noqa: BLE001 - an answer that nobody has thought of must not cost the other batches
            log_unexpected(_logger, error)
            self._not_confirmed(sent, _unexpected(error))
            return
        finally:
            # The error's traceback holds this frame, and the future the error: a circle that keeps the batch in memory.
            del future
        if isinstance(answer, Job):
            if answer.sure:
                self._ledger.journal_job(sent.journalled, answer.job_id)
            journalled, sent.job_id = sent.journalled, answer.job_id
            # A job can have many rows, and many jobs can be under way.
            sent.rows = RowsInReach(len(sent.rows), lambda: self._staging.rows_of(journalled))
            self._jobs[answer.job_id] = sent
        else:
            self._confirmed(sent, answer)

    def _halve(self, sent: _Sent, problem: RowProblem) -> None:
        """Send the halves of a batch that was refused whole, until the rows that it is refused for stand alone."""
        rows = list(sent.rows)
        self._refusals += 1
        if self._refusals > _MAX_REFUSALS:
            message = f"{_MAX_REFUSALS} requests in a row were refused for what is in them. {problem.reason}"
            self._error = self._error or CixError(REQUEST_REFUSED, message)
        if len(rows) == 1:
            self._confirmed(sent, BatchResult({rows[0].email_key: problem}))
            return
        self._ledger.drop(sent.journalled)
        if sent.journalled.action != Action.REMOVE.value:
            self._sample.put_back(len(rows))
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            self._begin_or_defer(sent.plan, Action(sent.journalled.action), half)

    def _poll(self) -> None:
        destination = _job_destination(self._destination)
        self._poll_wait = min(destination.poll_seconds, self._poll_wait * 1.5)
        self._next_poll = time.monotonic() + self._poll_wait
        try:
            answers = destination.poll(self._jobs)
        except CixError as error:
            self._leave_jobs(error)
            return
        except Exception as error:  # noqa: BLE001 - as in `_answered`
            log_unexpected(_logger, error)
            self._leave_jobs(_unexpected(error))
            return
        self._ended.extend((self._jobs.pop(job_id), answer) for job_id, answer in answers.items())
        now = time.time()
        late = [
            job for job, sent in self._jobs.items() if now - sent.journalled.begun_at > destination.job_deadline_seconds
        ]
        for job_id in late:
            sent = self._jobs.pop(job_id)
            message = f"Job {job_id} did not end within {destination.job_deadline_seconds:.0f} s."
            self._not_confirmed(sent, CixError(JOB_UNFINISHED, message), keep=True)

    def _settle(self, sent: _Sent, answer: object) -> None:
        destination = _job_destination(self._destination)
        batch = Batch(
            sent.plan.list_id,
            Action(sent.journalled.action),
            sent.rows,
            sent.journalled.begun_at,
        )
        try:
            result = destination.settle(batch, answer)
            result.check(batch.rows)
        except CixError as error:
            error.in_doubt = True
            # A job that has ended and cannot be looked into now is asked for again by its id.
            self._not_confirmed(sent, error, keep=error.code is not JOB_FAILED)
        except Exception as error:  # noqa: BLE001 - as in `_answered`
            log_unexpected(_logger, error)
            self._not_confirmed(sent, _unexpected(error))
        else:
            self._confirmed(sent, result)

    def _leave_jobs(self, error: CixError) -> None:
        """The jobs cannot be asked for any more: a later run looks them up by their ids."""
        for job_id in list(self._jobs):
            self._not_confirmed(self._jobs.pop(job_id), error, keep=True)

    def _confirmed(self, sent: _Sent, result: BatchResult) -> None:
        # First the ledger: what it could not keep is not counted as done either.
        self._ledger.confirm(sent.journalled, sent.rows, result)
        if result.platform_ids:
            remember_ids(self._ledger, sent.plan.list_no, result.platform_ids.items())
        if result.problems:
            self._note_problems(sent, result)
        confirmed = len(sent.rows) - len(result.problems)
        self._refusals = 0 if confirmed else self._refusals
        counts = self._report.list_counts(sent.plan.list_id)
        action = sent.journalled.action
        for text in result.warnings:
            self._report.warn(text)
        if action == Action.REMOVE.value:
            counts.removed += confirmed
            for row in sent.rows:
                if row.email_key not in result.problems:
                    self._report.left(sent.plan.list_id, row.row_key, row.email)
        else:
            created = result.created
            if created is None:
                created = confirmed if action == Action.CREATE.value else 0
            created = min(created, confirmed)
            counts.add(Outcome.CREATED, created)
            counts.add(Outcome.UPDATED, confirmed - created)
            self._sample.rows[sent.plan.list_id] += [
                row for row in sent.sampled if row.email_key not in result.problems
            ]
        self._advance(confirmed)

    def _note_problems(self, sent: _Sent, result: BatchResult) -> None:
        for row in sent.rows:
            problem = result.problems.get(row.email_key)
            if problem is not None:
                self._problem(sent.plan, sent.journalled.action, row, problem)
        # Suppressed people are not asked for again: should the run die now, no other would tell why.
        self._report.flush()

    def _not_confirmed(
        self, sent: _Sent, error: CixError, *, keep: bool = False, asked: Collection[str] | None = None
    ) -> None:
        """Count the rows of a batch that has no answer, and let nothing new begin.

        Args:
            sent: The batch.
            error: What happened.
            keep: Whether the platform may still be working on it, so that it stays in the journal.
            asked: The keys of its rows that the platform was asked for, if not all.
        """
        if error.code not in _BATCH_ALONE:
            self._error = self._error or error
        refused = error.code in _LATER
        outcome, code = (Outcome.DEFERRED, error.code) if refused or keep else (Outcome.FAILED, ROW_UNCONFIRMED)
        for row in sent.rows:
            self._problem(
                sent.plan, sent.journalled.action, row, RowProblem(outcome, code, f"{error.code.code}: {error.message}")
            )
        if keep or (error.in_doubt and sent.job_id is None and self._makes_jobs(sent)):
            # A job whose id has not arrived may be under way as well; the next run waits for its end.
            return
        if error.in_doubt:
            rows = sent.rows if asked is None else [row for row in sent.rows if row.email_key in asked]
            doubt(self._ledger, sent.journalled, rows)
        else:
            self._ledger.drop(sent.journalled)

    def _makes_jobs(self, sent: _Sent) -> bool:
        unsubscribed = self._unsubscribe and sent.journalled.action == Action.REMOVE.value
        return isinstance(self._destination, JobDestination) and not unsubscribed

    def _problem(self, plan: ListPlan, action: str, row: StagedRow, problem: RowProblem) -> None:
        if action == Action.REMOVE.value:
            self._report.removal_problem(plan.list_id, row.row_key, row.email, problem)
        else:
            segments = self._staging.segments_of(row)
            self._report.problem(plan.list_id, segments[0], row.row_key, row.email, problem)
            # A run that defers or fails rows is no success, and vouches for no segment anyway.
            if problem.outcome is Outcome.REJECTED:
                self._report.unsettled.update(segments)
        self._advance(1)

    def _finish_list(self, plan: ListPlan) -> None:
        if self._ledger.journalled(plan.list_no):
            # What is still to be settled may need what would be tidied up.
            return
        try:
            self._destination.finish_list(plan.list_id)
        except CixError as error:
            self._error = self._error or error


def _unexpected(error: Exception) -> CixError:
    return CixError(UNEXPECTED, f"Unexpected {type(error).__name__} in an answer.", in_doubt=True)


def _job_destination(destination: Destination) -> JobDestination:
    if not isinstance(destination, JobDestination):
        raise TypeError(f"{type(destination).__name__} answered with a job but cannot be polled")
    return destination
