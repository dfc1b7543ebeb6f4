"""The sample that is read back is as large as the setting says, spread over the run, and never more than was sent."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Any

import pytest
from audience_sdk.contact import StagedRow
from audience_sdk.errors import QUOTA_SPENT, CixError
from audience_sdk.readback import Sample, read_back
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 30), st.lists(st.integers(0, 50), max_size=20))
def test_a_sample_has_its_size_and_lies_evenly(size: int, batches: list[int]) -> None:
    writes = sum(batches)
    sample = Sample(size, writes)
    picked, before = [], 0
    for count in batches:
        positions = sample.picks(count)
        assert positions <= set(range(count))
        picked += [before + position for position in sorted(positions)]
        before += count
    assert len(picked) == min(size, writes)
    steps = [later - earlier for earlier, later in pairwise(picked)]
    assert not steps or max(steps) - min(steps) <= 1


@given(st.integers(0, 30), st.lists(st.integers(1, 50), max_size=20))
def test_a_sample_has_its_size_even_if_batches_are_sent_again_in_halves(size: int, batches: list[int]) -> None:
    writes = sum(batches)
    sample = Sample(size, writes)
    picked = 0
    for count in batches:
        sample.picks(count)
        sample.put_back(count)
        picked += sum(len(sample.picks(half)) for half in (count // 2, count - count // 2))
    assert picked == min(size, writes)


@pytest.mark.parametrize("size", [0, 5])
def test_a_run_that_sends_nothing_has_no_sample(size: int) -> None:
    assert Sample(size, 0).picks(0) == set()


ROWS = [StagedRow(f"{n}@example.com", f"{n}@example.com", "c", (0,), b"{}") for n in range(3)]


class Told:
    """A report that keeps its warnings, and a platform that answers with what it is given."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.warnings: dict[str, int] = {}

    def warn(self, text: str, rows: int = 1) -> None:
        self.warnings[text] = rows

    def read_back(self, list_id: str, rows: list[StagedRow]) -> list[str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return list(self.answer)


@pytest.mark.parametrize(
    ("answer", "warnings"),
    [
        ([], {}),
        (["`A`: gone.", "`A`: gone.", "`B`: gone."], {
            "CIX-710: of 3 people read back, `A`: gone.": 2,
            "CIX-710: of 3 people read back, `B`: gone.": 1,
        }),
        (CixError(QUOTA_SPENT, "No more."), {"CIX-710: no sample could be read back (CIX-406).": 3}),
        (KeyError("Key"), {"CIX-710: no sample could be read back (CIX-901).": 3}),
    ],
)  # fmt: skip
def test_differences_are_counted_and_nothing_that_goes_wrong_costs_the_run(
    answer: Any, warnings: dict[str, int]
) -> None:
    told: Any = Told(answer)
    read_back(told, {"L1": ROWS}, told, logging.getLogger(__name__))
    assert told.warnings == warnings
