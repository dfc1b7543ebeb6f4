"""Batches that the platform works on by itself are waited for, picked up later, and never sent twice in between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import PLATFORM_UNREACHABLE, CixError
from export_harness import STATE, Export, key, people, segment
from memory_destination import Limits, MemoryJobDestination

if TYPE_CHECKING:
    from audience_sdk.destination import Batch, BatchResult


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


def test_no_more_jobs_are_under_way_than_the_platform_allows(jobs: Export) -> None:
    open_jobs: list[int] = []

    def state(_job: str) -> str:
        open_jobs.append(len(jobs.platform.jobs) - len(jobs.held) // 2)
        return "done"

    jobs.platform.job_state = state
    jobs.run(segment(people(*range(40))))

    assert len(jobs.platform.jobs) == 20
    assert max(open_jobs) <= 3


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


def test_a_batch_that_is_refused_before_it_becomes_a_job_is_halved(jobs: Export) -> None:
    jobs.platform.poison.add(key(2))
    result = jobs.run(segment(people(1, 2, 3, 4)))

    assert result.counts() == {"received": 4, "rejected": 1, "created": 3}
