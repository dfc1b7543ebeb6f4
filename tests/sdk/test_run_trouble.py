"""Whatever goes wrong, every row is accounted for, and once it goes right the list holds what it should."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from audience_sdk.errors import (
    LIST_UNKNOWN,
    PLATFORM_UNREACHABLE,
    QUOTA_SPENT,
    THROTTLED,
    CixError,
)
from export_harness import STATE, Export, key, person, segment
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_destination import Batch, Limits, MemoryDestination, MemoryJobDestination, Platform

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NUMBERS = range(12)
CODES = (THROTTLED, QUOTA_SPENT, PLATFORM_UNREACHABLE, LIST_UNKNOWN)
_NUMBERS = st.integers(min_value=0, max_value=11)
_PEOPLE = st.builds(
    lambda number, first, email: person(number, First=first, **email),
    _NUMBERS,
    st.sampled_from(["Ann", "Bob", ""]),
    st.sampled_from([{}, {}, {}, {}, {"EMail": ""}, {"EMail": "nobody"}]),
)


@st.composite
def platforms(draw: st.DrawFn) -> Platform:
    """A platform that suppresses, rejects, refuses and breaks down as it likes."""
    some = st.sets(_NUMBERS.map(key), max_size=3)
    platform = Platform(
        suppressed=draw(some),
        rejected=draw(some),
        poison=draw(some),
        limits=Limits(
            rows=draw(st.integers(min_value=1, max_value=5)),
            body_bytes=draw(st.integers(min_value=150, max_value=400)),
            email_length=60,
            calls=draw(st.integers(min_value=1, max_value=3)),
            in_flight=draw(st.integers(min_value=1, max_value=4)),
            removals=2,
        ),
    )
    numbers, trouble = itertools.count(), draw(st.dictionaries(st.integers(0, 8), st.sampled_from(CODES), max_size=2))
    states = draw(st.lists(st.sampled_from(["done", "done", "working", "failed"]), max_size=6))

    def error(_batch: Batch) -> CixError | None:
        number = next(numbers)
        return CixError(trouble[number], "Trouble.") if number in trouble else None

    platform.error = error
    platform.job_state = lambda _job: states.pop() if states else "done"
    return platform


def expected(rows: list[dict[str, Any]], platform: Platform) -> dict[str, str]:
    """First name by address, as the list should hold it in the end."""
    last = {row["EMail"]: row["First"] for row in rows if "@" in row["EMail"]}
    barred = platform.suppressed | platform.rejected | platform.poison
    return {email: first for email, first in last.items() if email not in barred}


@settings(max_examples=40, deadline=None)
@given(
    platforms(),
    st.lists(st.lists(_PEOPLE, max_size=14), min_size=1, max_size=3),
    st.sampled_from([MemoryDestination, MemoryJobDestination]),
)
def test_in_the_end_the_list_holds_what_it_should_and_no_row_was_lost_on_the_way(
    tmp_path_factory: pytest.TempPathFactory,
    platform: Platform,
    segments: list[list[dict[str, Any]]],
    destination: type[MemoryDestination],
) -> None:
    folder: Path = tmp_path_factory.mktemp("export")
    export = Export(folder, platform)
    export.destination = destination
    for rows in segments:
        result = export.run(segment(rows))  # checks the accounts
        assert result.counts().get("received", 0) in {0, len(rows)}
        assert (result.states == [STATE]) == (result.exit_code == 0)
        if result.exit_code == 0:
            held = {email: row.get("first_name", "") for email, row in export.held.items()}
            wanted = expected(rows, platform)
            assert {email: held.get(email) for email in wanted} == wanted

    platform.error, platform.job_state = lambda _batch: None, lambda _job: "done"
    result = export.run(segment(segments[-1]))
    assert result.exit_code == 0, result.log
    platform.batches.clear()
    again = export.run(segment(segments[-1]))

    held = {email: row.get("first_name", "") for email, row in export.held.items()}
    wanted = expected(segments[-1], platform)
    assert {email: held.get(email) for email in wanted} == wanted
    assert not set(held) & platform.suppressed
    assert set(platform.sent_keys()) <= platform.rejected | platform.poison, "only the refused are tried again"
    assert again.counts().get("created", 0) == again.counts().get("updated", 0) == 0
