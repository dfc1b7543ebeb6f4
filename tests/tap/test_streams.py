"""The messages of a run: their order, what selection leaves out, and that any Singer target takes them."""

from __future__ import annotations

import gzip
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from audience_sdk.errors import CixError
from singer_sdk import BatchSink, Target
from singer_sdk import typing as th
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import ExportFolder, Outcome

DATA = Path(__file__).parent / "data"
SMALL = DATA / "small export"
DEMO = Path(__file__).parents[2] / "demo" / "export"
ANNA = ("0a" * 16, "anna@example.com", "120")
BEN = ("0b" * 16, "ben@example.org", "")


def without_times(line: str) -> str:
    """Replace what differs between two runs."""
    line = re.sub(r'"version":\d+', '"version":1', line)
    return re.sub(r'"time_extracted":"[^"]+"', '"time_extracted":"2026-11-21T00:00:00Z"', line)


def test_small_export_gives_exactly_these_messages(run_tap: Callable[..., Outcome]) -> None:
    outcome = run_tap(SMALL)
    assert outcome.exit_code == 0
    expected = (DATA / "small.singer").read_text(encoding="utf-8").splitlines()
    assert [without_times(line) for line in outcome.lines] == expected


def test_records_and_activate_version_carry_the_version_of_the_run(sync: Callable[..., Outcome]) -> None:
    outcome = sync(DEMO)
    versions = {message["version"] for message in outcome.messages if "version" in message}
    assert len(versions) == 1
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 3
    for stream in ("ChurnRisk", "HighValueCustomers", "NewsletterReaders"):
        kinds = [message["type"] for message in outcome.messages if message.get("stream") == stream]
        assert kinds == ["SCHEMA", *["RECORD"] * len(outcome.records(stream)), "ACTIVATE_VERSION"]
    assert outcome.messages[-1]["type"] == "STATE"


def test_sample_of_the_demo_is_read_whole_and_nothing_stale_with_it(sync: Callable[..., Outcome]) -> None:
    outcome = sync(DEMO)
    assert len(outcome.records("NewsletterReaders")) == 300
    ids = {record["CustomerId"] for record in outcome.records("NewsletterReaders")}
    assert len(ids) == 300
    for stream in ("ChurnRisk", "HighValueCustomers"):
        assert {record["CustomerId"] for record in outcome.records(stream)} < ids


class _Sink(BatchSink):
    """Takes records and does nothing with them."""

    validate_field_string_format = True

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        self._target.taken.extend((self.stream_name, record) for record in context["records"])

    def __init__(self, target: _Target, **options: Any) -> None:
        super().__init__(target=target, **options)
        self._target = target


class _Target(Target):
    """A target that checks every record against its schema, as the SDK does unless it is told not to."""

    name = "target-strict"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList().to_dict()
    default_sink_class = _Sink

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.taken: list[tuple[str, dict[str, Any]]] = []


@pytest.mark.parametrize("folder", [SMALL, DEMO])
def test_every_line_passes_the_reader_and_the_validation_of_the_sdk(sync: Callable[..., Outcome], folder: Path) -> None:
    outcome = sync(folder)
    target = _Target()
    target.listen(io.StringIO("\n".join(outcome.lines) + "\n"))
    assert len(target.taken) == len(outcome.of_type("RECORD")) > 0


def test_decimals_reach_an_sdk_target_with_every_digit(sync: Callable[..., Outcome]) -> None:
    target = _Target()
    target.listen(io.StringIO("\n".join(sync(SMALL).lines) + "\n"))
    spent = [record["Spent"] for stream, record in target.taken if stream == "Clubs"]
    assert spent == [Decimal("1234.5600"), None, Decimal("99999999999999.9999")]


def test_discovered_catalog_describes_the_segment(
    export: ExportFolder, discover: Callable[[ExportFolder], dict[str, Any]]
) -> None:
    export.add("Readers", [ANNA], columns={"CustomerId": "guid", "EMail": "string", "Seen": "dateTime"})
    [stream] = discover(export)["streams"]
    assert stream["tap_stream_id"] == stream["stream"] == "Readers"
    assert list(stream["key_properties"]) == ["CustomerId"]
    assert stream["replication_method"] == "FULL_TABLE"
    assert stream["schema"]["properties"] == {
        "CustomerId": {"type": ["string", "null"]},
        "EMail": {"type": ["string", "null"]},
        "Seen": {"type": ["string", "null"], "format": "date-time"},
    }


def selected(catalog: dict[str, Any], **choices: bool) -> dict[str, Any]:
    """Return the catalog with columns selected or not; `Stream` itself by the name of the stream."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            name = entry["breadcrumb"][-1] if entry["breadcrumb"] else stream["stream"]
            if name in choices:
                entry["metadata"]["selected"] = choices[name]
    return catalog


@pytest.mark.parametrize("settings", [{}, {"stream_maps": {"Readers": {"Kind": "'x'"}}}])
def test_deselected_columns_are_not_sent(
    export: ExportFolder, sync: Callable[..., Outcome], discover: Any, settings: dict[str, Any]
) -> None:
    export.add("Readers", [ANNA, BEN])
    outcome = sync(export, selected(discover(export), EMail=False, CustomerId=False), **settings)
    [schema] = outcome.of_type("SCHEMA")
    names = {"CustomerId", "LoyaltyPoints"} | ({"Kind"} if settings else set())
    assert set(schema["schema"]["properties"]) == names  # the key is always sent
    assert {name for record in outcome.records("Readers") for name in record} == names
    assert "@example" not in "\n".join(outcome.lines)


def test_deselected_segments_are_not_read(export: ExportFolder, sync: Callable[..., Outcome], discover: Any) -> None:
    export.add("Readers", [ANNA]).add("Risk", [BEN])
    export.partition("Risk").unlink()
    outcome = sync(export, selected(discover(export), Risk=False))
    assert {message.get("stream") for message in outcome.messages} == {"Readers", None}


def test_catalog_may_name_deselected_segments_that_are_gone(
    export: ExportFolder, sync: Callable[..., Outcome], discover: Any
) -> None:
    export.add("Readers", [ANNA]).add("Risk", [BEN])
    catalog = selected(discover(export), Risk=False)
    del export.model["entities"][1]
    export.write_model()
    assert len(sync(export, catalog).records("Readers")) == 1


def test_column_that_is_gone_is_an_error_if_it_is_selected(
    export: ExportFolder, sync: Callable[..., Outcome], discover: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    export.add("Readers", [ANNA])
    catalog = discover(export)
    export.model["entities"][0]["attributes"][2]["name"] = "Points"
    export.write_model()
    export.partition("Readers").write_bytes(b"CustomerId,EMail,Points\n0a,a,1\n")
    with pytest.raises(CixError, match=r"CIX-206.*LoyaltyPoints of the segment Readers"):
        sync(export, catalog)
    [record] = sync(export, selected(catalog, LoyaltyPoints=False)).records("Readers")
    assert record == {"CustomerId": "0a", "EMail": "a"}  # a column that came since is not in the catalog


@pytest.mark.parametrize(
    "settings",
    [
        {"stream_maps": {"*": {"CustomerId": "CustomerId"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
)
@pytest.mark.parametrize("folder", [SMALL, DEMO])
def test_records_are_the_same_in_the_sdk_s_own_way(
    sync: Callable[..., Outcome], folder: Path, settings: dict[str, Any]
) -> None:
    in_bulk, mapped = sync(folder), sync(folder, **settings)
    for stream in {message["stream"] for message in in_bulk.of_type("SCHEMA")}:
        assert mapped.records(stream) == in_bulk.records(stream)
        kinds = [message["type"] for message in mapped.messages if message.get("stream") == stream]
        assert kinds == ["SCHEMA", *["RECORD"] * len(mapped.records(stream)), "ACTIVATE_VERSION"]
    assert mapped.messages[-1]["type"] == "STATE"


def test_stream_map_may_rename_or_leave_out_a_segment(sync: Callable[..., Outcome]) -> None:
    maps = {"ChurnRisk": {"__alias__": "Risk"}, "NewsletterReaders": None}
    outcome = sync(DEMO, stream_maps=maps)
    assert {message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")} == {"Risk", "HighValueCustomers"}
    assert {message["stream"] for message in outcome.of_type("RECORD")} == {"Risk", "HighValueCustomers"}


@pytest.mark.parametrize("settings", [{}, {"stream_maps": {"Readers": {"Kind": "'x'"}}}])
def test_segment_with_a_bad_row_has_no_activate_version(
    export: ExportFolder, sync: Callable[..., Outcome], settings: dict[str, Any]
) -> None:
    export.add("Readers", [ANNA, BEN[:2]])
    outcome = sync(export, **settings)
    assert len(outcome.records("Readers")) == 1
    assert outcome.of_type("ACTIVATE_VERSION") == []


def test_batch_files_hold_the_selected_columns_only(
    export: ExportFolder, sync: Callable[..., Outcome], discover: Any, tmp_path: Path
) -> None:
    export.add("Readers", [ANNA, BEN])
    batch = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": f"file://{tmp_path}/batches"}}
    (tmp_path / "batches").mkdir()
    outcome = sync(export, selected(discover(export), EMail=False), batch_config=batch)
    assert [message["type"] for message in outcome.messages] == ["SCHEMA", "BATCH", "STATE", "ACTIVATE_VERSION"]
    [path] = outcome.of_type("BATCH")[0]["manifest"]
    content = gzip.decompress(Path(path.removeprefix("file://")).read_bytes()).decode()
    assert [json.loads(line) for line in content.splitlines()] == [
        {"CustomerId": ANNA[0], "LoyaltyPoints": 120},
        {"CustomerId": BEN[0], "LoyaltyPoints": None},
    ]


def test_names_that_no_struct_can_carry_are_sent_as_they_are(
    export: ExportFolder, sync: Callable[..., Outcome]
) -> None:
    names = ["CustomerId", 'the "mail"', "back\\slash"]
    export.add("Readers", [("0a", "a", "b")], columns=dict.fromkeys(names, "string"))
    assert sync(export).records("Readers") == [dict(zip(names, ("0a", "a", "b"), strict=True))]


def test_segment_of_which_no_column_is_selected_sends_empty_records(
    export: ExportFolder, sync: Callable[..., Outcome], discover: Any
) -> None:
    export.add("Readers", [("a",), ("b",)], columns={"Name": "string"})
    assert sync(export, selected(discover(export), Name=False)).records("Readers") == [{}, {}]


def test_customer_ids_are_never_altered(export: ExportFolder, sync: Callable[..., Outcome]) -> None:
    ids = ["00123", "1e5", " x ", "TRUE", "0" * 32, "ÅB-{c}"]
    export.add(
        "Readers",
        [(value, "", "") for value in ids],
        columns={**dict.fromkeys(("CustomerId",), "int64"), "EMail": "string", "P": "int64"},
    )
    assert [record["CustomerId"] for record in sync(export).records("Readers")] == ids
