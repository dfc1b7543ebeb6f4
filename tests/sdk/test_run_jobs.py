"""Batches that the platform works on by itself are waited for, picked up later, and never sent twice in between."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import OUTPUT_UNWRITABLE, PLATFORM_UNREACHABLE, QUOTA_SPENT, CixError
from audience_sdk.ledger import Ledger
from audience_sdk.report import Report
from export_harness import STATE, Export, key, people, segment
from memory_destination import SUPPRESSED, Limits, MemoryJobDestination

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from audience_sdk.destination import Batch, BatchResult, Job


@pytest.fixture
def jobs(export: Export) -> Export:
    export.destination = MemoryJobDestination
    export.platform.limits = Limits(rows=2, body_bytes=2_000, email_length=60, calls=1, in_flight=3, removals=2)
    return export


class Impatient(MemoryJobDestination):
    job_deadline_seconds = 0.0


def test_jobs_are_waited_for(jobs: Export) -> None:
    seen: list[str] = []

    def state(job: str) -> str:
        seen.append(job)
        return "working" if seen.count(job) < 3 else "done"

    jobs.platform.job_state = state
    result = jobs.run(segment(people(1, 2, 3, 4, 5)))

    assert result.exit_code == 0, result.log
    assert result.states == [STATE]
    assert result.counts() == {"received": 5, "created": 5}
    assert len(jobs.held) == 5


def test_no_more_jobs_are_under_way_or_unsettled_than_the_platform_allows(jobs: Export) -> None:
    def under_way() -> int:
        return len(jobs.platform.jobs) - len(jobs.held) // 2

    unsettled: list[int] = []

    class Counting(MemoryJobDestination):
        def send(self, batch: Batch) -> Job:
            unsettled.append(under_way() + 1)
            return super().send(batch)

    jobs.destination = Counting
    jobs.platform.limits = replace(jobs.platform.limits, calls=3)
    jobs.platform.job_state = lambda _job: "done" if under_way() == 3 or len(unsettled) == 20 else "working"
    jobs.run(segment(people(*range(40))))

    assert len(jobs.platform.jobs) == 20
    assert max(unsettled) == 3


def test_a_job_that_has_ended_when_the_quota_is_spent_is_settled_by_the_next_run(jobs: Export) -> None:
    class Spent(MemoryJobDestination):
        def send(self, batch: Batch) -> Job:
            if len(self.platform.jobs) == 3:
                raise CixError(QUOTA_SPENT, "Spent.")
            return super().send(batch)

        def settle(self, batch: Batch, answer: Any) -> BatchResult:
            if answer[0] != "job-1":
                raise CixError(QUOTA_SPENT, "Spent.")
            return super().settle(batch, answer)

    jobs.destination = Spent
    jobs.platform.job_state = lambda _job: "done" if len(jobs.platform.jobs) == 3 else "working"
    result = jobs.run(segment(people(*range(8))))
    assert (result.exit_code, result.counts()) == (75, {"received": 8, "created": 2, "deferred": 6})

    jobs.destination = MemoryJobDestination
    jobs.platform.job_state = lambda _job: "done"
    jobs.platform.batches.clear()
    result = jobs.run(segment(people(*range(8))))
    assert result.exit_code == 0, result.log
    assert result.counts() == {"received": 8, "unchanged": 6, "created": 2}
    assert len(jobs.platform.sent_keys()) == 2, "no row of a job twice"


def test_a_run_that_is_to_stop_asks_for_no_job_any_more(jobs: Export) -> None:
    told: list[str] = []

    class Stopping(MemoryJobDestination):
        def poll(self, job_ids: Collection[str]) -> Mapping[str, Any]:
            told.append("poll")
            return super().poll(job_ids)

        def settle(self, batch: Batch, answer: Any) -> BatchResult:
            if "settle" not in told:
                os.kill(os.getpid(), signal.SIGTERM)
            told.append("settle")
            return super().settle(batch, answer)

    jobs.destination = Stopping
    ended = {"job-1", "job-2"}
    jobs.platform.job_state = lambda job: "done" if len(jobs.platform.jobs) == 3 and job in ended else "working"
    result = jobs.run(segment(people(*range(6))))

    assert (result.exit_code, result.counts()) == (143, {"received": 6, "created": 4, "deferred": 2})
    assert told[-3:] == ["poll", "settle", "settle"]


def test_the_platform_gets_its_next_batch_while_jobs_that_have_ended_are_settled(jobs: Export) -> None:
    arrived: list[int] = []

    class Patient(MemoryJobDestination):
        def settle(self, batch: Batch, answer: Any) -> BatchResult:
            deadline = time.monotonic() + 10
            while answer[0] == "job-3" and len(self.platform.batches) < 4 and time.monotonic() < deadline:
                time.sleep(0.01)
            arrived.append(len(self.platform.batches))
            return super().settle(batch, answer)

    jobs.destination = Patient
    jobs.platform.job_state = lambda _job: "done" if len(jobs.platform.jobs) >= 3 else "working"
    result = jobs.run(segment(people(*range(8))))

    assert result.counts() == {"received": 8, "created": 8}
    assert arrived[2] == 4


def test_rows_of_a_job_are_told_apart(jobs: Export) -> None:
    jobs.platform.suppressed.add(key(1))
    jobs.platform.rejected.add(key(2))
    result = jobs.run(segment(people(1, 2, 3)))

    assert result.counts() == {"received": 3, "suppressed": 1, "rejected": 1, "created": 1}


def test_a_job_that_failed_concerns_its_own_rows_alone(jobs: Export) -> None:
    jobs.platform.job_state = lambda job: "failed" if job == "job-1" else "done"
    result = jobs.run(segment(people(1, 2, 3, 4, 5)))

    assert (result.exit_code, result.states) == (1, [])
    assert result.counts() == {"received": 5, "failed": 2, "created": 3}
    assert result.summary["error"]["code"] == "CIX-504"

    jobs.platform.job_state = lambda _job: "done"
    jobs.platform.batches.clear()
    result = jobs.run(segment(people(1, 2, 3, 4, 5)))
    assert result.counts() == {"received": 5, "unchanged": 3, "created": 2}
    assert sorted(jobs.platform.sent_keys()) == [key(1), key(2)]


def test_a_job_that_takes_too_long_is_left_and_picked_up_by_its_id(jobs: Export) -> None:
    jobs.destination = Impatient
    jobs.platform.job_state = lambda job: "working" if job == "job-1" else "done"
    result = jobs.run(segment(people(1, 2, 3)))

    assert (result.exit_code, result.states, result.summary["status"]) == (75, [], "incomplete")
    assert result.counts() == {"received": 3, "deferred": 2, "created": 1}
    assert result.codes() == {"CIX-409"}

    jobs.destination = MemoryJobDestination
    jobs.platform.job_state = lambda _job: "done"
    jobs.platform.batches.clear()
    result = jobs.run(segment(people(1, 2, 3)))
    assert result.exit_code == 0, result.log
    assert result.counts() == {"received": 3, "unchanged": 3}
    assert jobs.platform.batches == []
    assert set(jobs.held) == {key(1), key(2), key(3)}


def test_where_the_platform_cannot_be_asked_the_jobs_are_left_for_the_next_run(jobs: Export) -> None:
    def gone(_job: str) -> str:
        raise CixError(PLATFORM_UNREACHABLE, "Gone.")

    jobs.platform.job_state = gone
    result = jobs.run(segment(people(1, 2, 3)))

    assert (result.exit_code, result.states) == (1, [])
    assert result.counts() == {"received": 3, "deferred": 3}

    jobs.platform.job_state = lambda _job: "done"
    result = jobs.run(segment(people(1, 2, 3)))
    assert result.exit_code == 0, result.log
    assert len(jobs.held) == 3
    assert len(jobs.platform.sent_keys()) == 3, "no row twice"


@pytest.fixture
def left_behind(jobs: Export) -> Export:
    """Jobs of three people, one of them suppressed, that the run that sent them could not ask for."""

    def gone(_job: str) -> str:
        raise CixError(PLATFORM_UNREACHABLE, "Gone.")

    jobs.platform.suppressed.add(key(1))
    jobs.platform.job_state = gone
    jobs.run(segment(people(1, 2, 3)))
    jobs.platform.job_state = lambda _job: "done"
    return jobs


def test_why_somebody_is_not_on_the_list_is_told_though_another_run_reads_the_answer(left_behind: Export) -> None:
    result = left_behind.run(segment(people(1, 2, 3)))

    assert result.counts() == {"received": 3, "unchanged": 1, "suppressed": 1, "created": 1}
    assert [(row["email"], row["reason"]) for row in result.rejected] == [(key(1), SUPPRESSED.reason)]


def test_why_somebody_is_not_on_the_list_is_told_though_the_run_that_reads_the_answer_sends_nothing(
    left_behind: Export,
) -> None:
    result = left_behind.run(segment(people(1, 2, 3)), max_profiles=1)

    assert result.exit_code == 1
    told = [row for row in result.rejected if row["outcome"] == "suppressed"]
    assert [(row["email"], row["reason"]) for row in told] == [(key(1), SUPPRESSED.reason)]
    assert result.counts() == {"received": 3, "deferred": 3}


def test_who_is_asked_for_again_by_the_run_that_reads_the_answer_is_told_of_once(left_behind: Export) -> None:
    result = left_behind.run(segment(people(1, 2, 3)), ask_suppressed_again_days=0)

    assert result.counts() == {"received": 3, "unchanged": 1, "suppressed": 1, "created": 1}
    assert [row["email"] for row in result.rejected] == [key(1)]


def test_what_cannot_be_told_of_earlier_rows_fails_the_run_by_its_own_name(
    left_behind: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise CixError(OUTPUT_UNWRITABLE, "The disk is full.")

    monkeypatch.setattr(Report, "late_problem", full)
    result = left_behind.run(segment(people(2, 3)))
    assert result.exit_code == 1
    assert result.summary["status"] == "failed"
    assert OUTPUT_UNWRITABLE.code in result.log
    assert "closed" not in result.log


def test_jobs_that_cannot_be_asked_for_as_nobody_has_thought_of_the_answer_are_left_to_the_next_run(
    jobs: Export,
) -> None:
    class Odd(MemoryJobDestination):
        def poll(self, job_ids: Collection[str]) -> Mapping[str, Any]:
            raise AttributeError("odd")

    jobs.destination = Odd
    result = jobs.run(segment(people(1, 2)))
    assert (result.exit_code, result.counts()) == (1, {"received": 2, "deferred": 2})
    jobs.destination = MemoryJobDestination
    assert jobs.run(segment(people(1, 2))).counts() == {"received": 2, "unchanged": 2}


def test_a_job_that_has_ended_while_the_platform_cannot_be_reached_is_settled_by_the_next_run(jobs: Export) -> None:
    class Gone(MemoryJobDestination):
        def settle(self, batch: Batch, answer: Any) -> BatchResult:
            raise CixError(PLATFORM_UNREACHABLE, "Gone.")

    jobs.destination = Gone
    result = jobs.run(segment(people(1, 2)))
    assert (result.exit_code, result.counts()) == (1, {"received": 2, "deferred": 2})
    assert jobs.platform.finished == [], "what the job still needs is not tidied up"

    jobs.destination = MemoryJobDestination
    result = jobs.run(segment(people(1, 2)))
    assert (result.exit_code, result.counts()) == (0, {"received": 2, "unchanged": 2})
    assert len(jobs.platform.sent_keys()) == 2, "no row twice"
    assert jobs.platform.finished == ["L1"]


def test_answers_are_taken_in_before_the_rest_is_written_down(jobs: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is to stop may be killed soon: what the platform has accepted must be in the journal by then."""
    steps: list[str] = []

    class Stopping(MemoryJobDestination):
        def send(self, batch: Batch) -> Job:
            os.kill(os.getpid(), signal.SIGTERM)
            return super().send(batch)

    journal_job, problem = Ledger.journal_job, Report.problem
    monkeypatch.setattr(Ledger, "journal_job", lambda *a: (steps.append("job"), journal_job(*a))[1])
    monkeypatch.setattr(Report, "problem", lambda *a: (steps.append("problem"), problem(*a))[1])
    jobs.destination = Stopping
    jobs.platform.job_state = lambda _job: "working"
    result = jobs.run(segment(people(*range(20))))
    assert result.counts() == {"received": 20, "deferred": 20}
    assert steps == ["job", *["problem"] * 20]


def test_a_batch_that_is_refused_before_it_becomes_a_job_is_halved(jobs: Export) -> None:
    jobs.platform.poison.add(key(2))
    result = jobs.run(segment(people(1, 2, 3, 4)))

    assert result.counts() == {"received": 4, "rejected": 1, "created": 3}
