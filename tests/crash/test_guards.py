"""Promise 3: what could do great harm stops before the first request, with a code, the numbers and the setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from crash_export import address, people, segment
from crash_runner import AtCall

if TYPE_CHECKING:
    from crash_export import Export, Ran

MIRROR: dict[str, Any] = {"sync_mode": "mirror"}


def check_stopped(export: Export, ran: Ran, code: str, *told: str) -> None:
    """Check that a guard has stopped a run before anything happened, and says what it has to say."""
    assert ran.code == 1
    assert ran.states == []
    assert export.writes() == []
    assert ran.summary["status"] == "failed"
    assert ran.summary["error"]["code"] == code
    everything = " ".join(ran.summary["error"].values())
    assert [text for text in told if text not in everything] == []


def test_more_profiles_than_allowed(export: Export) -> None:
    ran = export.run(segment(people(*range(5))), max_profiles=4)
    check_stopped(export, ran, "CIX-501", "5 different people", "`max_profiles` is 4", "raise `max_profiles`")
    assert ran.counts == {"received": 5, "deferred": 5}


def test_profiles_are_counted_once_though_they_are_in_several_segments(export: Export) -> None:
    rows = people(*range(4))
    assert export.run(segment(rows, "A") + segment(rows, "B"), max_profiles=4).code == 0


def test_an_empty_segment_in_mirror(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    export.forget_requests()
    ran = export.run(segment([]), **MIRROR)
    check_stopped(
        export, ran, "CIX-507", "Segment `Newsletter` is empty", "fed 2 people", "`allow_empty_segment: true`"
    )
    assert export.on_list() == {address(1), address(2)}


def test_an_empty_segment_that_is_allowed(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    assert export.run(segment([]), allow_empty_segment=True, **MIRROR).counts == {"removed": 2}
    assert export.on_list() == set()


def test_an_empty_segment_without_members_before_is_no_danger(export: Export) -> None:
    export.run(segment(people(1, 2), "A") + segment([], "B"), **MIRROR)
    assert export.run(segment(people(1), "A") + segment([], "B"), **MIRROR).counts["removed"] == 1


def test_a_segment_whose_rows_are_all_invalid_counts_as_empty(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    export.forget_requests()
    check_stopped(export, export.run(segment(people(1, 2, EMail="gone")), **MIRROR), "CIX-507")


def test_of_many_leavers_an_empty_segment_is_named_as_the_cause(export: Export) -> None:
    both = [*segment(people(*range(40))), *segment(people(*range(40, 50)), "Second")]
    export.run(both, **MIRROR)
    export.forget_requests()
    emptied = [*segment([]), *segment(people(*range(40, 50)), "Second")]
    check_stopped(export, export.run(emptied, **MIRROR), "CIX-507", "is empty", "fed 40 people")


def test_a_mass_removal(export: Export) -> None:
    export.run(segment(people(*range(100))), **MIRROR)
    export.forget_requests()
    ran = export.run(segment(people(*range(69))), **MIRROR)
    check_stopped(export, ran, "CIX-508", "31 of 100 people", "30 may", "`max_removal_ratio` 0.3", "for one run")
    assert len(export.on_list()) == 100


def test_removals_up_to_the_ratio(export: Export) -> None:
    export.run(segment(people(*range(100))), **MIRROR)
    assert export.run(segment(people(*range(70))), **MIRROR).counts["removed"] == 30


def test_a_mass_removal_that_is_allowed(export: Export) -> None:
    export.run(segment(people(*range(100))), **MIRROR)
    assert export.run(segment(people(0)), max_removal_ratio=1, **MIRROR).counts["removed"] == 99


def test_the_floor_lets_small_lists_work(export: Export) -> None:
    export.run(segment(people(*range(12))), **MIRROR)
    assert export.run(segment(people(0, 1)), **MIRROR).counts["removed"] == 10


def test_the_floor_is_a_setting(export: Export) -> None:
    export.run(segment(people(*range(12))), **MIRROR)
    export.forget_requests()
    ran = export.run(segment(people(*range(8))), removal_floor=2, **MIRROR)
    check_stopped(export, ran, "CIX-508", "4 of 12 people", "3 may")


def test_one_list_in_danger_stops_the_run_for_all(export: Export) -> None:
    second = export.make_list()
    lists = {"A": export.list_id, "B": second}
    export.run(segment(people(*range(50)), "A") + segment(people(*range(50)), "B"), lists=lists, **MIRROR)
    export.forget_requests()
    ran = export.run(segment(people(*range(60)), "A") + segment(people(0), "B"), lists=lists, **MIRROR)
    check_stopped(export, ran, "CIX-508", "49 of 50", second)


def test_a_missing_list(export: Export) -> None:
    unknown = export.list_id.replace("1157", "7511")
    ran = export.run(segment(people(1)), list_id=unknown)
    check_stopped(export, ran, "CIX-404", unknown, "`list_id`")


def test_another_run_on_the_same_list(export: Export) -> None:
    export.sandbox.fault("slow_answer", platform=export.platform, path="import", seconds=30, count=1)
    first = export.start(segment(people(1)))
    export.await_that(lambda: export.ledger.exists() and bool(export.staged_files()))
    second = export.run(segment(people(2)))
    first.process.kill()
    first.process.join()
    assert second.code == 1
    assert second.summary["error"]["code"] == "CIX-502"
    assert export.list_id in second.summary["error"]["message"]
    assert address(2) not in export.members()


@pytest.mark.parametrize("step", ["Run.open_segment", "Run.finish"])
def test_the_lock_of_a_run_that_was_killed_clears_by_itself(export: Export, step: str) -> None:
    export.run(segment(people(1)), death=AtCall(f"audience_sdk.run:{step}"))
    assert export.run(segment(people(1))).code == 0


def test_two_lists_can_be_filled_at_the_same_time(export: Export) -> None:
    second = export.make_list()
    export.sandbox.fault("slow_answer", platform=export.platform, path="import", seconds=1)
    runs = [export.start(segment(people(1, 2)), list_id=list_id) for list_id in (export.list_id, second)]
    for run in runs:
        run.process.join()
    assert [run.process.exitcode for run in runs] == [0, 0]
    assert len(export.on_list()) == len(export.on_list(second)) == 2
