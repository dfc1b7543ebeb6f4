"""A segment is left out only if it is the one that was read before; a reader can tell that from an empty one."""

from __future__ import annotations

import copy
import json
import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.bookmarks import CONTENT, SKIPPED
from tap_cix_segments.data_types import STRING
from tap_cix_segments.freshness import content_of, is_unchanged, staleness
from tap_cix_segments.segment import Column, Segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ExportFolder, Outcome

ANNA = ("0a" * 16, "anna@example.com", "120")
BEN = ("0b" * 16, "ben@example.org", "")
NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)
WEEK = timedelta(days=7)


@pytest.fixture
def run(export: ExportFolder, sync: Callable[..., Outcome], caplog: pytest.LogCaptureFixture) -> Callable[..., Outcome]:
    """Run the tap on the folder with the state that its run before has left."""
    states: list[Any] = [None]
    caplog.set_level(logging.INFO)

    def run_with_state(*, confirmed: bool = True, **settings: Any) -> Outcome:
        caplog.clear()
        outcome = sync(export, state=copy.deepcopy(states[-1]), **settings)
        outcome.log = caplog.text
        if confirmed:
            states.extend(message["value"] for message in outcome.of_type("STATE"))
        return outcome

    return run_with_state


def refreshed(export: ExportFolder, name: str = "Readers", at: str | None = "2026-11-20T04:00:00Z") -> None:
    """State in model.json when a segment was refreshed."""
    for entity in export.model["entities"]:
        if entity["name"] == name:
            for partition in entity["partitions"]:
                partition["refreshTime"] = at
    export.write_model()


def read(outcome: Outcome) -> set[str]:
    """The segments that the tap has sent."""
    assert outcome.exit_code == 0, outcome.log
    sent = {message["stream"] for message in outcome.of_type("SCHEMA")}
    assert {message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")} == sent
    return sent


def skipped(outcome: Outcome) -> set[str]:
    """The segments that the last STATE says were left out."""
    bookmarks = outcome.of_type("STATE")[-1]["value"]["bookmarks"]
    return {name for name, mark in bookmarks.items() if mark.get(SKIPPED)}


def test_segment_that_was_not_refreshed_is_left_out_and_state_says_so(
    export: ExportFolder, run: Callable[..., Outcome]
) -> None:
    export.add("Readers", [ANNA], [BEN]).add("Risk", [BEN])
    refreshed(export)
    refreshed(export, "Risk")
    assert read(run()) == {"Readers", "Risk"}
    again = run()
    assert {message["type"] for message in again.messages} == {"STATE"}
    assert skipped(again) == {"Readers", "Risk"}
    refreshed(export, "Risk", "2026-11-21T04:00:00Z")
    third = run()
    assert read(third) == {"Risk"}
    first_state = third.of_type("STATE")[0]["value"]["bookmarks"]
    assert not any(mark[SKIPPED] for mark in first_state.values()), "left out in the run before, not in this one"
    assert skipped(third) == {"Readers"}
    assert "Readers: unchanged" in third.log


def test_segment_without_a_stated_refresh_is_always_read(export: ExportFolder, run: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA], [BEN])
    for at in (None, "soon"):
        refreshed(export, at=at)
        run()
        assert read(run()) == {"Readers"}
    refreshed(export)
    del export.model["entities"][0]["partitions"][1]["refreshTime"]
    export.write_model()
    run()
    assert read(run()) == {"Readers"}


def test_file_that_was_written_anew_is_read_whatever_the_stated_refresh(
    export: ExportFolder, run: Callable[..., Outcome]
) -> None:
    export.add("Readers", [ANNA])
    refreshed(export)
    run()
    path = export.partition("Readers")
    path.write_bytes(path.read_bytes() + b",ben@example.org,\r\n")
    assert read(run()) == {"Readers"}


def test_other_partitions_columns_or_stream_maps_are_read(export: ExportFolder, run: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA], [BEN])
    refreshed(export)
    run()
    maps = {"Readers": {"EMail": "EMail.lower()"}}
    assert read(run(stream_maps=maps)) == {"Readers"}
    assert skipped(run(stream_maps=maps)) == {"Readers"}
    del export.model["entities"][0]["partitions"][1]
    export.write_model()
    assert read(run(stream_maps=maps)) == {"Readers"}


def test_missing_partition_is_an_error_and_not_an_unchanged_segment(
    export: ExportFolder, run: Callable[..., Outcome]
) -> None:
    export.add("Readers", [ANNA], [BEN])
    refreshed(export)
    run()
    content = export.partition("Readers", 2).read_bytes()
    export.partition("Readers", 2).unlink()
    incomplete = run()
    assert incomplete.exit_code == 1
    assert CONTENT not in incomplete.of_type("STATE")[-1]["value"]["bookmarks"].get("Readers", {})
    export.partition("Readers", 2).write_bytes(content)
    assert read(run()) == {"Readers"}


def test_switched_off_or_with_an_emptied_bookmark_it_is_read(
    export: ExportFolder, run: Callable[..., Outcome], sync: Callable[..., Outcome]
) -> None:
    export.add("Readers", [ANNA])
    refreshed(export)
    run()
    assert read(run(skip_unchanged=False, confirmed=False)) == {"Readers"}
    assert skipped(run()) == {"Readers"}
    for bookmark in ({CONTENT: None, SKIPPED: None, "read_at": None}, None, "x", 5, {CONTENT: ["x"]}):
        assert read(sync(export, state={"bookmarks": {"Readers": bookmark}})) == {"Readers"}


def test_state_of_any_shape_is_no_error(export: ExportFolder, sync: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA])
    for content in ({}, {"bookmarks": None}, {"bookmarks": []}, {"singer_state": {}}):
        assert read(sync(export, state=content)) == {"Readers"}


def test_bookmarks_of_segments_that_are_not_selected_are_forgotten(
    export: ExportFolder, run: Callable[..., Outcome]
) -> None:
    export.add("Readers", [ANNA]).add("Risk", [BEN])
    refreshed(export)
    refreshed(export, "Risk")
    run()
    assert list(run(segments=["Risk"]).of_type("STATE")[-1]["value"]["bookmarks"]) == ["Risk"]
    assert read(run()) == {"Readers"}


def test_connection_test_reads_whatever_the_state_says(
    export: ExportFolder, run: Callable[..., Outcome], run_tap: Callable[..., Outcome], tmp_path: Path
) -> None:
    export.add("Readers", [ANNA])
    refreshed(export)
    state = tmp_path / "state.json"
    state.write_text(json.dumps(run().of_type("STATE")[-1]["value"]))
    export.partition("Readers").write_bytes(b"no header\r\n")
    assert run_tap(export, "--test", "--state", str(state)).exit_code == 1


@pytest.mark.parametrize(
    ("read_at", "unchanged"),
    [
        ("2026-11-16T00:00:00+00:00", True),
        ("2026-11-15T00:00:00+00:00", False),
        ("2026-11-23T00:00:00+00:00", False),
        ("2026-11-16T00:00:00", False),
        ("soon", False),
        (None, False),
    ],
)
def test_segment_is_read_again_after_the_stated_days(read_at: str | None, *, unchanged: bool) -> None:
    assert is_unchanged({CONTENT: "x", "read_at": read_at}, "x", NOW, WEEK) is unchanged


def test_source_without_a_mark_is_never_unchanged() -> None:
    assert content_of(None, "columns") is None
    assert not is_unchanged({CONTENT: None, "read_at": "2026-11-21T00:00:00+00:00"}, None, NOW, WEEK)


def segment(**what: Any) -> Segment:
    return Segment("Readers", (Column("CustomerId", STRING),), (), **what)


def test_stale_segments_are_told() -> None:
    old, new = NOW - timedelta(days=31), NOW - timedelta(days=2)
    assert "31 days ago, on 2026-10-22" in (staleness(segment(refreshed_at=old), NOW, 30) or "")
    assert staleness(segment(refreshed_at=old), NOW, 0) is None
    assert staleness(segment(refreshed_at=new, active=True), NOW, 30) is None
    assert staleness(segment(), NOW, 30) is None
    assert "not active" in (staleness(segment(refreshed_at=new, active=False), NOW, 30) or "")


def test_stale_segment_is_read_and_warned_of(export: ExportFolder, run: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA])
    refreshed(export, at="2020-01-01T00:00:00Z")
    outcome = run()
    assert read(outcome) == {"Readers"}
    [warning] = [line for line in outcome.log.splitlines() if "CIX-220" in line]
    assert warning.startswith("WARNING")
    assert "Readers" in warning
    assert "CIX-220" not in run(stale_after_days=0).log
