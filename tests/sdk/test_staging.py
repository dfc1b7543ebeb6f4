"""Whatever the runs, lists, segments and answers: the plan is the difference that a simple model works out."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from audience_sdk.contact import Action, Outcome, RowProblem
from audience_sdk.destination import BatchResult
from audience_sdk.errors import PERSON_SUPPRESSED, ROW_REJECTED
from audience_sdk.ledger import DUPLICATE, HELD_SUPPRESSED, DiffRules, Ledger, PlannedRows, Staging, blocks
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audience_sdk.contact import StagedRow
    from audience_sdk.ledger import JournalledBatch

pytestmark = pytest.mark.usefixtures("every_staging_closed")

FEEDS = {"Readers": ("L1", "L2"), "Buyers": ("L2",), "Guests": ("L1",)}
"""The lists of each segment."""
KEYS = ["a@example.com", "b@example.com", "c@example.com", "\u00fc@example.com", "z@example.com"]
PROBLEMS = {
    Outcome.REJECTED: RowProblem(Outcome.REJECTED, ROW_REJECTED, "No."),
    Outcome.SUPPRESSED: RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "No."),
}
PLANNED = (Action.CREATE.value, Action.UPDATE.value, Action.REMOVE.value, HELD_SUPPRESSED)


@dataclass(frozen=True)
class History:
    """What one run meets."""

    rows: list[tuple[str, str, bytes]]
    """Segment, address and payload, as they arrive."""
    complete: set[str]
    refused: dict[str, Outcome]
    mirror: bool
    resync: bool
    killed_after: int | None
    """Batches that are confirmed before the run is killed; none kills it if None."""


@dataclass
class Model:
    """A list as it should be known after each run."""

    on: dict[str, bytes] = field(default_factory=dict)
    suppressed: set[str] = field(default_factory=set)
    segments: dict[str, set[str]] = field(default_factory=dict)

    def plan(self, run: History, rows: list[tuple[str, str, bytes]]) -> dict[str, dict[str, bytes]]:
        plan: dict[str, dict[str, bytes]] = {action: {} for action in PLANNED}
        last = {key: payload for _, key, payload in rows}
        for key, payload in last.items():
            if key in self.suppressed:
                plan[HELD_SUPPRESSED][key] = payload
            elif key not in self.on:
                plan["create"][key] = payload
            elif run.resync or self.on[key] != payload:
                plan["update"][key] = payload
        if run.mirror:
            for key in self.on.keys() - last.keys():
                if self.segments.get(key, set()) <= run.complete:
                    plan["remove"][key] = b""
        return plan

    def confirm(self, action: str, batch: dict[str, bytes], refused: dict[str, Outcome]) -> None:
        for key, payload in batch.items():
            if action == "remove":
                self.on.pop(key)
            elif key not in refused:
                self.on[key] = payload
            elif refused[key] is Outcome.SUPPRESSED:
                self.on.pop(key, None)
                self.suppressed.add(key)

    def begin(self, rows: list[tuple[str, str, bytes]]) -> None:
        for segment, key, _ in rows:
            self.segments.setdefault(key, set()).add(segment)

    def end(self, run: History, rows: list[tuple[str, str, bytes]]) -> None:
        for key in self.segments:
            self.segments[key] -= run.complete
        self.begin(rows)


_ROWS = st.tuples(st.sampled_from(list(FEEDS)), st.sampled_from(KEYS), st.sampled_from([b"1", b"2", b"3"]))
_HISTORIES = st.builds(
    History,
    rows=st.lists(_ROWS, max_size=12),
    complete=st.sets(st.sampled_from(list(FEEDS))),
    refused=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(list(PROBLEMS)), max_size=2),
    mirror=st.booleans(),
    resync=st.sampled_from([False, False, False, True]),
    killed_after=st.none() | st.none() | st.integers(min_value=0, max_value=2),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(_HISTORIES, min_size=1, max_size=6))
def test_the_plan_is_the_difference_that_a_simple_model_works_out(
    tmp_path_factory: pytest.TempPathFactory, histories: list[History]
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    models = {"L1": Model(), "L2": Model()}
    with pytest.MonkeyPatch.context() as patch:
        # So that a few rows make several runs, blocks and pages.
        for place, value in (
            ("staging._WRITE_ROWS", 2),
            ("sorting._RUNS_AT_ONCE", 2),
            ("blocks._BLOCK_ROWS", 2),
            ("known._AT_ONCE", 1),
        ):
            patch.setattr(f"audience_sdk.ledger.{place}", value)
        for number, run in enumerate(histories):
            with closing(Ledger(path)) as ledger:
                Replay(ledger, f"run-{number}", run, models).play()


class Replay:
    """One run on the real ledger, held against the models."""

    def __init__(self, ledger: Ledger, run_id: str, run: History, models: dict[str, Model]) -> None:
        self.ledger, self.run_id, self.run, self.models = ledger, run_id, run, models
        self.list_nos = {list_id: ledger.list_no("target-x", list_id) for list_id in models}
        self.rows = {list_id: [row for row in run.rows if list_id in FEEDS[row[0]]] for list_id in models}

    def play(self) -> None:
        self.ledger.begin_run(self.run_id, "target-x", b"mapping")
        self.ledger.add_segments(FEEDS)
        staging = Staging(self.ledger, self.run_id)
        for segment in FEEDS:
            staging.segment_no(segment)
        for segment, key, payload in self.run.rows:
            for list_id in FEEDS[segment]:
                stage(staging, self.list_nos[list_id], segment, key, payload)
        rules = DiffRules(removes=self.run.mirror, full_resync=self.run.resync, complete=self.run.complete)
        counts = staging.diff(self.list_nos.values(), rules)
        left = self.run.killed_after
        for list_id, model in self.models.items():
            plan = model.plan(self.run, self.rows[list_id])
            # Who is staged is known to be fed from here on, however the run ends.
            self.ledger.add_memberships(self.list_nos[list_id], staging.joined(self.list_nos[list_id]))
            model.begin(self.rows[list_id])
            assert {action: self.planned(staging, list_id, action) for action in PLANNED} == plan
            self.check_counts(counts[self.list_nos[list_id]], list_id, plan)
            for action in ("create", "update", "remove"):
                for batch in pairs(plan[action]):
                    if left == 0:
                        staging.close()
                        return  # killed: the plan stays behind
                    left = None if left is None else left - 1
                    self.confirm(staging, list_id, action, batch)
        for list_id, model in self.models.items():
            left = staging.left(self.list_nos[list_id])
            gone = [(segment, keys) for segment, keys in left if segment in self.run.complete]
            self.ledger.drop_memberships(self.list_nos[list_id], gone)
            model.end(self.run, self.rows[list_id])
        staging.erase()

    def planned(self, staging: Staging, list_id: str, action: str) -> dict[str, bytes]:
        rows = list(staging.planned(self.list_nos[list_id], action))
        assert [row.email_key for row in rows] == sorted((row.email_key for row in rows), key=str.encode)
        return {row.email_key: row.payload for row in rows}

    def check_counts(self, counts: object, list_id: str, plan: dict[str, dict[str, bytes]]) -> None:
        people = {key for _, key, _ in self.rows[list_id]}
        sizes = {action: len(rows) for action, rows in plan.items()}
        assert vars(counts) == {
            "people": len(people),
            "duplicate": len(self.rows[list_id]) - len(people),
            "unchanged": len(people) - sizes["create"] - sizes["update"] - sizes[HELD_SUPPRESSED],
            "create": sizes["create"],
            "update": sizes["update"],
            "remove": sizes["remove"],
            "held": sizes[HELD_SUPPRESSED],
            "stay": 0,  # everybody on these lists has joined by an export
        }

    def confirm(self, staging: Staging, list_id: str, action: str, batch: dict[str, bytes]) -> None:
        keys = sorted(batch, key=str.encode)
        journalled = self.ledger.journal(self.run_id, self.list_nos[list_id], action, keys[0], keys[-1])
        refused = {} if action == "remove" else {k: v for k, v in self.run.refused.items() if k in batch}
        problems = {key: PROBLEMS[outcome] for key, outcome in refused.items()}
        self.ledger.confirm(journalled, staging.rows_of(journalled), BatchResult(problems))
        self.models[list_id].confirm(action, batch, refused)


def pairs(rows: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Cut planned rows into batches of two, in the order in which they are sent."""
    keys = sorted(rows, key=str.encode)
    for start in range(0, len(keys), 2):
        yield {key: rows[key] for key in keys[start : start + 2]}


def stage(staging: Staging, list_no: int, segment: str, key: str, payload: bytes = b"1") -> None:
    staging.add(list_no, [(key, staging.segment_no(segment), f"c-{key}", None, payload)])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "ledger.db")) as opened:
        yield opened


def staged(ledger: Ledger, keys: list[str]) -> tuple[Staging, int]:
    """Stage and plan one row for each key on a new list."""
    rows = Staging(ledger, "run-1")
    list_no = ledger.list_no("target-x", "L1")
    for number, key in enumerate(keys):
        stage(rows, list_no, "Readers", key, str(number).encode())
    rows.diff([list_no], DiffRules())
    return rows, list_no


@settings(max_examples=40, deadline=None)
@given(st.sets(st.text("ab\u00e4z", min_size=1, max_size=3), max_size=20), st.data())
def test_any_range_of_the_plan_comes_whole_and_in_the_order_of_the_keys(
    tmp_path_factory: pytest.TempPathFactory, keys: set[str], data: st.DataObject
) -> None:
    in_order = sorted(keys, key=str.encode)
    first = data.draw(st.sampled_from(["", *in_order]))
    last = data.draw(st.sampled_from([None, *in_order]))
    with (
        closing(Ledger(tmp_path_factory.mktemp("ledger") / "ledger.db")) as ledger,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(blocks, "_BLOCK_ROWS", 3)
        rows, list_no = staged(ledger, in_order)
        rows.close()
        with closing(PlannedRows.of_past_run(rows.path)) as plan:
            found = [row.email_key for row in plan.rows(list_no, "create", first_key=first, last_key=last)]

    within = [key for key in in_order if key.encode() >= first.encode()]
    assert found == [key for key in within if last is None or key.encode() <= last.encode()]


def test_the_last_row_of_an_address_is_taken_and_the_earlier_ones_are_told(ledger: Ledger) -> None:
    rows, list_no = Staging(ledger, "run-1"), ledger.list_no("target-x", "L1")
    for number, key in enumerate(["a", "b", "a", "c", "a"]):
        rows.add(list_no, [(key, rows.segment_no("Readers"), f"c{number}", key.upper(), b"%d" % number)])
    counts = rows.diff([list_no], DiffRules())[list_no]

    assert (counts.create, counts.duplicate) == (3, 2)
    assert [(row.email_key, row.row_key, row.payload) for row in rows.planned(list_no, "create")] == [
        ("a", "c4", b"4"),
        ("b", "c1", b"1"),
        ("c", "c3", b"3"),
    ]
    assert sorted((row.email, row.row_key, *rows.segments_of(row)) for row in rows.planned(list_no, DUPLICATE)) == [
        ("A", "c0", "Readers"),
        ("A", "c2", "Readers"),
    ]


def test_people_are_counted_once_over_all_lists(ledger: Ledger) -> None:
    rows = Staging(ledger, "run-1")
    for list_id, key in (("L1", "a"), ("L2", "a"), ("L1", "b"), ("L1", "b")):
        stage(rows, ledger.list_no("target-x", list_id), "Readers", key)
    rows.diff([1, 2], DiffRules())

    assert rows.people() == 2
    assert rows.people_of(ledger.list_no("target-x", "L1"), "Readers") == 2
    assert rows.people_of(ledger.list_no("target-x", "L1"), "Buyers") == 0


def confirm(ledger: Ledger, staging: Staging, batch: JournalledBatch) -> None:
    ledger.confirm(batch, staging.rows_of(batch), BatchResult())


def keys_of(rows: Iterator[StagedRow]) -> list[str]:
    return [row.email_key for row in rows]


def test_a_person_who_was_taken_off_a_list_comes_back_as_one_who_returns(ledger: Ledger) -> None:
    ledger.begin_run("run-1", "target-x", b"mapping")
    ledger.add_segments(["Readers"])
    rows, list_no = staged(ledger, ["a"])
    ledger.add_memberships(list_no, rows.joined(list_no))
    confirm(ledger, rows, ledger.journal("run-1", list_no, "create", "a", "a"))
    rows.erase()
    gone = Staging(ledger, "run-2")
    gone.diff([list_no], DiffRules(removes=True, complete=["Readers"]))
    assert keys_of(gone.planned(list_no, "remove")) == ["a"]
    confirm(ledger, gone, ledger.journal("run-1", list_no, "remove", "a", "a"))
    gone.erase()
    back, _ = staged(ledger, ["a"])

    assert [(row.email_key, row.returns) for row in back.planned(list_no, "create")] == [("a", True)]


def test_staged_rows_are_erased_from_the_disk(ledger: Ledger) -> None:
    rows, _ = staged(ledger, ["a"])
    assert rows.path.exists()
    rows.erase()

    assert not rows.path.exists()
    Staging(ledger, "run-1").erase()


def test_a_closed_plan_is_there_for_the_next_run(ledger: Ledger) -> None:
    rows, list_no = staged(ledger, ["a", "b"])
    rows.close()
    with closing(PlannedRows.of_past_run(rows.path)) as plan:
        assert [row.email_key for row in plan.rows(list_no, "create")] == ["a", "b"]
