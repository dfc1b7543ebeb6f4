"""A disk that is full is named as the reason, and nothing counts as sent that was not confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from export_harness import STATE, people, person, segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from export_harness import Process, Result

KIB = 1024
ROWS = 2_000


def run(start: Callable[..., Process], rows: list[dict[str, object]], file_bytes: int | None = None) -> Result:
    """Run in a process that can write no file longer than that."""
    process = start(file_bytes=file_bytes)
    process.open_gates("check", "send")
    process.write(segment(rows))
    process.end_input()
    return process.result()


@pytest.mark.parametrize("kib", [2, 30, 60, 200, 500])
def test_where_the_ledger_or_the_staged_rows_find_no_room_the_run_says_so(
    start: Callable[..., Process], kib: int
) -> None:
    result = run(start, people(*range(ROWS)), kib * KIB)

    (line,) = [line for line in result.log.splitlines() if "CIX-" in line]
    assert "CIX-602" in line
    assert "ledger.db" in line
    assert (result.exit_code, result.states) == (1, [])


def test_after_room_was_made_the_list_becomes_whole(start: Callable[..., Process]) -> None:
    rows = people(*range(60))
    before = run(start, rows, 200 * KIB)
    after = run(start, rows)

    assert (before.exit_code, before.states) == (1, [])
    assert "CIX-602" in before.log
    assert before.counts().get("created", 0) < 60
    assert (after.exit_code, after.states) == (0, [STATE])
    assert after.counts()["created"] + after.counts().get("unchanged", 0) == 60


def test_where_rejected_rows_cannot_be_written_down_the_run_fails(start: Callable[..., Process]) -> None:
    result = run(start, [person(number, EMail="nobody") for number in range(ROWS)], 100 * KIB)

    assert (result.exit_code, result.states) == (1, [])
    (line,) = [line for line in result.log.splitlines() if "CIX-" in line]
    assert "CIX-603" in line
    assert "rejected.jsonl" in line
    assert result.summary["error"]["code"] == "CIX-603"
