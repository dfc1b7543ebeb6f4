"""Promise 1: only differences are sent, and the summary says why something was sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crash_export import MAPPING, address, people, person, segment

if TYPE_CHECKING:
    from crash_export import Export

_MAPPING_CHANGED = "Sent again: the field mapping has changed since the last run."
TOWN = MAPPING | {"custom_fields": {"City": "Town"}}


def test_a_second_run_over_an_unchanged_segment_makes_no_write_request(export: Export) -> None:
    rows = segment(people(*range(50)))
    export.run(rows)
    export.forget_requests()
    ran = export.run(rows)
    assert ran.counts == {"received": 50, "unchanged": 50}
    assert export.writes() == []


def test_joins_and_changes_alone_are_sent(export: Export) -> None:
    export.run(segment(people(*range(50))))
    export.forget_requests()
    ran = export.run(segment([*people(*range(47)), *people(47, 48, City="Moved"), *people(49, 50, 51, 52)]))
    assert ran.counts == {"received": 53, "unchanged": 48, "updated": 2, "created": 3}
    assert export.rows_sent() == 5
    assert export.shown()[address(48)] == ("Given48", "Moved")


def test_a_changed_mapping_sends_what_it_changes_and_says_why(export: Export) -> None:
    rows = segment([*people(1, 2), person(3, Town="Ribe")])
    assert _MAPPING_CHANGED not in export.run(rows).summary["warnings"]
    export.forget_requests()
    ran = export.run(rows, field_mapping=TOWN)
    assert ran.counts == {"received": 3, "updated": 2, "unchanged": 1}
    assert ran.summary["warnings"][_MAPPING_CHANGED] == 2
    assert export.rows_sent() == 2
    assert {city for _, city in export.shown().values()} == {"Aarhus", "Ribe"}


def test_a_mapping_that_was_changed_once_is_not_named_again(export: Export) -> None:
    export.run(segment(people(1, 2)))
    export.run(segment(people(1, 2)), field_mapping=TOWN)
    ran = export.run(segment(people(1, 2, City="Moved", Town="Moved")), field_mapping=TOWN)
    assert ran.counts == {"received": 2, "updated": 2}
    assert _MAPPING_CHANGED not in ran.summary["warnings"]


def test_a_full_resync_sends_everybody_once_more(export: Export) -> None:
    rows = segment(people(*range(30)))
    export.run(rows)
    export.forget_requests()
    ran = export.run(rows, full_resync=True)
    assert ran.counts == {"received": 30, "updated": 30}
    assert export.rows_sent() == 30
    assert export.run(rows).counts == {"received": 30, "unchanged": 30}


def test_a_full_resync_brings_nobody_back_who_has_left(export: Export) -> None:
    export.run(segment(people(1, 2, 3)))
    export.unsubscribe(address(1))
    if not export.is_campaign_monitor:
        export.leave(address(2))
    before = export.on_list()
    assert export.run(segment(people(1, 2, 3)), full_resync=True).code == 0
    assert export.on_list() == before
    assert address(1) not in before


def test_a_run_that_has_no_success_is_not_taken_for_what_is_confirmed(export: Export) -> None:
    export.sandbox.fault("status", platform=export.platform, path="import", status=503)
    ran = export.run(segment(people(1, 2)))
    assert (ran.code, ran.counts) == (1, {"received": 2, "failed": 2})
    export.sandbox.control("DELETE", "/faults")
    assert export.run(segment(people(1, 2))).counts == {"received": 2, "created": 2}
