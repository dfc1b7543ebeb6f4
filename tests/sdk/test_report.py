"""The report says of every row what became of it, adds up, and is nobody else's to read."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.contact import Outcome, RowProblem
from audience_sdk.errors import ACCOUNTING_BROKEN, OUTPUT_UNWRITABLE, ROW_REJECTED, CixError
from audience_sdk.http import Traffic
from audience_sdk.report import Counts, Report
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

REJECTED = RowProblem(Outcome.REJECTED, ROW_REJECTED, "Too odd.")
COUNTS = (
    *("received", "invalid", "duplicate", "created", "updated", "unchanged"),
    *("suppressed", "rejected", "deferred", "failed", "removed"),
)


def report_in(directory: Path, **changes: Any) -> Report:
    described = {"run_id": "r1", "target": "target-x", "display_name": "", "sync_mode": "upsert", "dry_run": False}
    return Report(directory, **described | {"traffic": Traffic()} | changes)


def test_the_summary_holds_what_was_promised(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.add(body_bytes=10, retry=False)
    traffic.add(body_bytes=10, retry=True)
    report = report_in(tmp_path, display_name="Ours", traffic=traffic)
    report.list_counts("L1").received = 3
    report.list_counts("L1").add(Outcome.CREATED, 3)
    report.list_counts("L2").received = 1
    report.problem("L2", "Readers", "c1", "p1@example.com", REJECTED)
    summary = json.loads(report.finish("succeeded").read_text())

    told = {name: summary[name] for name in ("run_id", "target", "display_name", "sync_mode", "dry_run", "status")}
    assert told == {
        "run_id": "r1",
        "target": "target-x",
        "display_name": "Ours",
        "sync_mode": "upsert",
        "dry_run": False,
        "status": "succeeded",
    }
    zero = dict.fromkeys(COUNTS, 0)
    assert summary["lists"] == {
        "L1": zero | {"received": 3, "created": 3},
        "L2": zero | {"received": 1, "rejected": 1},
    }
    assert summary["counts"] == zero | {"received": 4, "created": 3, "rejected": 1}
    assert (summary["requests"], summary["retries"], summary["bytes"]) == (2, 1, 20)
    assert summary["started_at"].endswith("Z")
    assert summary["started_at"] <= summary["finished_at"]


def test_a_row_that_is_not_on_the_list_is_written_down_with_its_reason(tmp_path: Path) -> None:
    report = report_in(tmp_path)
    report.problem("L1", "Readers", "c1", "jörg@example.com", REJECTED)
    report.finish("succeeded")

    (line,) = (tmp_path / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        "row_key": "c1",
        "email": "jörg@example.com",
        "outcome": "rejected",
        "code": "CIX-705",
        "reason": "Too odd.",
        "what_to_do": ROW_REJECTED.action,
        "segment": "Readers",
        "list_id": "L1",
    }


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "output" / "run"
    report = report_in(directory)
    report.write_plan({})
    report.finish("succeeded")

    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert {path.name for path in directory.iterdir()} == {"summary.json", "rejected.jsonl", "plan.json"}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


_COUNTS = st.dictionaries(st.sampled_from(list(Outcome)), st.integers(min_value=0, max_value=5))


@settings(max_examples=100, deadline=None)
@given(st.lists(_COUNTS, min_size=1, max_size=3), st.integers(min_value=-1, max_value=1))
def test_accounts_hold_just_where_every_list_adds_up(
    tmp_path_factory: pytest.TempPathFactory, lists: list[dict[Outcome, int]], off_by: int
) -> None:
    report = report_in(tmp_path_factory.mktemp("report"))
    for number, counts in enumerate(lists):
        mine = report.list_counts(f"L{number}")
        for outcome, rows in counts.items():
            mine.add(outcome, rows)
        mine.received = sum(counts.values())
    report.list_counts("L0").received += off_by
    if off_by:
        with pytest.raises(CixError) as caught:
            report.check_accounts()
        assert caught.value.code is ACCOUNTING_BROKEN
    else:
        report.check_accounts()
    assert report.total().received == sum(sum(counts.values()) for counts in lists) + off_by
    report.finish("succeeded")


def test_every_outcome_has_its_count() -> None:
    counts = Counts()
    for outcome in Outcome:
        counts.add(outcome)

    assert counts.accounted() == len(Outcome)
    assert counts.received == counts.removed == 0


def test_the_table_shows_what_the_summary_says(tmp_path: Path) -> None:
    report = report_in(tmp_path, display_name="Ours")
    for number, list_id in enumerate(("L-first", "L-second"), 41):
        report.list_counts(list_id).received = number
        report.list_counts(list_id).add(Outcome.UPDATED, number)
    report.finish("succeeded")
    table = report.table("succeeded")

    for part in ("Ours", "r1", "succeeded", "L-first", "41", "L-second", "42", "all", "83"):
        assert part in table


def test_the_name_of_a_list_stands_in_the_table_as_it_is(tmp_path: Path) -> None:
    report = report_in(tmp_path)
    report.list_counts("L1").received = 1
    report.names["L1"] = "[red]Autumn[/] :smile:"
    report.finish("succeeded")

    assert "[red]Autumn[/] :smile:" in report.table("succeeded")


def test_an_output_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CixError) as caught:
        report_in(tmp_path / "file" / "run")

    assert caught.value.code is OUTPUT_UNWRITABLE
    assert str(tmp_path / "file") in caught.value.message
