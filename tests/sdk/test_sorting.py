"""Rows leave the sorting in the order of their keys, whatever their number, and files that are damaged are told."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from audience_sdk.errors import DISK_FULL, LEDGER_UNUSABLE, CixError
from audience_sdk.ledger import blocks, planned, sorting
from audience_sdk.ledger.planned import PlannedRows
from audience_sdk.ledger.sorting import Scratch, SortedRows
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from audience_sdk.ledger.sorting import NewRow

_KEYS = st.text("ab\u00e4\U0001f600", min_size=1, max_size=3)
_RUNS = st.lists(st.lists(st.tuples(_KEYS, st.booleans()), max_size=9), max_size=12)
"""The keys of the rows of each run, and whether they can be sent."""


@settings(max_examples=200, deadline=None)
@given(_RUNS, st.integers(2, 4), st.integers(1, 5), st.sampled_from([1, 40, 65_536]))
def test_rows_come_in_the_order_of_their_keys_and_alike_ones_as_they_came(
    runs: list[list[tuple[str, bool]]], at_once: int, block_rows: int, block_bytes: int
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "_RUNS_AT_ONCE", at_once)
        patch.setattr(blocks, "_BLOCK_ROWS", block_rows)
        patch.setattr(blocks, "_BLOCK_BYTES", block_bytes)
        with closing(Scratch(Path(folder) / "rows")) as scratch:
            rows = SortedRows(scratch.blocks)
            numbered: list[NewRow] = []
            for run in runs:
                new: list[NewRow] = [
                    (key, 0, str(len(numbered) + place), None, b"x" if sendable else None)
                    for place, (key, sendable) in enumerate(run)
                ]
                numbered += new
                rows.add(new)
                rows.write()
            parts = list(rows.in_order())
            again = [row for part in rows.in_order() for row in part]

    found = [row for part in parts for row in part]
    in_order = sorted(numbered, key=lambda row: row[0])
    assert found == again
    assert [(*row[:4], row[4] is None) for row in found] == [(*row[:4], row[4] is None) for row in in_order]
    last = {row[0]: row for row in found if row[4] is not None}
    assert all(row[4] == b"x" for row in last.values()), "the row that counts has its JSON"
    ends = [(before[-1][0], after[0][0]) for before, after in pairwise(parts)]
    assert all(last < first for last, first in ends), "rows with the same key are in the same part"


def test_many_rows_with_one_address_need_no_memory_for_their_json(tmp_path: Path) -> None:
    with closing(Scratch(tmp_path / "rows")) as scratch:
        rows = SortedRows(scratch.blocks)
        for run in range(3):
            rows.add([("a", 0, f"c{run}-{number}", None, b"x" * 1_000) for number in range(1_000)])
            rows.write()
        ((*earlier, last),) = list(rows.in_order())

    assert (last[2], last[4]) == ("c2-999", b"x" * 1_000)
    assert sum(len(row[4] or b"") for row in earlier) < 300_000


def test_the_sorted_rows_have_no_name_that_a_kill_could_leave_behind(tmp_path: Path) -> None:
    with closing(Scratch(tmp_path / "rows")) as scratch:
        scratch.blocks.append(["anna@example.com"])
        assert list(tmp_path.iterdir()) == []


def test_where_no_file_can_be_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(CixError) as caught:
        Scratch(tmp_path / "no such folder" / "rows")

    assert caught.value.code is DISK_FULL


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A plan that was closed."""
    path = tmp_path / "ledger.db.staged-run-1"
    with closing(PlannedRows(path)) as plan:
        plan.write(1, "create", [(key, None, f"c-{key}", (1, 0), b"{}", 7, False) for key in "abc"])
        plan.write(2, "create", [("b", "B", "c-b", (0,), b"{}", 7, True)])
        plan.end()
    return path


def test_a_plan_that_was_closed_is_read_again_whole(path: Path) -> None:
    with closing(PlannedRows.of_past_run(path)) as plan:
        assert [(row.email_key, row.segments, row.hash) for row in plan.rows(1, "create")] == [
            ("a", (1, 0), 7),
            ("b", (1, 0), 7),
            ("c", (1, 0), 7),
        ]
        assert [(row.email, row.returns) for row in plan.rows(2, "create")] == [("B", True)]
        assert list(plan.rows(1, "update")) == []


@pytest.mark.parametrize("left", [0, 1, 3, 4, 10, -1, -4])
def test_a_plan_that_was_cut_off_is_damaged(path: Path, left: int) -> None:
    path.write_bytes(path.read_bytes()[:left])
    _check_damaged(path)


@pytest.mark.parametrize("content", [b"\0" * 300, b"\xff" * 300, b"SQLite format 3\0" + b"\0" * 300])
def test_something_else_is_no_plan(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _check_damaged(path)


@pytest.mark.parametrize("place", [8, 40, 60])
def test_a_plan_with_holes_is_damaged(path: Path, place: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + b"\0" * 20 + whole[place + 20 :])
    _check_damaged(path)


def test_a_plan_that_was_not_ended_is_damaged(path: Path) -> None:
    path.unlink()
    with closing(PlannedRows(path)) as plan:
        plan.write(1, "create", [("a", None, "c", (0,), b"{}", 7, False)])
    _check_damaged(path)


def _check_damaged(path: Path) -> None:
    with pytest.raises(CixError) as caught:
        PlannedRows.of_past_run(path)

    assert caught.value.code is LEDGER_UNUSABLE
    assert str(path) in caught.value.message


def test_a_forgotten_person_is_in_the_plan_no_more_and_everybody_else_is(path: Path) -> None:
    assert planned.forget(path, "b") == 2
    with closing(PlannedRows.of_past_run(path)) as plan:
        assert [row.email_key for row in plan.rows(1, "create")] == ["a", "c"]
        assert list(plan.rows(2, "create")) == []
    assert b"c-b" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_damaged_plan_keeps_nobody(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])

    assert planned.forget(path, "b") == 0
    assert not path.exists()
