"""Tables of Parquet and Delta give what the same segment gives as CSV, read by column and in flat memory."""

from __future__ import annotations

import copy
import json
import logging
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audience_sdk.errors import (
    DISK_FULL,
    EXTRA_MISSING,
    SETTING_INVALID,
    TABLES_AMBIGUOUS,
    TABLES_NOT_FOUND,
    CixError,
)
from deltalake import DeltaTable, write_deltalake
from sftp_place import serve_sftp
from tap_cix_segments.dataverse.join import Join
from tap_cix_segments.delta import delta_options
from tap_cix_segments.lake import open_lake
from tap_cix_segments.report import SegmentReport
from tap_cix_segments.tap import TapCixSegments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ExportFolder, Outcome

LOGGER = logging.getLogger("test")
TYPES = {
    "CustomerId": "string",
    "EMail": "string",
    "LoyaltyPoints": "int64",
    "Balance": "decimal",
    "Score": "double",
    "IsVip": "boolean",
    "Born": "date",
    "LastPurchase": "dateTime",
}
ROWS = [
    ("0a" * 16, "anna@example.com", "120", "12.5000", "0.25", "true", "1980-01-31", "2026-11-20T04:00:00Z"),
    ("0b" * 16, "", "", "", "", "", "", ""),
    ("0c" * 16, "cära@example.net", "-7", "-0.1000", "1e3", "false", "2001-12-01", "2026-01-01T00:00:00.5Z"),
]


def table(rows: int = 1) -> pa.Table:
    """The rows above as typed columns, so often."""
    moment = datetime(2026, 11, 20, 4, tzinfo=timezone.utc)
    columns = {
        "CustomerId": ["0a" * 16, "0b" * 16, "0c" * 16],
        "EMail": ["anna@example.com", "", "cära@example.net"],
        "LoyaltyPoints": [120, None, -7],
        "Balance": [Decimal("12.5000"), None, Decimal("-0.1000")],
        "Score": [0.25, None, 1000.0],
        "IsVip": [True, None, False],
        "Born": [date(1980, 1, 31), None, date(2001, 12, 1)],
        "LastPurchase": [moment, None, datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=timezone.utc)],
    }
    return pa.table({name: values * rows for name, values in columns.items()})


def write(kind: str, folder: Path, content: pa.Table, *, append: bool = False) -> None:
    if kind == "delta":
        write_deltalake(
            folder, content, mode="append" if append else "overwrite", schema_mode="overwrite" if not append else None
        )
        return
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(content, folder / f"part-{len(list(folder.iterdir()))}.parquet")


@pytest.fixture(params=["parquet", "delta"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    folder = tmp_path / "a lake"
    folder.mkdir()
    return folder


def test_same_segment_gives_the_same_messages_as_csv(
    kind: str, lake: Path, export: ExportFolder, sync: Callable[..., Outcome]
) -> None:
    export.add("Readers", ROWS, columns=TYPES)
    write(kind, lake / "Readers", table())
    csv, columnar = sync(export), sync(lake, source=kind)
    assert columnar.exit_code == 0, columnar.log
    assert columnar.records("Readers") == csv.records("Readers")
    assert len(columnar.records("Readers")) == 3
    assert columnar.of_type("SCHEMA") == csv.of_type("SCHEMA")
    assert len(columnar.of_type("ACTIVATE_VERSION", "Readers")) == 1


def test_each_folder_is_a_segment_and_its_files_are_read_together(
    kind: str, lake: Path, sync: Callable[..., Outcome]
) -> None:
    write(kind, lake / "Readers", table())
    write(kind, lake / "Readers", table(2), append=True)
    write(kind, lake / "Risk", table())
    outcome = sync(lake, source=kind)
    assert {name: len(outcome.records(name)) for name in ("Readers", "Risk")} == {"Readers": 9, "Risk": 3}


def test_only_selected_columns_are_asked_for(
    kind: str, lake: Path, sync: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(kind, lake / "Readers", table())
    catalog = TapCixSegments(config={"folder": str(lake), "source": kind}).catalog_dict
    for entry in catalog["streams"][0]["metadata"]:
        name = entry["breadcrumb"][-1] if entry["breadcrumb"] else ""
        entry["metadata"]["selected"] = name in {"", "EMail", "CustomerId"}
    outcome = sync(lake, catalog=catalog, source=kind)
    assert [set(record) for record in outcome.records("Readers")] == [{"CustomerId", "EMail"}] * 3
    source = open_lake(kind, str(lake), None, LOGGER, set)
    [found] = source._tables.values()  # type: ignore[attr-defined]
    [batch] = list(found.read(["EMail"]))
    assert batch.schema.names == ["EMail"]


def test_unchanged_table_is_left_out_and_a_changed_one_is_read(
    kind: str, lake: Path, sync: Callable[..., Outcome]
) -> None:
    write(kind, lake / "Readers", table())
    state = sync(lake, source=kind).of_type("STATE")[-1]["value"]
    again = sync(lake, state=copy.deepcopy(state), source=kind)
    assert {message["type"] for message in again.messages} == {"STATE"}
    write(kind, lake / "Readers", table(), append=True)
    assert len(sync(lake, state=state, source=kind).records("Readers")) == 6


_PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss differs elsewhere")
def test_memory_does_not_grow_with_the_table(kind: str, tmp_path: Path) -> None:
    peaks = []
    for rows in (2_000, 200_000):
        folder = tmp_path / str(rows)
        write(kind, folder / "Readers", table(rows // 3))
        config = folder / "config.json"
        config.write_text(json.dumps({"folder": str(folder), "source": kind}))
        executable = sys.executable.replace("python", "tap-cix-segments")
        command = [sys.executable, "-c", _PEAK, executable, "--config", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] < peaks[0] + 60, peaks


def test_what_is_wrong_with_a_file_costs_the_segment_its_end(lake: Path, run_tap: Callable[..., Outcome]) -> None:
    write("parquet", lake / "Readers", table())
    write("parquet", lake / "Risk", table())
    (lake / "Readers" / "part-9.parquet").write_bytes(b"PAR1 no such file")
    outcome = run_tap(lake, source="parquet")
    assert outcome.exit_code == 1
    assert len(outcome.records("Readers")) == 3
    assert outcome.of_type("ACTIVATE_VERSION", "Readers") == []
    assert len(outcome.of_type("ACTIVATE_VERSION", "Risk")) == 1
    assert "part-9.parquet" in outcome.errors()[0]
    assert "Traceback" not in outcome.log


def test_file_of_other_columns_or_types(lake: Path, run_tap: Callable[..., Outcome]) -> None:
    write("parquet", lake / "Readers", table())
    write("parquet", lake / "Readers", table().drop_columns(["EMail"]))
    write("parquet", lake / "Risk", table())
    narrow = table().set_column(2, "LoyaltyPoints", pa.array([1, 2, 3], pa.int16()))
    write("parquet", lake / "Risk", narrow)
    outcome = run_tap(lake, source="parquet")
    assert "lacks EMail" in outcome.errors()[0]
    assert len(outcome.records("Risk")) == 6


@pytest.mark.parametrize("event", ["comes", "goes", "is replaced", "is announced"])
def test_parquet_folder_that_is_written_while_it_is_read_is_not_the_whole_table(
    lake: Path, caplog: pytest.LogCaptureFixture, event: str
) -> None:
    for _ in range(2):
        write("parquet", lake / "Readers", table(3_000))
    source = open_lake("parquet", str(lake), None, LOGGER, set)
    [segment] = source.segments()
    report = SegmentReport(segment.name, LOGGER)
    batches = source.read(segment, segment.columns, report)
    next(batches)
    if event == "comes":
        write("parquet", lake / "Readers", table())
    elif event == "goes":
        (lake / "Readers" / "part-1.parquet").unlink()
    elif event == "is replaced":
        path = lake / "Readers" / "part-0.parquet"
        (lake / "Readers" / "_new").write_bytes(path.read_bytes())
        (lake / "Readers" / "_new").replace(path)
    else:
        (lake / "Readers" / "_temporary" / "0").mkdir(parents=True)
    assert list(batches)
    assert not report.complete
    assert "CIX-208" in caplog.text


def test_parquet_file_beside_the_folders_that_is_written_while_it_is_read(lake: Path) -> None:
    pq.write_table(table(3_000), lake / "Readers.parquet")
    source = open_lake("parquet", str(lake), None, LOGGER, set)
    [segment] = source.segments()
    report = SegmentReport(segment.name, LOGGER)
    assert sum(batch.size for batch in source.read(segment, segment.columns, report)) == 9_000
    assert report.complete
    batches = source.read(segment, segment.columns, report)
    next(batches)
    pq.write_table(table(), lake / "new")
    (lake / "new").replace(lake / "Readers.parquet")
    assert list(batches)
    assert not report.complete


def test_parquet_folder_that_is_being_written_is_waited_for(lake: Path, run_waiting: Callable[..., Outcome]) -> None:
    write("parquet", lake / "Readers", table())
    temporary = lake / "Readers" / "_temporary"
    temporary.mkdir()

    def finish() -> None:
        pq.write_table(table(), lake / "Readers" / "part-1.parquet")
        temporary.rmdir()

    outcome = run_waiting(str(lake), finish, source="parquet")
    assert outcome.exit_code == 0, outcome.log
    assert len(outcome.records("Readers")) == 6


def test_parquet_folder_that_stays_being_written_is_an_error(lake: Path, run_tap: Callable[..., Outcome]) -> None:
    write("parquet", lake / "Readers", table())
    write("parquet", lake / "Risk", table())
    write("parquet", lake / "Readers" / "_temporary" / "0", table())
    outcome = run_tap(lake, source="parquet")
    assert outcome.exit_code == 1
    assert "CIX-208" in outcome.errors()[0]
    assert "_temporary" in outcome.errors()[0]
    assert [message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")] == ["Risk"]
    (lake / "Readers" / "part-0.parquet").unlink()
    nothing_yet = run_tap(lake, source="parquet")
    assert nothing_yet.lines == []
    assert "The table Readers cannot be read" in nothing_yet.errors()[0]


def test_ending_of_a_parquet_file_may_be_in_capitals(lake: Path, run_tap: Callable[..., Outcome]) -> None:
    write("parquet", lake / "Readers", table())
    pq.write_table(table(), lake / "Readers" / "b.PARQUET")
    pq.write_table(table(), lake / "Risk.Parquet")
    outcome = run_tap(lake, source="parquet")
    assert {name: len(outcome.records(name)) for name in ("Readers", "Risk")} == {"Readers": 6, "Risk": 3}


def test_file_of_another_ending_costs_the_table_its_end_unless_its_name_hides_it(
    lake: Path, run_tap: Callable[..., Outcome]
) -> None:
    write("parquet", lake / "Readers", table())
    for name in ("_SUCCESS", "._SUCCESS.crc", "_committed_1", ".part-0.parquet.crc"):
        (lake / "Readers" / name).write_text("x")
    (lake / "Readers" / "in place of a folder").touch()
    assert run_tap(lake, source="parquet").exit_code == 0
    pq.write_table(table(), lake / "Readers" / "c.parq")
    outcome = run_tap(lake, source="parquet")
    assert outcome.exit_code == 1
    assert "c.parq" in outcome.errors()[0]
    assert outcome.of_type("ACTIVATE_VERSION") == []


def test_parquet_file_and_folder_of_one_name_are_refused(lake: Path) -> None:
    write("parquet", lake / "Readers", table())
    pq.write_table(table(), lake / "Readers.parquet")
    with pytest.raises(CixError) as refused:
        open_lake("parquet", str(lake), None, LOGGER, set)
    assert refused.value.code is TABLES_AMBIGUOUS


@pytest.mark.parametrize("folder", ["", "Readers", "years/Readers"])
def test_delta_table_is_not_read_as_parquet(lake: Path, folder: str) -> None:
    write("delta", lake / folder, table())
    with pytest.raises(CixError, match="use `source: delta`") as refused:
        open_lake("parquet", str(lake), None, LOGGER, set)
    assert refused.value.code is SETTING_INVALID


def test_delta_tables_of_one_name_are_refused(lake: Path) -> None:
    for folder in ("a", "b"):
        write("delta", lake / folder / "Readers", table())
    with pytest.raises(CixError, match="Readers") as refused:
        open_lake("delta", str(lake), None, LOGGER, set)
    assert refused.value.code is TABLES_AMBIGUOUS


GUID = UUID("80000000-0000-4000-8000-0000000000ff")


@pytest.mark.parametrize(
    ("ids", "sent"),
    [
        (pa.array([Decimal(12), Decimal(1300)], pa.decimal128(38, 0)), ["12", "1300"]),
        (pa.array([Decimal("0.0000001")], pa.decimal128(38, 7)), ["0.0000001"]),
        (pa.array([GUID.bytes, UUID(int=GUID.int + 1).bytes], pa.binary(16)), [str(GUID), str(UUID(int=GUID.int + 1))]),
        (pa.array([bytes(16), bytes(15) + b"\x01"], pa.binary()), [str(UUID(int=0)), str(UUID(int=1))]),
        (pa.ExtensionArray.from_storage(pa.uuid(), pa.array([GUID.bytes], pa.binary(16))), [str(GUID)]),
        (pa.array([b"\xff\x00", b"\xfe\x00"], pa.binary()), ["ff00", "fe00"]),
        (pa.array([b"0a0b", b"c\xc3\xa4ra"], pa.binary()), ["0a0b", "cära"]),
        (pa.array([b"sixteen letters."], pa.binary(16)), ["sixteen letters."]),
    ],
)
def test_ids_of_whatever_type_keep_every_digit_and_stay_apart(
    kind: str, lake: Path, run_tap: Callable[..., Outcome], ids: pa.Array, sent: list[str]
) -> None:
    if kind == "delta" and not (pa.types.is_decimal(ids.type) or ids.type == pa.binary()):
        pytest.skip("a Delta table has no such type")
    write(kind, lake / "Readers", pa.table({"CustomerId": ids}))
    outcome = run_tap(lake, source=kind)
    assert outcome.exit_code == 0, outcome.log
    assert [record["CustomerId"] for record in outcome.records("Readers")] == sent


def test_id_is_never_brought_to_the_type_of_another_file(lake: Path, run_tap: Callable[..., Outcome]) -> None:
    write("parquet", lake / "Readers", pa.table({"CustomerId": [1], "Points": pa.array([1], pa.int64())}))
    write("parquet", lake / "Readers", pa.table({"CustomerId": ["007"], "Points": pa.array([2.0])}))
    outcome = run_tap(lake, source="parquet")
    assert outcome.exit_code == 0, outcome.log
    assert outcome.records("Readers") == [{"CustomerId": "1", "Points": 1}, {"CustomerId": "007", "Points": 2}]


@pytest.mark.parametrize("first", [pa.array([12345]), pa.array([date(2026, 1, 1)]), pa.array([True])])
def test_text_is_never_taken_for_a_number(lake: Path, run_tap: Callable[..., Outcome], first: pa.Array) -> None:
    write("parquet", lake / "Readers", pa.table({"CustomerId": ["a"], "Zip": first}))
    write("parquet", lake / "Readers", pa.table({"CustomerId": ["b"], "Zip": ["01234"]}))
    outcome = run_tap(lake, source="parquet")
    assert outcome.exit_code == 1
    assert "CIX-208" in outcome.errors()[0]
    assert "another type of Zip" in outcome.errors()[0]
    assert len(outcome.records("Readers")) == 1
    assert outcome.of_type("ACTIVATE_VERSION") == []


def test_removed_delta_table_file_is_an_error(lake: Path, run_tap: Callable[..., Outcome]) -> None:
    write("delta", lake / "Readers", table())
    for path in (lake / "Readers").glob("*.parquet"):
        path.unlink()
    outcome = run_tap(lake, source="delta")
    assert outcome.exit_code == 1
    assert outcome.of_type("ACTIVATE_VERSION") == []
    assert "CIX-208" in outcome.errors()[0]
    assert "Traceback" not in outcome.log


def test_rows_that_were_deleted_from_a_delta_table_are_not_read(lake: Path, sync: Callable[..., Outcome]) -> None:
    write("delta", lake / "Readers", table())
    DeltaTable(lake / "Readers").delete(f"\"CustomerId\" = '{'0b' * 16}'")
    assert len(sync(lake, source="delta").records("Readers")) == 2


def test_values_that_do_not_fit_are_null_and_told(lake: Path, run_tap: Callable[..., Outcome]) -> None:
    odd = pa.table(
        {
            "CustomerId": pa.array([1, 2], pa.int64()),
            "Score": [float("nan"), float("inf")],
            "Points": pa.array([2**64 - 1, 5], pa.uint64()),
            "City": pa.array(["Oslo", "Oslo"]).dictionary_encode(),
            "Tags": [["a"], None],
            "Seen": pa.array([1_000_000_001, None], pa.timestamp("ns")),
        }
    )
    write("parquet", lake / "Odd", odd)
    outcome = run_tap(lake, source="parquet")
    assert outcome.exit_code == 0, outcome.log
    assert outcome.records("Odd") == [
        {
            "CustomerId": "1",
            "Score": None,
            "Points": None,
            "City": "Oslo",
            "Tags": '["a"]',
            "Seen": "1970-01-01T00:00:01Z",
        },
        {"CustomerId": "2", "Score": None, "Points": 5, "City": "Oslo", "Tags": None, "Seen": None},
    ]
    assert outcome.log.count("CIX-215") == 3


def test_folder_without_tables_is_told(kind: str, lake: Path) -> None:
    with pytest.raises(CixError) as refused:
        open_lake(kind, str(lake), None, LOGGER, set)
    assert refused.value.code is TABLES_NOT_FOUND


def test_missing_library_is_named_as_the_extra(kind: str, lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"tap_cix_segments.{kind}", None)
    with pytest.raises(CixError) as refused:
        open_lake(kind, str(lake), None, LOGGER, set)
    assert refused.value.code is EXTRA_MISSING
    assert f"[{kind}]" in refused.value.action


def test_parquet_is_read_over_sftp_and_delta_is_refused(
    lake: Path, run_tap: Callable[..., Outcome], tmp_path: Path
) -> None:
    write("parquet", lake / "Readers", table())
    with serve_sftp(lake) as place:
        options = place.options(tmp_path / "known_hosts")
        remote = run_tap(place.url, source="parquet", storage_options=options)
        assert remote.exit_code == 0, remote.log
        assert remote.records("Readers") == run_tap(lake, source="parquet").records("Readers")
        with pytest.raises(CixError) as refused:
            open_lake("delta", place.url, options, LOGGER, set)
    assert refused.value.code is SETTING_INVALID


def members(*rows: tuple[str, Any], kind: str = "Customer", deleted: bool | None = None) -> pa.Table:
    columns = {
        "Id": [str(number) for number, _ in enumerate(rows)],
        "msdynci_customerid": [customer for customer, _ in rows],
        "msdynci_segments": [segments if isinstance(segments, str) else json.dumps(segments) for _, segments in rows],
        "msdynci_segmentmembershiptype": [kind] * len(rows),
        "IsDelete": pa.array([deleted] * len(rows), pa.bool_()),
    }
    return pa.table(columns)


PROFILES = pa.table(
    {
        "Id": ["1", "2", "3"],
        "SinkModifiedOn": [datetime(2026, 11, 20, tzinfo=timezone.utc)] * 3,
        "msdynci_customerprofileid": ["x", "y", "z"],
        "msdynci_customerid": ["c1", "c2", "c3"],
        "msdynci_previouscustomerid": [None, None, "c0;c9"],
        "msdynci_email": ["a@example.com", "b@example.com", "c@example.com"],
        "msdynci_loyaltypoints": [1, None, 3],
        "msdynci_since": [date(2020, 1, 1) + timedelta(days=day) for day in range(3)],
        "IsDelete": pa.array([None, None, None], pa.bool_()),
    }
)


@pytest.fixture
def linked(lake: Path) -> Path:
    """What Synapse Link keeps: the two tables, in a folder of their own."""
    tables = lake / "deltalake"
    tables.mkdir()
    rows = [("c1", {"Segments": ["Gold", "Gold_UK"]}), ("c2", ["Gold"]), ("c0", {"Segments": ["Gold"]}), ("c1", "")]
    write("delta", tables / "msdynci_segmentmembership_partitioned", members(*rows))
    write(
        "delta",
        tables / "msdynci_segmentmembership_partitioned",
        members(("k1", ["Gold"]), kind="Contact"),
        append=True,
    )
    write(
        "delta",
        tables / "msdynci_segmentmembership_partitioned",
        members(("c3", ["Gold_UK"]), deleted=True),
        append=True,
    )
    write("delta", tables / "msdynci_customerprofile_partitioned", PROFILES)
    return lake


def test_tables_of_synapse_link_are_joined_to_segments(linked: Path, sync: Callable[..., Outcome]) -> None:
    outcome = sync(linked, source="delta")
    assert outcome.exit_code == 0, outcome.log
    gold = {record["CustomerId"]: record for record in outcome.records("Gold")}
    assert set(gold) == {"c1", "c2", "c3"}, "c3 is who c0 was before"
    assert gold["c1"] == {
        "CustomerId": "c1",
        "PreviousCustomerId": None,
        "email": "a@example.com",
        "loyaltypoints": 1,
        "since": "2020-01-01",
    }
    assert [record["CustomerId"] for record in outcome.records("Gold_UK")] == ["c1"]
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 2


def test_table_of_synapse_link_that_is_there_twice_is_refused(linked: Path) -> None:
    write("delta", linked / "deltalake" / "msdynci_customerprofile", PROFILES)
    with pytest.raises(CixError, match="msdynci_customerprofile_partitioned") as refused:
        open_lake("delta", str(linked), None, LOGGER, set)
    assert refused.value.code is TABLES_AMBIGUOUS


def test_full_disk_ends_the_run_and_is_no_lost_partition(linked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise CixError(DISK_FULL, "The working file cannot be used.")

    source = open_lake("delta", str(linked), None, LOGGER, set)
    segment = source.segments()[0]
    monkeypatch.setattr(Join, "add_profiles", fail)
    with pytest.raises(CixError) as refused:
        list(source.read(segment, segment.columns, SegmentReport(segment.name, LOGGER)))
    assert refused.value.code is DISK_FULL


def test_member_without_a_profile_costs_the_segment_its_end(linked: Path, run_tap: Callable[..., Outcome]) -> None:
    folder = linked / "deltalake" / "msdynci_segmentmembership_partitioned"
    write("delta", folder, members(("c7", ["Gold_UK"]), ("c8", "{no json")), append=True)
    outcome = run_tap(linked, source="delta", segments=["Gold_UK"])
    assert outcome.exit_code == 1
    assert outcome.of_type("ACTIVATE_VERSION") == []
    assert {"CIX-236", "CIX-237"} <= {word.rstrip(":") for line in outcome.errors() for word in line.split()}


def test_a_type_of_membership_that_is_not_known_costs_every_segment_its_end(
    linked: Path, run_tap: Callable[..., Outcome]
) -> None:
    folder = linked / "deltalake" / "msdynci_segmentmembership_partitioned"
    write("delta", folder, members(("c2", ["Gold_UK"]), kind="Individual"), append=True)
    outcome = run_tap(linked, source="delta", segments=["Gold_UK"])
    assert outcome.exit_code == 1
    assert outcome.of_type("ACTIVATE_VERSION") == []
    assert any("CIX-236" in line for line in outcome.errors())


def test_options_of_a_storage_are_named_as_the_delta_library_names_them() -> None:
    connection = "AccountName=exports;AccountKey=a2V5PT0=;BlobEndpoint=http://127.0.0.1:1/exports;"
    assert delta_options("azure", {"connection_string": connection}) == {
        "account_name": "exports",
        "account_key": "a2V5PT0=",
        "endpoint": "http://127.0.0.1:1/exports",
        "allow_http": "true",
    }
    assert delta_options("azure", {"account_name": "x", "client_id": "y"}) == {"account_name": "x", "client_id": "y"}
    assert delta_options("s3", {"key": "k", "secret": "s", "endpoint_url": "https://s3.example.com"}) == {
        "aws_access_key_id": "k",
        "aws_secret_access_key": "s",
        "aws_endpoint": "https://s3.example.com",
    }
    assert delta_options("", {}) == {}
