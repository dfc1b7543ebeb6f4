"""Bad input ends in a clear line with a code and exit code 1, and costs no other rows; by the real executable."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import CixError
from tap_cix_segments.tap import TapCixSegments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ExportFolder, Outcome

ANNA = ("0a" * 16, "anna@example.com", "120")
BEN = ("0b" * 16, "ben@example.org", "")
CARA = ("0c" * 16, "cara@example.net", "-7")


def assert_refused(outcome: Outcome, code: str, *hints: str) -> None:
    """Nothing was sent, and one line says why."""
    assert outcome.exit_code == 1
    assert outcome.lines == []
    [line] = outcome.errors()
    assert code in line
    for hint in hints:
        assert hint in line
    assert_clean(outcome)


def assert_incomplete(outcome: Outcome, segment: str, code: str, *hints: str) -> None:
    """The segment has no ACTIVATE_VERSION, a line says why, and the run failed."""
    assert outcome.exit_code == 1
    assert outcome.of_type("ACTIVATE_VERSION", segment) == []
    errors = [line for line in outcome.errors() if code in line]
    assert errors
    for hint in (segment, *hints):
        assert hint in errors[0]
    assert "CIX-216" in outcome.errors()[-1]
    assert segment in outcome.errors()[-1]
    assert_clean(outcome)


def assert_clean(outcome: Outcome) -> None:
    """The log has no traceback and no personal data."""
    assert "Traceback" not in outcome.log
    assert "CIX-901" not in outcome.log
    assert "@example" not in outcome.log
    assert "0a0a0a" not in outcome.log


def test_a_variable_that_misspells_a_setting(export: ExportFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_CIX_SEGMENTS_SEGMENT", "Readers")
    with pytest.raises(CixError, match=r"`TAP_CIX_SEGMENTS_SEGMENT` names no setting .*`segments`") as caught:
        TapCixSegments(config={"folder": str(export.root)})
    assert caught.value.code.code == "CIX-101"


def test_no_model_json(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA])
    (export.export / "model.json").unlink()
    assert_refused(run_tap(export), "CIX-202", "model.json", str(export.root))


def test_folder_that_is_not_there(tmp_path: Path, run_tap: Callable[..., Outcome]) -> None:
    assert_refused(run_tap(tmp_path / "nowhere"), "CIX-201", "nowhere")


def test_several_exports_below_the_folder(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA])
    other = export.root / "CustomerInsights_5f3c1d0a" / "Other"
    other.mkdir()
    (other / "model.json").write_text("{}")
    assert_refused(
        run_tap(export), "CIX-203", "CustomerInsights_5f3c1d0a/Mail Export", "CustomerInsights_5f3c1d0a/Other"
    )


def test_broken_json(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.write_model('{"name": "Mail Export",\n "entities": [')
    assert_refused(run_tap(export), "CIX-204", "not valid JSON", "line 2")


@pytest.mark.parametrize("content", ["{}", "[]", '{"entities": []}', '{"entities": {"a": 1}}'])
def test_model_without_entities(export: ExportFolder, run_tap: Callable[..., Outcome], content: str) -> None:
    export.write_model(content)
    assert_refused(run_tap(export), "CIX-204", "entities")


def test_missing_partition_leaves_the_other_partitions_and_segments(
    export: ExportFolder, run_tap: Callable[..., Outcome]
) -> None:
    export.add("Readers", [ANNA], [BEN], [CARA]).add("Risk", [CARA])
    export.partition("Readers", 2).unlink()
    outcome = run_tap(export)
    assert_incomplete(outcome, "Readers", "CIX-207", "Readers_2")
    assert [record["CustomerId"] for record in outcome.records("Readers")] == [ANNA[0], CARA[0]]
    assert len(outcome.records("Risk")) == 1
    assert len(outcome.of_type("ACTIVATE_VERSION", "Risk")) == 1


def test_stale_partition_does_not_stand_in_for_a_missing_one(
    export: ExportFolder, run_tap: Callable[..., Outcome]
) -> None:
    export.add("Readers", [ANNA])
    missing = export.partition("Readers")
    stale = missing.parents[2] / "19" / "0400" / missing.name
    stale.parent.mkdir(parents=True)
    missing.rename(stale)
    outcome = run_tap(export)
    assert_incomplete(outcome, "Readers", "CIX-207")
    assert outcome.records("Readers") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_partition(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA], [BEN])
    export.partition("Readers", 1).chmod(0)
    outcome = run_tap(export)
    assert_incomplete(outcome, "Readers", "CIX-208", "Readers_1", "Permission denied")
    assert len(outcome.records("Readers")) == 1


def test_partition_that_is_a_folder(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA])
    export.partition("Readers").unlink()
    export.partition("Readers").mkdir()
    assert_incomplete(run_tap(export), "Readers", "CIX-207", "Readers_1")


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        (b"0b,ben@example.org\r\n", "2 instead of 3 values"),
        (b"0b,ben@example.org,1,2\r\n", "4 instead of 3 values"),
        (b'0b,"ben"@example.org,1\r\n', "not valid CSV"),
    ],
)
def test_ragged_row_costs_only_itself(
    export: ExportFolder, run_tap: Callable[..., Outcome], row: bytes, hint: str
) -> None:
    export.add(
        "Readers", b"CustomerId,EMail,LoyaltyPoints\r\n0a,anna@example.com,1\r\n" + row + b"0c,cara@example.net,\r\n"
    )
    outcome = run_tap(export)
    assert_incomplete(outcome, "Readers", "CIX-213", "Readers_1", "row 3", hint)
    assert [record["CustomerId"] for record in outcome.records("Readers")] == ["0a", "0c"]


def test_quote_that_is_never_closed_costs_the_rest_of_its_partition_only(
    export: ExportFolder, run_tap: Callable[..., Outcome]
) -> None:
    export.add("Readers", b'CustomerId,EMail,LoyaltyPoints\r\n0a,a,1\r\n0b,"b,2\r\n0c,c,3\r\n', [CARA])
    outcome = run_tap(export)
    assert_incomplete(outcome, "Readers", "CIX-213", "Readers_1", "row 3", "line 4")
    assert [record["CustomerId"] for record in outcome.records("Readers")] == ["0a", CARA[0]]


def test_undecodable_bytes_cost_only_their_row(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", b"CustomerId,EMail,LoyaltyPoints\r\n0a,a,1\r\n0b,M\xfcller,2\r\n0c,J\xc3\xbcrgen,3\r\n")
    outcome = run_tap(export)
    assert_incomplete(outcome, "Readers", "CIX-214", "Readers_1", "row 3", "utf-8")
    assert [record["EMail"] for record in outcome.records("Readers")] == ["a", "Jürgen"]


def test_bad_rows_are_told_five_times_then_counted(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", b"CustomerId,EMail,LoyaltyPoints\r\n" + b"0a\r\n" * 1200 + b"0c,c,3\r\n")
    outcome = run_tap(export)
    assert sum("1 instead of 3 values" in line for line in outcome.errors()) == 5
    assert any("1,200 such rows in all" in line for line in outcome.errors())
    assert "lost: 1,200 rows" in outcome.errors()[-1]
    assert len(outcome.records("Readers")) == 1


@pytest.mark.parametrize("quoted", [b"", b'"'])
def test_wrong_delimiter_is_named_before_any_record(
    export: ExportFolder, run_tap: Callable[..., Outcome], quoted: bytes
) -> None:
    content = b"#CustomerId#;#EMail#;#LoyaltyPoints#\r\n#0a#;#a,b@example.com#;#1#\r\n".replace(b"#", quoted)
    export.add("Readers", content, file_format={"delimiter": ","}).add("Risk", [CARA])
    outcome = run_tap(export)
    assert_incomplete(outcome, "Readers", "CIX-211", "`fileFormatSettings.delimiter`", "`;`")
    assert outcome.records("Readers") == []
    assert len(outcome.of_type("ACTIVATE_VERSION", "Risk")) == 1


def test_header_of_other_columns(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", b"CustomerId,EMail,Points\r\n0a,a,1\r\n")
    outcome = run_tap(export)
    assert_incomplete(outcome, "Readers", "CIX-212", "lacks LoyaltyPoints")
    assert outcome.records("Readers") == []


@pytest.mark.parametrize("content", [b"", b"0a,anna@example.com,1\r\n"])
def test_promised_header_that_is_not_there(
    export: ExportFolder, run_tap: Callable[..., Outcome], content: bytes
) -> None:
    export.add("Readers", content, file_format={"columnHeaders": "true"})
    assert_incomplete(run_tap(export), "Readers", "CIX-212", "`columnHeaders` promises")


def test_location_that_leads_out_of_the_folder(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA]).add("Risk", [CARA])
    (export.root.parent / "secret.csv").write_text("CustomerId,EMail,LoyaltyPoints\r\n0a,a,1\r\n")
    for location in ("../../../secret.csv", "https://x.example.com/c/%2e%2e/secret.csv", "a\\..\\..\\secret.csv"):
        export.model["entities"][0]["partitions"][0]["location"] = location
        outcome = run_tap(export.write_model())
        assert_incomplete(outcome, "Readers", "CIX-209", "Readers_1")
        assert outcome.records("Readers") == []


@pytest.mark.parametrize(
    ("file_format", "hint"),
    [
        ({"delimiter": ";;"}, "`fileFormatSettings.delimiter`"),
        ({"encoding": "utf-99"}, "`fileFormatSettings.encoding`"),
    ],
)
def test_unknown_file_format(
    export: ExportFolder, run_tap: Callable[..., Outcome], file_format: dict[str, str], hint: str
) -> None:
    export.add("Readers", [ANNA], file_format=file_format)
    assert_refused(run_tap(export), "CIX-210", hint, "partition 1 of the entity Readers")


def test_unknown_segment_in_the_settings(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("HighValueCustomers", [ANNA])
    outcome = run_tap(export, segments=["HighValueCustomer"])
    assert_refused(outcome, "CIX-205", "`HighValueCustomer`", "nearest name is `HighValueCustomers`")


def test_unknown_segment_in_the_catalog(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA]).add("Risk", [BEN])
    catalog = json.loads("\n".join(run_tap(export, "--discover").lines))
    for entry in catalog["streams"]:
        if entry["stream"] == "Risk":
            entry["stream"] = entry["tap_stream_id"] = "Risks"
    assert_refused(run_tap(export, catalog=catalog), "CIX-205", "catalog", "`Risks`", "`Risk`")


def test_setting_of_the_wrong_kind(run_tap: Callable[..., Outcome], export: ExportFolder) -> None:
    export.add("Readers", [ANNA])
    assert_refused(run_tap(export, segments="Readers"), "CIX-101", "`segments`")
    assert_refused(run_tap(export, source="sharepoint"), "CIX-101", "`source`")


@pytest.mark.parametrize("arguments", [("--discover",), ("--test",)])
def test_discovery_and_connection_test_report_as_clearly(
    export: ExportFolder, run_tap: Callable[..., Outcome], arguments: tuple[str, ...]
) -> None:
    export.write_model("{")
    assert_refused(run_tap(export, *arguments), "CIX-204", "not valid JSON")


def test_connection_test_fails_at_a_missing_partition(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA], [BEN])
    assert run_tap(export, "--test").exit_code == 0
    export.partition("Readers", 2).unlink()
    outcome = run_tap(export, "--test")
    assert outcome.exit_code == 1
    [line] = outcome.errors()
    assert "CIX-207" in line
    assert_clean(outcome)


def test_values_that_do_not_fit_are_null_and_told_without_the_value(
    export: ExportFolder, run_tap: Callable[..., Outcome]
) -> None:
    rows: list[Any] = [("0a", "anna@example.com", "many")] * 7 + [("0b", "ben@example.org", "9223372036854775808")]
    export.add("Readers", [*rows, ("0c", "cara@example.net", "5")])
    outcome = run_tap(export)
    assert outcome.exit_code == 0
    assert [record["LoyaltyPoints"] for record in outcome.records("Readers")] == [None] * 8 + [5]
    warnings = [line for line in outcome.log.splitlines() if "CIX-215" in line]
    assert len(warnings) == 6
    assert "segment Readers, partition Readers_1, row 2" in warnings[0].replace("Segment", "segment")
    assert "LoyaltyPoints is not of type int64" in warnings[0]
    assert "8 such values of LoyaltyPoints in all" in warnings[-1]
    assert "many" not in outcome.log
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 1
    assert_clean(outcome)


@pytest.mark.parametrize("partitions", [0, 2])
def test_empty_segment_is_read_to_its_end(
    export: ExportFolder, run_tap: Callable[..., Outcome], partitions: int
) -> None:
    export.add("Readers", *([[]] * partitions))
    outcome = run_tap(export)
    assert outcome.exit_code == 0
    assert [message["type"] for message in outcome.messages] == ["SCHEMA", "ACTIVATE_VERSION", "STATE"]
    assert "Readers: empty, read to its end" in outcome.log
