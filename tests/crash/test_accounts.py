"""Promise 5: every received row has one outcome, and what can still be mended is tried again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from crash_export import address, people, person, segment

if TYPE_CHECKING:
    from crash_export import Export

_DAY = 86_400


def let_days_pass(export: Export, days: int) -> None:
    """Make the ledger older than it is."""
    with closing(sqlite3.connect(export.ledger)) as ledger:
        ledger.execute("UPDATE contacts SET changed_at = changed_at - ?", (days * _DAY,))
        ledger.commit()


def test_every_kind_of_row_is_counted_once(export: Export) -> None:
    """The identity itself is checked after every run of this folder, in `Ran.check`."""
    export.run(segment(people(1, 2, 3)))
    export.unsubscribe(address(2))
    rows = [
        *people(1),
        *people(2, City="Moved"),
        *people(3, City="Moved"),
        *people(4, 5, 5),
        person(6, EMail=None),
        person(7, EMail="person7"),
    ]
    ran = export.run(segment(rows))
    assert ran.counts == {
        "received": 8,
        "unchanged": 1,
        "suppressed": 1,
        "updated": 1,
        "created": 2,
        "duplicate": 1,
        "invalid": 2,
    }


def test_the_last_of_several_rows_with_one_address_is_taken_and_the_others_are_listed(export: Export) -> None:
    rows = [
        person(1, FirstName="First"),
        person(2, EMail=address(1).upper(), FirstName="Second"),
        person(3, EMail=f" {address(1)} ", FirstName="Third"),
    ]
    ran = export.run(segment(rows))
    assert ran.counts == {"received": 3, "created": 1, "duplicate": 2}
    assert [name for name, _ in export.shown().values()] == ["Third"]
    assert [(line["row_key"], line["outcome"]) for line in ran.rejected] == [("c1", "duplicate"), ("c2", "duplicate")]


def test_a_person_in_two_segments_of_a_list_is_taken_from_the_last(export: Export) -> None:
    ran = export.run(segment(people(1, FirstName="A"), "A") + segment(people(1, FirstName="B"), "B"))
    assert ran.counts == {"received": 2, "created": 1, "duplicate": 1}
    assert [name for name, _ in export.shown().values()] == ["B"]


def test_rejected_rows_are_tried_again_in_the_next_run(to_constant_contact: Export) -> None:
    export = to_constant_contact
    export.sandbox.switch("constant_contact.import_email_length", 25)
    rows = [*people(1), person(2, EMail="a.rather.long.address@example.com")]
    for _ in range(2):
        export.forget_requests()
        ran = export.run(segment(rows))
        assert ran.counts["rejected"] == 1
        assert export.rows_sent() in {1, 2}
    export.sandbox.switch("constant_contact.import_email_length", 50)
    assert export.run(segment(rows)).counts == {"received": 2, "unchanged": 1, "created": 1}


def test_failed_and_deferred_rows_are_tried_again_in_the_next_run(export: Export) -> None:
    rows = segment(people(*range(120)))
    export.sandbox.fault("status", platform=export.platform, path="import", status=503, skip=1)
    ran = export.run(rows)
    assert ran.code == 1
    left = ran.counts["failed"] + ran.counts["deferred"]
    assert ran.counts.get("created", 0) == 120 - left
    export.sandbox.control("DELETE", "/faults")
    again = export.run(rows)
    assert again.code == 0
    assert again.counts["created"] == left
    assert len(export.on_list()) == 120


def test_suppressed_people_are_not_asked_for_until_the_answer_could_have_changed(export: Export) -> None:
    rows = segment(people(1, 2))
    export.run(rows)
    export.unsubscribe(address(1))
    assert export.run(segment(people(1, 2, City="Moved"))).counts == {"received": 2, "updated": 1, "suppressed": 1}
    for days, rows_sent in ((0, 0), (6, 0), (2, 1), (0, 0)):
        let_days_pass(export, days)
        export.forget_requests()
        ran = export.run(segment(people(1, 2, City="Moved")))
        assert ran.counts == {"received": 2, "unchanged": 1, "suppressed": 1}
        assert export.rows_sent() == rows_sent
    assert export.on_list() == {address(2)}


def test_how_long_suppressed_people_are_left_alone_is_a_setting(export: Export) -> None:
    export.unsubscribe(address(1))
    for _ in range(2):
        export.forget_requests()
        assert export.run(segment(people(1)), ask_suppressed_again_days=0).counts == {"received": 1, "suppressed": 1}
        # Campaign Monitor is asked by reading its suppression list, which leaves nothing to send.
        asked = export.reads("/suppressionlist.json") if export.is_campaign_monitor else export.rows_sent()
        assert asked == 1
    assert export.on_list() == set()


def test_too_many_refused_rows_fail_the_run_and_keep_the_bookmark(export: Export) -> None:
    rows = [*people(1, 2, 3), *people(4, 5, EMail="nobody")]
    ran = export.run(segment(rows), max_rejected_ratio=0.3)
    assert (ran.code, ran.states) == (1, [])
    assert ran.summary["error"]["code"] == "CIX-503"
    assert export.on_list() == {address(1), address(2), address(3)}
