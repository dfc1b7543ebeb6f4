"""A person who is to be forgotten and an export that is purged leave no trace on this machine, whatever was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from audience_sdk.ledger.locks import held
from crash_export import KILLED, Export, address, people, person, segment
from crash_runner import AtCall

if TYPE_CHECKING:
    from pathlib import Path

ANNA, BAO = address(1), address(2)
_IN_FLIGHT = AtCall("audience_sdk.ledger.store:Ledger.journal", 2, after=True)


def traces(export: Export, email: str) -> list[Path]:
    """The files below the ledger's and the output's folder that hold an address, in any spelling of its case."""
    folders = (export.ledger.parent, export.folder / "output")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if email.encode() in path.read_bytes().lower()]


def live(export: Export) -> None:
    """Let Anna leave all the traces that there are: on the list, as a duplicate, as a leaver, in a killed run."""
    twice = [*people(*range(60)), person(1, CustomerId="c1b", EMail=ANNA.upper())]
    export.run(segment(twice))
    export.run(segment(people(*range(2, 60))), sync_mode="mirror")
    assert export.run(segment([*twice, *people(*range(100, 150))]), death=_IN_FLIGHT).code == KILLED


def test_a_forgotten_person_leaves_no_trace_and_everybody_else_stays(export: Export) -> None:
    live(export)
    assert {path.suffix for path in traces(export, ANNA)} >= {".db", ".jsonl"}
    forgotten = export.maintain("--forget", f" {ANNA.upper()}\n")
    assert forgotten.code == 0, forgotten.log
    assert ANNA not in forgotten.log.lower()
    assert traces(export, ANNA) == []
    assert traces(export, BAO)
    assert export.run(segment(people(2))).counts == {"received": 1, "unchanged": 1}


@pytest.mark.parametrize("numbers", [(1, 2, 3), (0, 1), (1,)], ids=["first", "last", "alone"])
def test_a_person_at_the_end_of_a_batch_in_flight_leaves_no_trace_and_the_others_are_settled(
    export: Export, numbers: tuple[int, ...]
) -> None:
    death = AtCall("audience_sdk.ledger.store:Ledger.confirm")
    assert export.run(segment(people(*numbers)), death=death).code == KILLED
    assert export.maintain("--forget", f"{ANNA}\n").code == 0
    assert traces(export, ANNA) == []
    others = [number for number in numbers if number != 1]
    assert export.run(segment(people(*others, 9))).code == 0
    assert export.on_list() == {ANNA, address(9), *map(address, others)}


def test_what_a_job_says_is_not_believed_of_the_others_once_one_of_its_people_is_forgotten(
    to_constant_contact: Export,
) -> None:
    # Its counter tells how many of all have landed: one too few may be the one who is forgotten, or another.
    export = to_constant_contact
    death = AtCall("audience_sdk.ledger.store:Ledger.journal_job", after=True)
    assert export.run(segment(people(0, 1, 2)), death=death).code == KILLED
    assert export.maintain("--forget", f"{ANNA}\n").code == 0
    rerun = export.run(segment(people(0, 2)))
    assert rerun.code == 0, rerun.log
    assert rerun.counts == {"received": 2, "created": 2}


def test_the_address_is_asked_for_on_standard_input_and_a_wrong_one_is_named_as_such(
    to_campaign_monitor: Export,
) -> None:
    ran = to_campaign_monitor.maintain("--forget", "anna\n")
    assert ran.code == 1
    assert "CIX-510" in ran.log
    nothing = to_campaign_monitor.maintain("--forget", "\n")
    assert "CIX-510: No address was given" in nothing.log


def test_it_is_said_that_nobody_has_the_address(to_campaign_monitor: Export) -> None:
    to_campaign_monitor.run(segment(people(1)))
    stranger = to_campaign_monitor.maintain("--forget", BAO)
    assert stranger.code == 0, stranger.log
    assert "No contact in" in stranger.log
    assert BAO not in stranger.log
    known = to_campaign_monitor.maintain("--forget", ANNA)
    assert "No contact in" not in known.log
    assert "Forgotten in" in known.log


def test_a_run_that_was_killed_before_it_staged_anything_is_no_hindrance(to_campaign_monitor: Export) -> None:
    export = to_campaign_monitor
    export.run(segment(people(1)))
    death = AtCall("audience_sdk.ledger.planned:make_private", after=True)
    assert export.run(segment(people(1, 2)), death=death).code == KILLED
    forgotten = export.maintain("--forget", ANNA)
    assert forgotten.code == 0, forgotten.log
    assert traces(export, ANNA) == []


def test_half_a_line_that_a_full_disk_has_left_does_not_keep_a_person(to_campaign_monitor: Export) -> None:
    export = to_campaign_monitor
    ran = export.run(segment([*people(1, 2), person(1, CustomerId="again")]))
    assert ran.folder is not None
    rejected = ran.folder / "rejected.jsonl"
    rejected.write_bytes(rejected.read_bytes() + f'{{"row_key": "c1", "email": "{ANNA}", "outc'.encode())
    assert export.maintain("--forget", ANNA).code == 0
    assert traces(export, ANNA) == []


def test_a_damaged_file_of_a_killed_run_does_not_keep_a_person(to_campaign_monitor: Export) -> None:
    export = to_campaign_monitor
    export.run(segment(people(1)), death=AtCall("audience_sdk.run:check_guards"))
    [staged] = export.staged_files()
    staged.write_bytes(staged.read_bytes()[:5_000] + ANNA.encode())
    assert export.maintain("--forget", ANNA).code == 0
    assert traces(export, ANNA) == []


def test_the_reports_of_every_target_on_this_machine_forget_a_person(to_constant_contact: Export) -> None:
    one = to_constant_contact
    shared = {"ledger_url": one.config["ledger_url"], "output_dir": one.config["output_dir"]}
    other = Export("campaign_monitor", one.sandbox, one.folder / "other", shared)
    twice = [*people(1), person(1, CustomerId="c1b")]
    one.run(segment(twice))
    other.run(segment(twice))
    assert len(traces(one, ANNA)) == 3
    assert one.maintain("--forget", ANNA).code == 0
    assert traces(one, ANNA) == []


def test_nobody_is_forgotten_while_a_run_could_write_them_back(to_campaign_monitor: Export) -> None:
    export = to_campaign_monitor
    export.run(segment(people(1)))
    with export.open() as process:
        assert process.stdin is not None
        process.stdin.write(b'{"type": "SCHEMA", "stream": "Newsletter", "key_properties": [], "schema": ')
        process.stdin.write(b'{"properties": {"EMail": {}, "FirstName": {}, "City": {}}}}\n')
        process.stdin.flush()
        export.await_that(lambda: bool(export.staged_files()))
        busy = export.maintain("--forget", ANNA)
        process.kill()
    assert busy.code == 1
    assert "CIX-502" in busy.log
    assert export.maintain("--forget", ANNA).code == 0


def test_a_purged_export_leaves_no_trace_and_other_exports_stay(export: Export) -> None:
    second = export.make_list()
    live(export)
    export.run(segment([*people(300), person(300, CustomerId="other")]), list_id=second)
    purged = export.maintain("--purge")
    assert purged.code == 0, purged.log
    assert [traces(export, address(n)) for n in (*range(60), *range(100, 150))] == [[]] * 110
    assert export.staged_files() == []
    assert {path.name for path in traces(export, address(300))} == {"ledger.db", "rejected.jsonl"}
    assert export.run(segment(people(300)), list_id=second).counts == {"received": 1, "unchanged": 1}


def test_a_purged_export_can_be_set_up_again(export: Export) -> None:
    export.run(segment(people(1, 2)))
    export.maintain("--purge")
    assert export.run(segment(people(1, 2))).code == 0
    assert export.on_list() == {ANNA, BAO}


def test_nobody_is_forgotten_while_a_run_onto_a_new_list_plans(to_campaign_monitor: Export) -> None:
    """The list is not in the ledger when the lists are locked, so the run's own lock has to tell."""
    export = to_campaign_monitor
    export.run(segment(people(1)))
    plan = export.ledger.with_name("ledger.db.staged-another")
    plan.touch(0o600)
    with held(export.ledger, "run another"):
        busy = export.maintain("--forget", ANNA)
    assert busy.code == 1
    assert "CIX-502" in busy.log
    assert plan.exists()
    assert export.maintain("--forget", ANNA).code == 0
    assert not plan.exists()
