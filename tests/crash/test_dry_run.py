"""Promise 4: a dry run is the plan and nothing else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from crash_export import MAPPING, address, people, person, segment

if TYPE_CHECKING:
    from crash_export import Export, Ran

DRY = {"dry_run": True, "sync_mode": "mirror"}
_HASH = re.compile(r"[0-9a-f]{16}").fullmatch


def ledger_bytes(export: Export) -> dict[str, bytes]:
    """The ledger with all that SQLite keeps beside it; an empty log and its index say nothing."""
    parts = [export.ledger, export.ledger.with_name("ledger.db-wal"), *export.staged_files()]
    return {path.name: content for path in parts if path.exists() and (content := path.read_bytes())}


def plan_of(export: Export, ran: Ran) -> dict[str, object]:
    """The plan of the export's list, the counts alone that are not 0."""
    return {name: value for name, value in ran.plan[export.list_id].items() if value and name != "sample"}


@pytest.fixture
def lived(export: Export) -> Export:
    """An export with a past, so that everything is in the plan that can be."""
    export.run(segment(people(*range(40))))
    export.unsubscribe(address(0))
    export.run(segment(people(*range(40))), full_resync=True)
    export.forget_requests()
    return export


ROWS = [
    *people(*range(10), City="Moved"),
    *people(*range(10, 30)),
    *people(50, 51, 51),
    person(60, EMail="nobody"),
]


def test_the_plan_is_written_with_all_counts(lived: Export) -> None:
    ran = lived.run(segment(ROWS), **DRY)
    assert ran.code == 0
    assert ran.summary["status"] == "planned"
    assert ran.counts == {
        "received": 34,
        "invalid": 1,
        "duplicate": 1,
        "suppressed": 1,
        "unchanged": 20,
        "updated": 9,
        "created": 2,
        "removed": 10,
    }
    assert plan_of(lived, ran) == {
        "people": 32,
        "duplicate": 1,
        "unchanged": 20,
        "create": 2,
        "update": 9,
        "remove": 10,
        "held": 1,
        "members_before": 39,
    }
    assert re.search(r"created +│ +2 ", ran.log), "the counts are printed too"


def test_the_samples_are_keyed_hashes_that_stay_the_same_and_name_nobody(lived: Export) -> None:
    first, second = (lived.run(segment(ROWS), **DRY) for _ in range(2))
    samples = first.plan[lived.list_id]["sample"]
    assert samples == second.plan[lived.list_id]["sample"]
    assert {action: len(hashes) for action, hashes in samples.items()} == {"create": 2, "update": 5, "remove": 5}
    hashes = [each for hashes in samples.values() for each in hashes]
    assert len(set(hashes)) == 12
    assert all(map(_HASH, hashes))
    assert "@" not in json.dumps(first.plan)


def test_the_same_person_has_another_hash_on_another_machine(to_campaign_monitor: Export) -> None:
    export = to_campaign_monitor
    samples = []
    for _ in range(2):
        export.run(segment(people(1)))
        ran = export.run(segment(people(1, City="Moved")), **DRY)
        samples.append(ran.plan[export.list_id]["sample"]["update"])
        export.ledger.unlink()
    assert samples[0] != samples[1]


def test_nothing_is_sent_and_nothing_is_kept(lived: Export) -> None:
    before = ledger_bytes(lived)
    members = lived.members()
    ran = lived.run(segment(ROWS), **DRY)
    assert ran.states == []
    assert lived.writes() == []
    assert ledger_bytes(lived) == before
    assert lived.members() == members


def test_before_the_first_run_there_is_a_plan_and_still_no_ledger(export: Export) -> None:
    ran = export.run(segment(people(1, 2)), **DRY)
    assert plan_of(export, ran) == {"people": 2, "create": 2}
    assert not export.ledger.exists()
    assert ledger_bytes(export) == {}
    assert export.writes() == []


def test_the_plan_is_what_the_run_then_does(lived: Export) -> None:
    planned = lived.run(segment(ROWS), **DRY).counts
    done = lived.run(segment(ROWS), sync_mode="mirror").counts
    assert done == planned


def test_the_plan_names_a_changed_mapping(lived: Export) -> None:
    mapping = MAPPING | {"custom_fields": {"City": "Town"}}
    ran = lived.run(segment(people(*range(40))), field_mapping=mapping, **DRY)
    assert plan_of(lived, ran)["mapping_changed"] is True


def test_the_guards_stand_before_the_plan_is_believed(lived: Export) -> None:
    ran = lived.run(segment(people(1)), **DRY)
    assert ran.code == 1
    assert ran.summary["error"]["code"] == "CIX-508"
    assert lived.writes() == []
