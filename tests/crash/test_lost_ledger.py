"""Promise 7: the ledger can be lost, damaged or newer than the program, and nobody suffers from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.ledger.schema import MIGRATIONS
from crash_export import KILLED, address, people, segment
from crash_runner import AtCall

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crash_export import Export

MIRROR: dict[str, Any] = {"sync_mode": "mirror", "max_removal_ratio": 1}
_MAY_HAVE_LEFT = "CIX-708"


def on(*numbers: int) -> set[str]:
    return {address(number) for number in numbers}


def lose(export: Export) -> None:
    """Lose the ledger, and nothing else."""
    for path in export.ledger_files():
        if path.name in {"ledger.db", "ledger.db-wal", "ledger.db-shm"}:
            path.unlink()


def rebuild(export: Export) -> None:
    export.forget_requests()
    ran = export.maintain("--rebuild-ledger")
    assert ran.code == 0, ran.log
    assert export.writes() == []
    assert {path.stat().st_mode & 0o777 for path in export.ledger_files()} == {0o600}


def left_by_own_act(export: Export, number: int) -> None:
    """Somebody leaves the list in the way that the platform has for it, or is taken off by its owner."""
    if export.is_campaign_monitor:
        export.sandbox.seed(export.platform, subscribers=[{"email": address(number), "state": "Deleted"}])
    else:
        export.leave(address(number))


def test_after_a_rebuild_mirror_takes_nobody_off_whom_it_cannot_know_to_be_ours(export: Export) -> None:
    export.add_by_hand("hand@example.com")
    export.run(segment(people(1, 2, 3)), **MIRROR)
    lose(export)
    rebuild(export)
    again = export.run(segment(people(1, 2)), **MIRROR)
    assert again.code == 0
    [(told, people_who_stay)] = again.summary["warnings"].items()
    assert ("Stay on the list" in told, people_who_stay) == (True, 2)
    assert export.run(segment(people(1, 4)), **MIRROR).code == 0
    assert export.on_list() == {*on(1, 2, 3, 4), "hand@example.com"}
    assert export.run(segment(people(1)), **MIRROR).counts["removed"] == 1, "who joined after the rebuild is ours"
    assert export.on_list() == {*on(1, 2, 3), "hand@example.com"}


def test_a_list_that_belongs_to_the_export_is_adopted_whole(export: Export) -> None:
    export.add_by_hand("hand@example.com")
    export.run(segment(people(1, 2, 3)), **MIRROR)
    lose(export)
    rebuild(export)
    ran = export.run(segment(people(1)), adopt_existing=True, **MIRROR)
    assert ran.counts == {"received": 1, "updated": 1, "removed": 3}
    assert export.on_list() == on(1)


def test_the_guards_know_the_members_of_a_rebuilt_ledger(export: Export) -> None:
    export.run(segment(people(*range(60))), **MIRROR)
    lose(export)
    rebuild(export)
    ran = export.run(segment(people(*range(30))), adopt_existing=True, sync_mode="mirror")
    assert ran.summary["error"]["code"] == "CIX-508"
    assert "30 of 60" in ran.summary["error"]["message"]


def test_people_who_may_have_left_are_held_back_and_counted_until_the_export_readmits_them(export: Export) -> None:
    export.run(segment(people(1, 2, 3)))
    left_by_own_act(export, 2)
    lose(export)
    rebuild(export)
    for _ in range(2):
        ran = export.run(segment(people(1, 2, 3, 4)))
        assert ran.code == 0
        assert ran.counts["suppressed"] == 1
        [line] = ran.rejected
        assert (line["email"], line["code"]) == (address(2), _MAY_HAVE_LEFT)
        assert export.on_list() == on(1, 3, 4)
    assert export.run(segment(people(1, 2, 3, 4)), readmit=True).counts == {"received": 4, "unchanged": 3, "created": 1}
    assert export.on_list() == on(1, 2, 3, 4)


@pytest.mark.parametrize("readmit", [False, True])
def test_whom_a_killed_readmission_has_put_back_leaves_with_the_segment(export: Export, readmit: bool) -> None:
    export.run(segment(people(1, 2, 3)))
    left_by_own_act(export, 2)
    lose(export)
    rebuild(export)
    landed = "confirm" if export.is_campaign_monitor else "journal_job"
    death = AtCall(f"audience_sdk.ledger.store:Ledger.{landed}", about="action='create'")
    assert export.run(segment(people(1, 2, 3)), readmit=True, death=death).code == KILLED
    assert export.on_list() == on(1, 2, 3)
    assert export.run(segment(people(1, 2, 3))).counts["suppressed"] == 1, "one run alone may readmit"
    assert export.run(segment(people(1, 3)), readmit=readmit, **MIRROR).counts["removed"] == 1
    assert export.on_list() == on(1, 3)


def test_readmission_resubscribes_nobody(export: Export) -> None:
    export.run(segment(people(1, 2, 3)))
    export.unsubscribe(address(2))
    lose(export)
    rebuild(export)
    for settings in ({}, {"readmit": True}, {"readmit": True, "full_resync": True}, {}):
        assert export.run(segment(people(1, 2, 3)), **settings).counts["suppressed"] == 1
        assert export.on_list() == on(1, 3)


def test_a_rebuild_while_something_is_in_flight_forgets_it(export: Export) -> None:
    export.run(segment(people(1, 2)))
    in_flight = AtCall("audience_sdk.ledger.store:Ledger.journal", after=True)
    assert export.run(segment(people(1, 2, 3)), death=in_flight).code == KILLED
    rebuild(export)
    assert export.run(segment(people(1, 2, 3))).code == 0
    assert export.on_list() == on(1, 2, 3)
    assert export.staged_files() == []


def test_a_rebuild_waits_for_what_a_killed_run_has_left_in_flight(to_constant_contact: Export) -> None:
    export = to_constant_contact
    assert export.run(segment(people(1, 2)), **MIRROR).code == 0
    export.leave(address(3))
    export.sandbox.switch("constant_contact.activity_work_seconds", 3)
    death = AtCall("audience_sdk.ledger.store:Ledger.journal_job", after=True)
    assert export.run(segment(people(1, 2, 3)), death=death, **MIRROR).code == KILLED
    rebuild(export)
    assert export.on_list() == on(1, 2, 3), "the import had not ended when the list was read"
    assert export.run(segment(people(1, 2)), **MIRROR, adopt_existing=True).code == 0
    assert export.on_list() == on(1, 2)


def test_nobody_is_rebuilt_twice_by_the_same_rebuild(export: Export) -> None:
    export.run(segment(people(*range(30))))
    for _ in range(2):
        rebuild(export)
    assert export.run(segment(people(*range(30)))).counts == {"received": 30, "updated": 30}
    assert len(export.on_list()) == 30


def test_without_a_rebuild_everybody_is_sent_again_and_the_list_is_the_same(export: Export) -> None:
    export.run(segment(people(1, 2)))
    before = export.members()
    lose(export)
    assert export.run(segment(people(1, 2))).counts["received"] == 2
    assert export.members() == before


def _garbage(path: Path) -> None:
    path.write_bytes(b"This is no database." * 1_000)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _zero_a_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = bytes(4096)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_garbage, _cut, _zero_a_page])
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_damaged_ledger_is_reported_left_as_it_is_and_not_used(
    to_campaign_monitor: Export, damage: Callable[[Path], None], dry_run: bool
) -> None:
    export = to_campaign_monitor
    export.run(segment(people(*range(400))))
    damage(export.ledger)
    export.forget_requests()
    before = export.ledger.read_bytes()
    ran = export.run(segment(people(*range(400), City="Moved")), dry_run=dry_run)
    assert (ran.code, ran.states) == (1, [])
    assert ran.summary["error"]["code"] == "CIX-601"
    assert export.ledger.read_bytes() == before
    assert export.writes() == []


@pytest.mark.parametrize("argument", ["--rebuild-ledger", "--forget", "--purge"])
def test_no_other_command_uses_a_damaged_ledger(to_campaign_monitor: Export, argument: str) -> None:
    export = to_campaign_monitor
    export.run(segment(people(*range(400))))
    _zero_a_page(export.ledger)
    before = export.ledger.read_bytes()
    ran = export.maintain(argument, address(1))
    assert ran.code == 1
    assert "CIX-601" in ran.log
    assert export.ledger.read_bytes() == before


def test_a_ledger_of_a_newer_program_is_refused(to_campaign_monitor: Export) -> None:
    export = to_campaign_monitor
    export.run(segment(people(1)))
    with closing(sqlite3.connect(export.ledger)) as ledger:
        ledger.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    export.forget_requests()
    ran = export.run(segment(people(1, 2)))
    assert ran.summary["error"]["code"] == "CIX-601"
    assert "newer version" in ran.summary["error"]["message"]
    assert export.writes() == []


def test_old_runs_are_pruned_and_what_is_in_flight_is_not(to_campaign_monitor: Export) -> None:
    export = to_campaign_monitor
    few = {"audience_sdk.ledger.store:KEEP_RUNS": 3}
    for _ in range(5):
        export.run(segment(people(1)), tuning=few)
    with closing(sqlite3.connect(export.ledger)) as ledger:
        assert ledger.execute("SELECT count(*) FROM runs").fetchone() == (3,)
