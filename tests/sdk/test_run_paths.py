"""Records that take the SDK's own machinery, or come in files, end as those do that come straight."""

from __future__ import annotations

import gzip
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import CREDENTIALS_REFUSED, PLATFORM_UNREACHABLE, CixError
from export_harness import MAPPING, STATE, Export, key, people, person, records, schema, segment
from memory_destination import MemoryTarget, Platform

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AS_IT_IS = {"stream_maps": {"Readers": {"Added": "'x'"}}}
"""A stream map that changes nothing that is mapped, so that records take the slow path."""
TYPES: dict[str, dict[str, Any]] = {
    "CustomerId": {"type": "string"},
    "EMail": {"type": ["string", "null"]},
    "First": {"type": ["string", "null"]},
    "Last": {"type": ["string", "null"], "format": "date-time"},
    "Points": {"type": ["number", "boolean", "array", "object", "string", "null"]},
}
ODD_VALUES: list[dict[str, Any]] = [
    {},
    {"Last": None, "Points": None},
    {"Last": "2026-11-20T08:00:00Z", "Points": 12},
    {"Last": "no date at all", "Points": True},
    {"Last": "", "Points": [1, "a", None]},
    {"Points": {"a": 1}},
    {"Points": "J\u00f6rg \u6f22"},
    {"EMail": None},
    {"EMail": "nobody"},
    {"EMail": key(2).upper()},
    {"Unknown": 1},
]
DECIMAL_RECORD = json.dumps(records([person(50, Points="@")])[0]).replace('"@"', "12345678901234567.10")


def typed_schema() -> dict[str, Any]:
    return schema() | {"schema": {"type": "object", "properties": TYPES}}


def test_the_slow_path_gives_what_the_fast_one_gives(tmp_path: Path) -> None:
    rows = [person(number, **values) for number, values in enumerate(ODD_VALUES)]
    messages = [typed_schema(), *records(rows), DECIMAL_RECORD, {"type": "STATE", "value": STATE}]
    ends = []
    for name, settings in (("fast", {}), ("slow", AS_IT_IS)):
        (tmp_path / name).mkdir()
        export = Export(tmp_path / name, Platform())
        result = export.run(messages, **settings)
        told = {"states": result.states, "counts": result.summary["counts"], "rejected": result.rejected}
        ends.append(told | {"exit": result.exit_code, "held": export.held})
        assert result.exit_code == 0, result.log

    fast, slow = ends
    assert slow == fast
    assert fast["held"][key(50)]["cf_loyalty"] == "12345678901234567.10"


def test_a_stream_map_can_make_the_columns_that_are_mapped(export: Export) -> None:
    maps = {"Readers": {"Whole": "First + ' ' + Last", "Points": "Points * 2"}}
    mapping = {"email": "EMail", "first_name": "Whole", "custom_fields": {"Loyalty": "Points"}}
    record = json.dumps(records([person(1, Last="Lee", Points="@")])[0]).replace('"@"', "1.5")
    result = export.run([typed_schema(), record], stream_maps=maps, field_mapping=mapping)

    assert result.exit_code == 0, result.log
    assert export.held[key(1)] == {"email": key(1), "first_name": "Ann1 Lee", "cf_loyalty": "3.0"}


def test_a_stream_map_can_rename_and_leave_out(export: Export) -> None:
    maps = {"Readers": {"__alias__": "Subscribers", "__filter__": "CustomerId != 'c2'"}}
    export.platform.lists["L2"] = {}
    result = export.run(segment(people(1, 2, 3)), stream_maps=maps, lists={"Subscribers": "L2"})

    assert result.counts("L2") == {"received": 2, "created": 2}
    assert export.held == {}


def test_an_expression_that_fails_is_a_matter_of_settings(export: Export) -> None:
    result = export.run(segment(people(1)), stream_maps={"Readers": {"First": "no_such_function(First)"}})

    (line,) = result.error_lines()
    assert line.startswith("CIX-101")
    assert "`stream_maps`" in line


def test_nested_columns_can_be_flattened(export: Export) -> None:
    properties = {
        "CustomerId": {"type": "string"},
        "mail": {"type": "object", "properties": {"work": {"type": "string"}}},
    }
    nested = schema() | {"schema": {"type": "object", "properties": properties}}
    row = {"CustomerId": "c1", "mail": {"work": key(1)}}
    result = export.run(
        [nested, *records([row])],
        flattening_enabled=True,
        flattening_max_depth=1,
        field_mapping={"email": "mail__work"},
    )

    assert result.exit_code == 0, result.log
    assert set(export.held) == {key(1)}


def test_a_record_without_its_key_is_named_on_the_slow_path_too(export: Export) -> None:
    result = export.run([schema(), *records(people(1)), *records([{"EMail": "s-value"}])], **AS_IT_IS)

    (line,) = result.error_lines()
    assert line.startswith("CIX-303")
    assert "Line 3" in line
    assert "s-value" not in result.log


def test_no_state_leaves_before_what_it_covers_is_confirmed_however_long_the_reading_takes(
    export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK drains its sinks every few minutes, and lets the state out with that."""
    monkeypatch.setattr(MemoryTarget, "_MAX_RECORD_AGE_IN_MINUTES", -1.0)
    export.platform.error = lambda _batch: CixError(PLATFORM_UNREACHABLE, "Gone.")
    messages = [*segment(people(1)), *records(people(2)), batch_of(export, [people(3)])]
    result = export.run(messages, **AS_IT_IS)

    assert result.exit_code == 1
    assert result.states == []


def batch_of(export: Export, files: Sequence[Sequence[Any]], *, compressed: bool = True) -> dict[str, Any]:
    """Write the files of a BATCH and return its message."""
    manifest = []
    for number, rows in enumerate(files):
        path = export.folder / f"batch-{number}.jsonl"
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if compressed else content)
        manifest.append(path.as_uri())
    encoding = {"format": "jsonl", "compression": "gzip"} if compressed else {"format": "jsonl"}
    return {"type": "BATCH", "stream": "Readers", "encoding": encoding, "manifest": manifest}


@pytest.mark.parametrize("compressed", [True, False])
def test_records_can_come_in_files(export: Export, compressed: bool) -> None:
    batch = batch_of(export, [[person(1, Points="7"), person(2, EMail="")], people(3)], compressed=compressed)
    messages = [*segment(people(3, 4)), batch, {"type": "STATE", "value": STATE}]
    result = export.run(messages)

    assert result.exit_code == 0, result.log
    assert result.counts() == {"received": 5, "invalid": 1, "duplicate": 1, "created": 3}
    assert export.held[key(1)]["cf_loyalty"] == "7"
    assert result.states == [STATE]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "CIX-301"),
        (b"s-value, not gzip", "CIX-301"),
        (gzip.compress(b"s-value, no JSON\n"), "CIX-301"),
        (gzip.compress(b'["s-value"]\n'), "CIX-301"),
        (gzip.compress(b'{"EMail": "s-value"}\n'), "CIX-303"),
        (gzip.compress(b'{"CustomerId": "c1"}\n' * 9)[:-9], "CIX-301"),
        (gzip.compress(b"\xff\xfe\n"), "CIX-301"),
    ],
    ids=["absent", "not compressed", "no JSON", "no record", "no key", "cut off", "no text"],
)
def test_a_file_that_cannot_be_read_is_told_without_its_content(
    export: Export, content: bytes | None, code: str
) -> None:
    path = export.folder / "batch.jsonl.gz"
    if content is not None:
        path.write_bytes(content)
    batch = batch_of(export, []) | {"manifest": [path.as_uri()]}
    result = export.run([schema(), batch])

    (line,) = result.error_lines()
    assert line.startswith(code)
    assert "`Readers`" in line
    assert "s-value" not in result.log
    assert (result.exit_code, result.states) == (1, [])


TEST_STREAM = [
    {
        "type": "SCHEMA",
        "stream": "meltano_test_stream",
        "key_properties": [],
        "schema": {"type": "object", "properties": {"id": {"type": "string"}}},
    },
    {"type": "RECORD", "stream": "meltano_test_stream", "record": {"id": "test"}},
]


def test_the_test_stream_of_meltano_only_checks_the_credentials(export: Export) -> None:
    result = export.run(TEST_STREAM)

    assert result.exit_code == 0, result.log
    assert export.platform.batches == []
    assert result.counts() == {}


def test_the_test_stream_of_meltano_fails_on_wrong_credentials(export: Export) -> None:
    export.platform.check_error = CixError(CREDENTIALS_REFUSED, "No.")
    result = export.run(TEST_STREAM)

    assert result.exit_code == 1
    assert result.error_lines()[0].startswith("CIX-402")


def test_a_schema_that_changes_under_way_goes_on(export: Export) -> None:
    wider = schema(columns=[*schema()["schema"]["properties"], "More"])
    messages = [schema(), *records(people(1)), wider, *records(people(2)), schema(), *records(people(3))]
    result = export.run(messages)

    assert result.counts() == {"received": 3, "created": 3}


def test_a_column_that_disappears_under_way_stops_the_run(export: Export) -> None:
    narrower = schema(columns=["CustomerId", "EMail"])
    result = export.run([schema(), *records(people(1)), narrower, *records(people(2))])

    assert result.error_lines()[0].startswith("CIX-103")
    assert export.platform.batches == []


def test_rows_without_a_key_are_told_apart_by_their_address(export: Export) -> None:
    keyless = schema() | {"key_properties": []}
    result = export.run([keyless, *records([person(1), person(2, EMail="nobody")])], field_mapping=MAPPING)

    assert result.counts() == {"received": 2, "created": 1, "invalid": 1}
    assert [(row["row_key"], row["email"]) for row in result.rejected] == [("", "nobody")]
    assert result.directory is not None
    assert stat.S_IMODE((result.directory / "summary.json").stat().st_mode) == 0o600
