"""Promise 6, stopping: the first signal ends a run in good order, the second one at once."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from crash_export import BATCH_ROWS, IN_FLIGHT, people, segment, text_of

if TYPE_CHECKING:
    import subprocess

    from crash_export import Export

SIGNALS = [signal.SIGTERM, signal.SIGINT]
ROWS = segment(people(*range(120)))


def summaries(export: Export) -> list[dict[str, Any]]:
    found = (export.folder / "output" / export.name).glob("*/summary.json")
    return [json.loads(path.read_text("utf-8")) for path in found]


def check_stopped(export: Export, code: int, number: signal.Signals) -> dict[str, int]:
    """Check what a stopped run leaves, and return its counts."""
    assert code == 128 + number
    [summary] = summaries(export)
    assert summary["status"] == "stopped"
    assert summary["error"]["code"] == "CIX-604"
    counts: dict[str, int] = summary["counts"]
    return counts


def batches_in_flight(export: Export, column: str = "*") -> int:
    """Look into the journal of a run that is under way, and may not have made it yet."""
    if not export.ledger.exists():
        return 0
    with closing(sqlite3.connect(export.ledger)) as ledger, suppress(sqlite3.OperationalError):
        return int(ledger.execute(f"SELECT count({column}) FROM batches").fetchone()[0])  # noqa: S608 - ours
    return 0


def check_completed_by_a_rerun(export: Export) -> None:
    again = export.run(ROWS)
    assert (again.code, len(again.states)) == (0, 1)
    assert len(export.on_list()) == 120
    assert export.staged_files() == []


def feed(process: subprocess.Popen[bytes], messages: list[dict[str, Any]]) -> None:
    assert process.stdin is not None
    process.stdin.write(text_of(messages).encode())
    process.stdin.flush()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_it_reads(export: Export, number: signal.Signals) -> None:
    """The executable itself, whose tap is silent and does not end."""
    with export.open() as process:
        feed(process, ROWS[:50])
        export.await_that(lambda: bool(export.staged_files()))
        process.send_signal(number)
        assert process.stdout is not None
        output = process.stdout.read()
        code = process.wait()
    assert output == b""
    assert check_stopped(export, code, number)["created"] == 0
    assert export.writes() == []
    assert export.staged_files() == []
    check_completed_by_a_rerun(export)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_it_sends(export: Export, number: signal.Signals) -> None:
    """What is in flight is finished or kept in the journal, nothing new is begun, every row is accounted for."""
    export.sandbox.fault("slow_answer", platform=export.platform, path="import", seconds=1)
    run = export.start(ROWS)
    export.await_that(lambda: batches_in_flight(export) == IN_FLIGHT)
    os.kill(run.pid, number)
    ran = run.wait()
    counts = check_stopped(export, ran.code, number)
    assert counts["created"] + counts["deferred"] == 120
    begun = export.rows_sent()
    assert begun <= IN_FLIGHT * BATCH_ROWS
    export.sandbox.control("DELETE", "/faults")
    check_completed_by_a_rerun(export)
    assert export.rows_sent() == 120, "what was begun is not sent again"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_it_at_once(export: Export, number: signal.Signals) -> None:
    export.sandbox.fault("slow_answer", platform=export.platform, path="import", seconds=20)
    run = export.start(ROWS)
    export.await_that(lambda: batches_in_flight(export) == IN_FLIGHT)
    for _ in range(2):
        os.kill(run.pid, number)
        time.sleep(0.5)
    ran = run.wait()
    assert ran.code == 128 + number
    assert summaries(export) == [], "it has not waited for the answers, else it had told of them"
    export.sandbox.control("DELETE", "/faults")
    check_completed_by_a_rerun(export)


def test_a_signal_while_it_waits_for_a_job_leaves_the_job_to_the_next_run(to_constant_contact: Export) -> None:
    export = to_constant_contact
    export.sandbox.switch("constant_contact.activity_work_seconds", 1_000)
    run = export.start(segment(people(1, 2)))
    export.await_that(lambda: batches_in_flight(export, "job_id") == 1)
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait().code == 143
    export.sandbox.advance(2_000)
    again = export.run(segment(people(1, 2)))
    assert again.counts == {"received": 2, "unchanged": 2}
    assert export.rows_sent() == 2
    assert export.staged_files() == []


def test_a_signal_while_it_waits_to_try_again(export: Export) -> None:
    export.sandbox.fault("status", platform=export.platform, path="import", status=503, headers={"Retry-After": "200"})
    run = export.start(segment(people(1, 2)))
    export.await_that(lambda: len(export.imports()) > 0)
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait().code == 143
    export.sandbox.control("DELETE", "/faults")
    assert export.run(segment(people(1, 2))).counts == {"received": 2, "created": 2}
