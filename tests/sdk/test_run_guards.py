"""A run that must not begin says why, names the setting, and has sent nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import CREDENTIALS_REFUSED, CixError
from audience_sdk.ledger.schema import MIGRATIONS
from export_harness import MAPPING, STATE, Export, Result, key, people, person, records, schema, segment

if TYPE_CHECKING:
    from collections.abc import Mapping


def assert_stopped(export: Export, result: Result, code: str) -> str:
    """Check that a run ended with one clear line and sent nothing; return the line."""
    (line,) = result.error_lines()
    assert line.startswith(f"{code}: ")
    assert result.exit_code == 1
    assert result.states == []
    assert export.platform.batches == []
    return line


def test_a_run_that_is_stopped_by_a_guard_leaves_its_report(export: Export) -> None:
    result = export.run(segment([*people(1, 2, 3), person(4, EMail="")]), max_profiles=2)

    assert_stopped(export, result, "CIX-501")
    assert result.counts() == {"received": 4, "invalid": 1, "deferred": 3}
    assert result.summary["status"] == "failed"
    assert result.summary["error"]["code"] == "CIX-501"


def test_more_people_than_allowed_stop_the_run_with_the_numbers_and_the_setting(export: Export) -> None:
    line = assert_stopped(export, export.run(segment(people(1, 2, 3)), max_profiles=2), "CIX-501")

    assert "3 different people" in line
    assert "`max_profiles` is 2" in line


def test_people_are_counted_and_not_rows(export: Export) -> None:
    export.platform.lists["L2"] = {}
    rows = [*people(1, 2), person(3, EMail=key(1))]
    result = export.run(segment(rows), max_profiles=2, lists={"Readers": ["L1", "L2"]})

    assert result.exit_code == 0, result.log


def test_refused_credentials_stop_the_run_before_anything_is_read(export: Export) -> None:
    export.platform.check_error = CixError(CREDENTIALS_REFUSED, "No.")
    result = export.run(segment(people(1)))

    assert_stopped(export, result, "CIX-402")
    assert result.counts() == {}
    assert result.summary["status"] == "failed"


def test_an_unknown_list_is_named(export: Export) -> None:
    line = assert_stopped(export, export.run(segment(people(1)), lists={"Readers": ["L1", "L9"]}), "CIX-404")

    assert "L9" in line


def test_a_segment_without_a_list_is_named(export: Export) -> None:
    result = export.run(segment(people(1)), list_id="", lists={"Buyers": "L1"})

    assert "`Readers`" in assert_stopped(export, result, "CIX-105")


@pytest.mark.parametrize(
    ("mapping", "code", "entry", "guess"),
    [
        ({"email": "Email"}, "CIX-103", "field_mapping.email", "EMail"),
        ({"first_name": "Frist"}, "CIX-103", "field_mapping.first_name", "First"),
        (
            {"custom_fields": {"Loyalty": ["Points", "pints"]}},
            "CIX-103",
            "field_mapping.custom_fields.Loyalty",
            "Points",
        ),
        ({"firstname": "First"}, "CIX-104", "field_mapping.firstname", "first_name"),
        ({"custom_fields": {"Loyaltee": "Points"}}, "CIX-104", "field_mapping.custom_fields", "Loyalty"),
    ],
)
def test_a_mapping_that_cannot_work_is_told_with_the_nearest_match(
    export: Export, mapping: dict[str, Any], code: str, entry: str, guess: str
) -> None:
    line = assert_stopped(export, export.run(segment(people(1)), field_mapping=MAPPING | mapping), code)

    assert f"`{entry}`" in line
    assert f"`{guess}`" in line


def test_a_ledger_of_a_newer_program_is_not_used(export: Export) -> None:
    export.run(segment(people(1)))
    export.platform.batches.clear()
    with export.open_ledger() as ledger:
        ledger.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")

    assert str(export.ledger) in assert_stopped(export, export.run(segment(people(1, 2))), "CIX-601")


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("damage", ["garbage", "another page"])
def test_a_damaged_ledger_is_not_used(export: Export, damage: str, dry_run: bool) -> None:
    """Damage is found before the first request, in whatever page it is."""
    export.run(segment(people(*range(300))))
    whole = export.ledger.read_bytes()
    pages = [whole[start : start + 4096] for start in range(0, len(whole), 4096)]
    found = 0
    for number in range(len(pages)):
        export.platform.batches.clear()
        wrong = b"\xa5" * 4096 if damage == "garbage" else pages[(number + 1) % len(pages)]
        export.ledger.write_bytes(b"".join([*pages[:number], wrong, *pages[number + 1 :]]))
        result = export.run(segment(people(*range(301))), dry_run=dry_run)
        if result.exit_code:
            assert str(export.ledger) in assert_stopped(export, result, "CIX-601")
            found += 1
        else:
            assert result.counts() == {"received": 301, "unchanged": 300, "created": 1}, "a page that nothing needs"

    assert found > 5


def test_a_truncated_ledger_is_not_used(export: Export) -> None:
    export.run(segment(people(*range(300))))
    export.platform.batches.clear()
    export.ledger.write_bytes(export.ledger.read_bytes()[: 5 * 4096])

    assert_stopped(export, export.run(segment(people(*range(300)))), "CIX-601")


def test_a_ledger_url_that_names_no_file_is_refused(export: Export) -> None:
    result = export.run(segment(people(1)), ledger_url="postgres://user:s-value@host/db")

    assert "s-value" not in assert_stopped(export, result, "CIX-106")


def test_an_output_folder_that_cannot_be_is_named(export: Export) -> None:
    (export.folder / "file").touch()
    result = export.run(segment(people(1)), output_dir=str(export.folder / "file"))

    assert str(export.folder / "file") in assert_stopped(export, result, "CIX-603")


BATCH = {"type": "BATCH", "stream": "Readers", "encoding": {"format": "jsonl"}, "manifest": []}
KEYLESS = {"EMail": "s-value"}
BAD_INPUT: dict[str, tuple[list[Mapping[str, Any] | str], str, str]] = {
    "no JSON": ([schema(), "s-value"], "CIX-301", "Line 2"),
    "no JSON after a blank line": ([schema(), "", '{"type": "RECORD", s-value'], "CIX-301", "Line 3"),
    "unknown type": ([schema(), {"type": "s-value"}], "CIX-301", "Line 2"),
    "a record that is no object": (
        [schema(), {"type": "RECORD", "stream": "Readers", "record": ["s-value"]}],
        "CIX-301",
        "Line 2",
    ),
    "SCHEMA without stream": ([{"type": "SCHEMA", "schema": {"properties": {"s-value": {}}}}], "CIX-301", "Line 1"),
    "SCHEMA without schema": ([{"type": "SCHEMA", "stream": "s-value"}], "CIX-301", "Line 1"),
    "SCHEMA without properties": ([schema() | {"schema": {"s-value": 1}}], "CIX-301", "Line 1"),
    "SCHEMA that is null": ([schema() | {"schema": None}], "CIX-301", "Line 1"),
    "SCHEMA that is a list": ([schema() | {"schema": ["properties"]}], "CIX-301", "Line 1"),
    "properties that are a list": ([schema() | {"schema": {"properties": ["s-value"]}}], "CIX-301", "Line 1"),
    "STATE without value": ([schema(), {"type": "STATE", "s-value": 1}], "CIX-301", "Line 2"),
    "ACTIVATE_VERSION without stream": ([schema(), {"type": "ACTIVATE_VERSION", "version": 1}], "CIX-301", "Line 2"),
    "BATCH without encoding": ([schema(), {**BATCH, "encoding": None}], "CIX-301", "Line 2"),
    "BATCH without format": ([schema(), {**BATCH, "encoding": {}}], "CIX-301", "Line 2"),
    "BATCH before schema": ([BATCH], "CIX-302", "`Readers`"),
    "record before schema": ([*records(people(1)), schema()], "CIX-302", "Line 1"),
    "record of another stream": ([schema(), *records(people(1)), *records(people(2), "Buyers")], "CIX-302", "Line 3"),
    "record without its key": ([schema(), *records(people(1)), *records([KEYLESS])], "CIX-303", "Line 3"),
    "record without its key after a blank line": ([schema(), "", *records([KEYLESS])], "CIX-303", "Line 3"),
}


@pytest.mark.parametrize(("messages", "code", "where"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_a_message_that_is_wrong_is_named_by_its_line_and_not_quoted(
    export: Export, messages: list[Any], code: str, where: str
) -> None:
    result = export.run(messages)

    assert where in assert_stopped(export, result, code)
    assert "s-value" not in result.log


def test_nothing_that_came_before_a_wrong_message_is_sent_or_lost_unsaid(export: Export) -> None:
    result = export.run([*segment(people(1, 2)), "no message"])

    assert_stopped(export, result, "CIX-301")
    assert export.run(segment(people(1, 2))).counts() == {"received": 2, "created": 2}


def test_a_dry_run_sends_nothing_and_counts_as_the_run_will(export: Export) -> None:
    export.run(segment(people(1, 2, 3)))
    export.platform.batches.clear()
    rows = [person(1), person(2, Last="Lee"), person(4), person(5, EMail=""), person(6, EMail=key(4))]
    dry = export.run(segment(rows), dry_run=True)

    assert dry.exit_code == 0, dry.log
    assert (dry.summary["status"], dry.summary["dry_run"]) == ("planned", True)
    assert export.platform.batches == []
    assert dry.counts() == {
        "received": 5,
        "unchanged": 1,
        "updated": 1,
        "created": 1,
        "invalid": 1,
        "duplicate": 1,
    }
    assert export.run(segment(rows)).counts() == dry.counts()


def test_a_dry_run_leaves_the_ledger_as_it_was_and_moves_no_bookmark(export: Export) -> None:
    export.run(segment(people(1, 2, 3)))
    before = export.ledger.read_bytes()
    result = export.run(segment(people(2, 3, 4)), dry_run=True)

    assert export.ledger.read_bytes() == before
    assert result.states == []


def test_a_dry_run_makes_no_ledger(export: Export) -> None:
    result = export.run(segment(people(1, 2)), dry_run=True)

    assert result.counts() == {"received": 2, "created": 2}
    assert not export.ledger.exists()
    assert [path for path in export.ledger.parent.rglob("*") if path.is_file() and path.suffix == ".db"] == []


def test_a_plan_names_nobody(export: Export) -> None:
    result = export.run(segment(people(1, 2)), dry_run=True)

    assert result.directory is not None
    plan = json.loads((result.directory / "plan.json").read_text())
    assert plan["L1"]["create"] == 2
    assert "example" not in json.dumps(plan)


def test_a_dry_run_stands_behind_the_same_guards(export: Export) -> None:
    assert_stopped(export, export.run(segment(people(1, 2)), dry_run=True, max_profiles=1), "CIX-501")


def test_nothing_is_left_beside_the_ledger_but_what_is_needed(export: Export) -> None:
    export.run(segment(people(1, 2)))
    export.run(segment(people(1, 2)), max_profiles=1)
    export.run(segment(people(1, 2)), dry_run=True)

    left = {path.name for path in export.ledger.parent.iterdir()}
    assert "ledger.db" in left
    assert not [name for name in left if "staged" in name]
    assert len(list((export.ledger.parent / "ledger.db.locks").iterdir())) <= 1, "the lock of the list alone"


def test_while_a_run_is_under_way_nobody_else_can_read_its_files(export: Export) -> None:
    modes: dict[str, int] = {}

    def look(_batch: object) -> None:
        for path in export.folder.rglob("*"):
            if path.is_file() and path.name not in {"config.json", "input.singer"}:
                modes[path.name] = path.stat().st_mode & 0o777

    export.platform.error = look
    assert export.run(segment(people(1, 2))).states == [STATE]

    assert {"ledger.db", "ledger.db-wal", "rejected.jsonl"} <= modes.keys()
    assert [name for name in modes if ".staged-" in name]
    assert set(modes.values()) == {0o600}
