"""What an earlier run had in flight is settled: jobs by their ids, the rest as rows that may have arrived."""

from __future__ import annotations

import logging
import threading
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import ANSWER_UNKNOWN, JOB_UNFINISHED, PLATFORM_UNREACHABLE, STOPPED, CixError
from audience_sdk.ledger import DiffRules, Ledger, Staging, staged_path
from audience_sdk.recover import Past, plans, recover
from memory_destination import SUPPRESSED, MemoryDestination, MemoryJobDestination, Platform

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from audience_sdk.destination import Batch, BatchResult
    from audience_sdk.errors import ErrorCode

LOGGER = logging.getLogger("target-memory")


class Killed:
    """A ledger in which a run was killed that had begun to create the contacts a to f, two by two."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.list_no = ledger.list_no("target-memory", "L1")
        self.stop = threading.Event()
        ledger.begin_run("killed", "target-memory", b"mapping")
        ledger.add_segments(["Readers"])
        staging = self._staged("killed")
        self.staged_path = staging.path
        staging.close()

    def _staged(self, run_id: str) -> Staging:
        staging = Staging(self.ledger, run_id)
        for key in "abcdef":
            payload = b'{"email": "%s"}' % key.encode()
            staging.add(self.list_no, [(key, staging.segment_no("Readers"), key, None, payload)])
        staging.diff([self.list_no], DiffRules())
        return staging

    def in_flight(self, keys: str, job_id: str | None) -> None:
        batch = self.ledger.journal("killed", self.list_no, "create", keys[0], keys[-1])
        if job_id is not None:
            self.ledger.journal_job(batch, job_id)

    def recover(self, destination: MemoryDestination) -> Past:
        told = Past()
        recover(
            destination, self.ledger, "L1", self.list_no, mapping=b"mapping", past=told, stop=self.stop, logger=LOGGER
        )
        return told

    def confirmed(self) -> str:
        """The contacts that count as unchanged in a next run over the same segment."""
        staging = self._staged("next")
        to_send = {row.email_key for action in ("create", "update") for row in staging.planned(self.list_no, action)}
        staging.erase()
        return "".join(key for key in "abcdef" if key not in to_send)

    def in_journal(self) -> list[str | None]:
        return [batch.job_id for batches in self.ledger.journalled(self.list_no).values() for batch in batches]


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Killed]:
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        yield Killed(ledger)


def test_a_job_that_has_ended_is_confirmed_and_a_batch_without_one_is_sent_again(
    past: Killed, platform: Platform
) -> None:
    past.in_flight("ab", "job-1")
    past.in_flight("cd", None)
    past.recover(MemoryJobDestination(platform))

    assert past.confirmed() == "ab"
    assert past.in_journal() == []
    assert platform.polled == ["job-1"]
    assert platform.batches == []


def test_rows_that_the_job_did_not_take_are_not_confirmed(past: Killed, platform: Platform) -> None:
    platform.rejected.add("b")
    past.in_flight("abc", "job-1")
    past.recover(MemoryJobDestination(platform))

    assert past.confirmed() == "ac"


def test_a_job_under_way_is_waited_for(past: Killed, platform: Platform) -> None:
    platform.job_state = lambda job: "working" if platform.polled.count(job) < 3 else "done"
    past.in_flight("ab", "job-1")
    past.recover(MemoryJobDestination(platform))

    assert past.confirmed() == "ab"
    assert platform.polled == ["job-1"] * 3


def test_of_several_jobs_each_is_settled_by_itself(past: Killed, platform: Platform) -> None:
    platform.job_state = lambda job: "failed" if job == "job-2" else "done"
    for keys, job in (("ab", "job-1"), ("cd", "job-2"), ("ef", "job-3")):
        past.in_flight(keys, job)
    past.recover(MemoryJobDestination(platform))

    assert past.confirmed() == "abef"
    assert past.in_journal() == []


def test_a_job_that_has_not_ended_at_the_deadline_stays_in_the_journal(past: Killed, platform: Platform) -> None:
    destination = MemoryJobDestination(platform)
    destination.job_deadline_seconds = 0.0
    platform.job_state = lambda _job: "working"
    past.in_flight("ab", "job-1")
    with pytest.raises(CixError) as caught:
        past.recover(destination)

    assert caught.value.code is JOB_UNFINISHED
    assert past.confirmed() == ""
    assert past.in_journal() == ["job-1"]


def test_a_job_that_has_not_ended_after_a_day_is_given_up(
    past: Killed, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audience_sdk.recover._GIVE_UP_SECONDS", 0.0)
    platform.job_state = lambda _job: "working"
    past.in_flight("ab", "job-1")
    past.recover(MemoryJobDestination(platform))

    assert past.confirmed() == ""
    assert past.in_journal() == []


@pytest.mark.parametrize(("code", "after_a_day"), [(PLATFORM_UNREACHABLE, ["job-1"]), (ANSWER_UNKNOWN, [])])
def test_a_job_that_cannot_be_looked_into_stays_in_the_journal(
    past: Killed, platform: Platform, monkeypatch: pytest.MonkeyPatch, code: ErrorCode, after_a_day: list[str]
) -> None:
    """As long as a later try may end it; what no try ends must not stop every run."""

    class Gone(MemoryJobDestination):
        def settle(self, batch: Batch, answer: Any) -> BatchResult:
            raise CixError(code, "Gone.")

    past.in_flight("ab", "job-1")
    with pytest.raises(CixError):
        past.recover(Gone(platform))
    assert past.in_journal() == ["job-1"]
    monkeypatch.setattr("audience_sdk.recover._GIVE_UP_SECONDS", 0.0)
    with suppress(CixError):
        past.recover(Gone(platform))
    assert past.in_journal() == after_a_day
    assert past.confirmed() == ""


def test_an_answer_that_nobody_has_thought_of_stops_no_later_run(past: Killed, platform: Platform) -> None:
    class Odd(MemoryJobDestination):
        def settle(self, batch: Batch, answer: Any) -> BatchResult:
            return super().settle(batch, () if batch.rows[0].email_key == "a" else answer)

    past.in_flight("ab", "job-1")
    past.in_flight("cd", "job-2")
    past.recover(Odd(platform))
    assert past.in_journal() == []
    assert past.confirmed() == "cd"


@pytest.mark.parametrize("error", [CixError(ANSWER_UNKNOWN, "Odd."), AttributeError("odd")])
def test_a_job_that_cannot_be_asked_for_stops_every_run_for_a_day_and_hides_no_other(
    past: Killed, platform: Platform, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Refuses(MemoryJobDestination):
        def poll(self, job_ids: Collection[str]) -> Mapping[str, Any]:
            if "job-1" in job_ids:
                raise error
            return super().poll(job_ids)

    past.in_flight("ab", "job-1")
    past.in_flight("cd", "job-2")
    with pytest.raises(CixError):
        past.recover(Refuses(platform))
    assert past.in_journal() == ["job-1", "job-2"]
    monkeypatch.setattr("audience_sdk.recover._GIVE_UP_SECONDS", 0.0)
    past.recover(Refuses(platform))
    assert past.in_journal() == []
    assert past.confirmed() == "cd"


def test_a_platform_that_is_down_for_ten_days_ends_the_wait_for_a_job(
    past: Killed, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down(MemoryJobDestination):
        def poll(self, job_ids: Collection[str]) -> Mapping[str, Any]:
            raise CixError(PLATFORM_UNREACHABLE, "Down.")

    monkeypatch.setattr("audience_sdk.recover._GIVE_UP_SECONDS", 0.0)
    past.in_flight("ab", "job-1")
    with pytest.raises(CixError):
        past.recover(Down(platform))
    monkeypatch.setattr("audience_sdk.recover._GIVE_UP_IN_ANY_CASE_SECONDS", 0.0)
    past.recover(Down(platform))
    assert past.in_journal() == []


class TestOrdersWithoutAnAnswer:
    class Lists(MemoryJobDestination):
        """Lists jobs: one that ends when it was looked at a few times, and others that begin meanwhile."""

        looks = 0

        def unfinished(self, since: float) -> Collection[str]:
            self.looks += 1
            return ["lost"] * (self.looks < 4) + [f"younger-{self.looks}"] * (self.looks > 1)

    def test_are_sent_again_when_what_they_may_have_begun_has_ended(self, past: Killed, platform: Platform) -> None:
        destination = self.Lists(platform)
        past.in_flight("ab", None)
        past.recover(destination)
        assert destination.looks == 4
        assert past.in_journal() == []
        assert past.confirmed() == ""

    def test_wait_for_the_next_run_if_it_does_not_end_in_time(self, past: Killed, platform: Platform) -> None:
        destination = self.Lists(platform)
        destination.job_deadline_seconds = 0.0
        past.in_flight("ab", None)
        with pytest.raises(CixError) as caught:
            past.recover(destination)
        assert caught.value.code is JOB_UNFINISHED
        assert past.in_journal() == [None]

    def test_do_not_wait_for_jobs_that_the_journal_knows(self, past: Killed, platform: Platform) -> None:
        class Knows(MemoryJobDestination):
            def unfinished(self, since: float) -> Collection[str]:
                return ["another list's"]

        other = past.ledger.journal("killed", past.ledger.list_no("target-memory", "L2"), "create", "e", "f")
        past.ledger.journal_job(other, "another list's")
        past.in_flight("ab", None)
        past.recover(Knows(platform))
        assert past.in_journal() == []

    def test_are_told_as_such_if_the_answer_about_jobs_is_odd(self, past: Killed, platform: Platform) -> None:
        class Odd(MemoryJobDestination):
            def unfinished(self, since: float) -> Collection[str]:
                raise AttributeError("odd")

        past.in_flight("ab", None)
        with pytest.raises(CixError):
            past.recover(Odd(platform))
        assert past.in_journal() == [None]

    def test_wait_no_longer_than_a_day(self, past: Killed, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("audience_sdk.recover._GIVE_UP_SECONDS", 0.0)
        destination = self.Lists(platform)
        past.in_flight("ab", None)
        past.recover(destination)
        assert (destination.looks, past.in_journal()) == (0, [])


def test_what_no_report_has_told_yet_is_gathered(past: Killed, platform: Platform) -> None:
    class Warns(MemoryJobDestination):
        def settle(self, batch: Batch, answer: Any) -> BatchResult:
            return replace(super().settle(batch, answer), warnings=["Odd."])

    platform.suppressed.add("a")
    platform.rejected.add("b")
    past.in_flight("abc", "job-1")
    told = past.recover(Warns(platform))
    assert [(key, row.row_key, problem) for key, (row, problem) in told.suppressed.items()] == [("a", "a", SUPPRESSED)]
    assert (told.removed, told.warnings) == ([], ["Odd."])


def test_a_stop_while_a_job_is_waited_for_leaves_it_in_the_journal(past: Killed, platform: Platform) -> None:
    platform.job_state = lambda _job: "working"
    past.in_flight("ab", "job-1")
    past.stop.set()
    with pytest.raises(CixError) as caught:
        past.recover(MemoryJobDestination(platform))

    assert caught.value.code is STOPPED
    assert past.in_journal() == ["job-1"]


def test_a_platform_that_cannot_be_asked_leaves_everything_in_the_journal(past: Killed, platform: Platform) -> None:
    def gone(_job: str) -> str:
        raise CixError(PLATFORM_UNREACHABLE, "Gone.")

    platform.job_state = gone
    past.in_flight("ab", "job-1")
    past.in_flight("cd", None)
    with pytest.raises(CixError):
        past.recover(MemoryJobDestination(platform))

    assert past.in_journal() == ["job-1", None]


@pytest.mark.parametrize("destination", [MemoryDestination, MemoryJobDestination])
def test_without_the_staged_rows_everything_is_sent_again(
    past: Killed, platform: Platform, destination: type[MemoryDestination]
) -> None:
    past.staged_path.unlink()
    past.in_flight("ab", "job-1")
    past.recover(destination(platform))

    assert not past.staged_path.exists()
    assert platform.polled == []
    assert past.confirmed() == ""
    assert past.in_journal() == []


def test_what_is_in_flight_for_another_list_is_left_to_its_own_run(past: Killed, platform: Platform) -> None:
    other = past.ledger.list_no("target-memory", "L2")
    past.ledger.journal("killed", other, "create", "a", "b")
    past.in_flight("cd", None)
    past.recover(MemoryDestination(platform))

    assert list(past.ledger.journalled(other)) == ["killed"]
    assert past.in_journal() == []


def test_settling_twice_is_settling_once(past: Killed, platform: Platform) -> None:
    past.in_flight("ab", "job-1")
    destination = MemoryJobDestination(platform)
    past.recover(destination)
    past.recover(destination)

    assert platform.polled == ["job-1"]
    assert past.confirmed() == "ab"


def test_what_killed_runs_have_left_is_found_whatever_the_ledger_is_called(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger [eu].db"
    left = staged_path(ledger, "run-1")
    left.touch()
    assert plans(ledger) == [("run-1", left)]
