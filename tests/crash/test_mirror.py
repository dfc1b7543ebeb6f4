"""Promise 2: in mirror, whoever has left every segment that feeds a list leaves the list, and nobody else does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from crash_export import MAPPING, address, people, person, segment

if TYPE_CHECKING:
    from crash_export import Export

MIRROR: dict[str, Any] = {"sync_mode": "mirror", "max_removal_ratio": 1}


def on(*numbers: int) -> set[str]:
    return {address(number) for number in numbers}


def test_upsert_lets_nobody_leave(export: Export) -> None:
    export.run(segment(people(1, 2)))
    export.forget_requests()
    export.run(segment(people(1)))
    assert export.on_list() == on(1, 2)
    assert export.writes() == []


def test_leaving_a_segment_takes_off_the_list_and_does_not_unsubscribe(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    ran = export.run(segment(people(1)), **MIRROR)
    assert ran.counts == {"received": 1, "unchanged": 1, "removed": 1}
    assert export.on_list() == on(1)
    ran = export.run(segment(people(1, 2)), **MIRROR)
    assert ran.counts == {"received": 2, "unchanged": 1, "created": 1}
    assert export.on_list() == on(1, 2)


def test_unsubscribe_is_for_good_where_the_export_says_so(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    assert export.run(segment(people(1)), on_leave="unsubscribe", **MIRROR).counts["removed"] == 1
    ran = export.run(segment(people(1, 2)), **MIRROR)
    assert ran.counts == {"received": 2, "unchanged": 1, "suppressed": 1}
    assert export.on_list() == on(1)


def test_keep_lets_leavers_stay(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    export.forget_requests()
    assert export.run(segment(people(1)), on_leave="keep", **MIRROR).counts == {"received": 1, "unchanged": 1}
    assert export.writes() == []
    assert export.on_list() == on(1, 2)


def test_a_segment_that_was_cut_short_has_no_leavers(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    export.run(segment(people(1), complete=False), **MIRROR)
    assert export.on_list() == on(1, 2)


def test_a_segment_that_goes_on_after_its_end_was_said_is_not_complete(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    messages = segment([]) + [message for message in segment(people(1), complete=False) if message["type"] == "RECORD"]
    export.run(messages, **MIRROR)
    assert export.on_list() == on(1, 2)


def test_every_segment_counts_as_complete_where_the_export_assumes_it(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    export.run(segment(people(1), complete=False), assume_full_table=True, **MIRROR)
    assert export.on_list() == on(1)


def test_who_is_in_another_segment_of_the_list_stays_though_that_segment_is_not_in_the_run(export: Export) -> None:
    export.run(segment(people(1, 2), "A") + segment(people(2, 3), "B"), **MIRROR)
    assert export.run(segment(people(1), "A"), **MIRROR).counts == {"received": 1, "unchanged": 1}
    assert export.on_list() == on(1, 2, 3)
    export.run(segment(people(3), "B"), **MIRROR)
    assert export.on_list() == on(1, 3)


def test_who_is_in_a_segment_that_was_cut_short_in_this_run_stays(export: Export) -> None:
    export.run(segment(people(1, 2), "A") + segment(people(2, 3), "B"), **MIRROR)
    export.run(segment(people(1), "A") + segment([], "B", complete=False), **MIRROR)
    assert export.on_list() == on(1, 2, 3)


def test_a_segment_goes_to_several_lists_and_leavers_leave_each(export: Export) -> None:
    second = export.make_list()
    lists = {"Newsletter": [export.list_id, second]}
    ran = export.run(segment(people(1, 2)), lists=lists, **MIRROR)
    assert ran.counts == {"received": 4, "created": 4}
    ran = export.run(segment(people(1)), lists=lists, **MIRROR)
    assert ran.counts == {"received": 2, "unchanged": 2, "removed": 2}
    assert export.on_list() == export.on_list(second) == on(1)


def test_leaving_one_list_leaves_the_other_list_alone(export: Export) -> None:
    second = export.make_list()
    lists = {"A": export.list_id, "B": second}
    export.run(segment(people(1, 2), "A") + segment(people(1, 2), "B"), lists=lists, **MIRROR)
    export.run(segment(people(1), "A") + segment(people(1, 2), "B"), lists=lists, **MIRROR)
    assert (export.on_list(), export.on_list(second)) == (on(1), on(1, 2))


def test_the_same_segment_through_two_differently_named_runs_is_one_segment(export: Export) -> None:
    """Two Meltano jobs, each with its own loader, that share the ledger."""
    for display_name in ("hourly", "daily"):
        export.run(segment(people(1, 2)), display_name=display_name, **MIRROR)
    export.forget_requests()
    ran = export.run(segment(people(1, 2)), display_name="daily", **MIRROR)
    assert ran.counts == {"received": 2, "unchanged": 2}
    assert export.writes() == []
    assert export.run(segment(people(1)), display_name="hourly", **MIRROR).counts["removed"] == 1
    assert export.run(segment(people(1)), display_name="daily", **MIRROR).counts == {"received": 1, "unchanged": 1}
    assert export.on_list() == on(1)


def test_a_changed_address_is_a_leave_and_a_join_in_one_run(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    ran = export.run(segment([*people(1), person(2, EMail=address(20))]), **MIRROR)
    assert ran.counts == {"received": 2, "unchanged": 1, "created": 1, "removed": 1}
    assert export.on_list() == on(1, 20)


def test_an_address_in_another_spelling_of_its_case_neither_leaves_nor_joins(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    ran = export.run(segment([*people(1), person(2, EMail=address(2).upper())]), **MIRROR)
    assert "removed" not in ran.counts
    assert len(export.on_list()) == 2


def test_people_whom_we_never_sent_are_left_alone(export: Export) -> None:
    export.add_by_hand("hand@example.com")
    export.run(segment(people(1, 2)), **MIRROR)
    export.run(segment(people(1)), adopt_existing=True, **MIRROR)
    assert export.on_list() == {*on(1), "hand@example.com"}


def test_who_has_unsubscribed_and_then_left_the_segment_stays_unsubscribed(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    export.unsubscribe(address(2))
    for rows in (people(1), people(1, 2), people(1, 2, City="Moved")):
        assert export.run(segment(rows), **MIRROR).code == 0
    assert export.on_list() == on(1)


@pytest.mark.parametrize("rows", [people(1, 2, City="Moved"), people(1, 2)], ids=["changed", "mapping-changed"])
def test_a_change_puts_nobody_back_who_has_left_the_list_by_their_own_act(
    to_constant_contact: Export, rows: list[dict[str, Any]]
) -> None:
    export = to_constant_contact
    export.run(segment(people(1, 2)), **MIRROR)
    export.leave(address(2))
    ran = export.run(segment(rows), field_mapping=MAPPING | {"custom_fields": {"City": ["City", "Town"]}}, **MIRROR)
    assert ran.counts == {"received": 2, "updated": 2}
    assert export.on_list() == on(1)
