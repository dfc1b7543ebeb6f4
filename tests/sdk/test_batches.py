"""Rows are cut into as few batches as the platform's bounds allow, in their order, and none is lost."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from audience_sdk.batching import batches
from audience_sdk.contact import StagedRow
from audience_sdk.destination import Limits
from hypothesis import example, given, settings
from hypothesis import strategies as st
from memory_destination import body_of

if TYPE_CHECKING:
    from collections.abc import Iterator

OVERHEAD = len(body_of([]))


def limits_of(rows: int, body_bytes: int) -> Limits:
    return Limits(rows=rows, body_bytes=body_bytes, email_length=99, calls=1, in_flight=1, removals=1)


def rows_of(sizes: list[int]) -> list[StagedRow]:
    return [StagedRow(f"{n:04}", f"{n:04}", f"c{n}", (0,), b"x" * size) for n, size in enumerate(sizes)]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(min_value=1, max_value=30), max_size=40),
    st.integers(min_value=1, max_value=10),
    st.integers(min_value=30, max_value=120),
)
@example(sizes=[10, 9], rows=10, room=20)
def test_rows_are_cut_in_order_within_the_bounds_and_not_too_often(sizes: list[int], rows: int, room: int) -> None:
    limits = limits_of(rows, OVERHEAD + room)
    given_rows = rows_of([min(size, room) for size in sizes])
    cut = list(batches(iter(given_rows), limits, OVERHEAD))

    assert [row for batch in cut for row in batch] == given_rows
    assert all(batch for batch in cut)
    for batch in cut:
        assert len(batch) <= limits.rows
        assert len(body_of([row.payload for row in batch])) <= limits.body_bytes
    for batch, following in itertools.pairwise(cut):
        one_more = [*batch, following[0]]
        assert len(one_more) > limits.rows or len(body_of([r.payload for r in one_more])) > limits.body_bytes


def test_a_row_that_fills_a_body_alone_goes_alone() -> None:
    given_rows = rows_of([50, 50, 1])
    cut = list(batches(given_rows, limits_of(10, OVERHEAD + 50), OVERHEAD))

    assert cut == [[row] for row in given_rows]


def test_no_rows_make_no_batch() -> None:
    assert list(batches([], limits_of(10, 100), OVERHEAD)) == []


def test_rows_are_taken_as_they_are_needed() -> None:
    taken = 0

    def endless() -> Iterator[StagedRow]:
        nonlocal taken
        for row in rows_of([5] * 1_000):
            taken += 1
            yield row

    next(batches(endless(), limits_of(3, 1_000), OVERHEAD))

    assert taken == 4
