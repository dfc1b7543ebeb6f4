"""Where the export is found, and which of its files are read."""

from __future__ import annotations

import gzip
import logging
import shutil
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from audience_sdk.errors import CixError
from fsspec.implementations.local import LocalFileSystem
from tap_cix_segments.folder import FolderSource, without_secrets
from tap_cix_segments.report import SegmentReport

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import ExportFolder

LOGGER = logging.getLogger("test")
ANNA = ("0a" * 16, "anna@example.com", "120")
BEN = ("0b" * 16, "ben@example.org", "")
CARA = ("0c" * 16, "cara@example.net", "-7")


def customer_ids(folder: Path | str) -> list[str]:
    """Read the first segment of a folder to its end."""
    source = FolderSource(str(folder), LOGGER)
    segment = source.segments()[0]
    report = SegmentReport(segment.name, LOGGER)
    batches = list(source.read(segment, segment.columns[:1], report))
    assert report.complete
    assert not batches or batches[-1].share == 1
    return [value for batch in batches for value in batch.columns[0]]


@pytest.fixture
def small(export: ExportFolder) -> ExportFolder:
    """An export of one segment in two partitions."""
    return export.add("Readers", [ANNA, BEN], [CARA])


IDS = [ANNA[0], BEN[0], CARA[0]]


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_folder_may_be_the_container_or_any_folder_down_to_model_json(small: ExportFolder, depth: int) -> None:
    below = ["", "CustomerInsights_5f3c1d0a", "CustomerInsights_5f3c1d0a/Mail Export"]
    folder = small.root / [*below, f"{below[2]}/model.json"][depth]
    assert customer_ids(folder) == IDS


def test_folder_may_lie_above_the_container(small: ExportFolder) -> None:
    assert customer_ids(small.root.parent) == IDS


def test_folder_may_be_a_copy_under_another_name(small: ExportFolder, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "copy of the export"
    shutil.copytree(small.export, copy)
    shutil.rmtree(small.root)
    assert customer_ids(copy) == IDS
    assert customer_ids(copy.parent) == IDS


def test_folder_may_be_relative_or_a_link(small: ExportFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.root.parent)
    assert customer_ids("a container/../a container") == IDS
    (small.root.parent / "link").symlink_to(small.root)
    assert customer_ids("link") == IDS


def test_folder_may_be_a_file_url(small: ExportFolder) -> None:
    assert customer_ids(f"file://{small.root}") == IDS
    assert customer_ids(f"file://{small.root}/CustomerInsights_5f3c1d0a/") == IDS


def test_folder_may_be_on_another_file_system(small: ExportFolder) -> None:
    memory = fsspec.filesystem("memory")
    try:
        for path in small.root.rglob("*.*"):
            memory.pipe_file(f"/{path.relative_to(small.root)}", path.read_bytes())
        assert customer_ids("memory://") == IDS
        assert customer_ids("memory://CustomerInsights_5f3c1d0a/") == IDS
    finally:
        memory.store.clear()


def test_segment_is_never_taken_for_unchanged_by_the_sizes_of_its_files_alone(export: ExportFolder) -> None:
    export.add("Readers", [ANNA])
    partitions = export.model["entities"][0]["partitions"]
    partitions[0]["refreshTime"] = "2026-11-20T04:00:00Z"
    export.write_model()
    memory = fsspec.filesystem("memory")
    try:
        for path in export.root.rglob("*.*"):
            memory.pipe_file(f"/{path.relative_to(export.root)}", path.read_bytes())
        marks = []
        for folder in (str(export.root), "memory://"):
            source = FolderSource(folder, LOGGER)
            marks.append(source.content_mark(source.segments()[0]))
        assert marks[0]
        assert marks[1] is None, "this file system tells no time that is trusted"
    finally:
        memory.store.clear()


def test_relative_locations_resolve_beside_model_json_and_below_the_folder(small: ExportFolder) -> None:
    for location in (
        "Readers/2026/11/20/0400/Readers_1.csv",
        f"/{small.export.name}/Readers/2026/11/20/0400/Readers_1.csv",
    ):
        small.model["entities"][0]["partitions"] = [{"name": "1", "location": location}]
        small.write_model()
        assert customer_ids(small.root) == [ANNA[0], BEN[0]]


def test_model_json_directly_in_the_folder_wins_over_those_below(small: ExportFolder) -> None:
    below = small.export / "Readers" / "old"
    below.mkdir()
    (below / "model.json").write_text("{}")
    assert customer_ids(small.export) == IDS
    assert customer_ids(small.root) == IDS


def test_only_the_partitions_that_model_json_names_are_read(small: ExportFolder) -> None:
    for stale in ("2026/11/19/0400", "2026/11/21/0400"):
        path = small.export / "Readers" / stale / "Readers_1.csv"
        path.parent.mkdir(parents=True)
        path.write_text("CustomerId,EMail,LoyaltyPoints\nff,stranger@example.com,1\n")
    (small.partition("Readers").parent / "Readers_3.csv").write_text("CustomerId,EMail,LoyaltyPoints\nff,x,1\n")
    assert customer_ids(small.root) == IDS


def test_partitions_may_differ_in_their_order_of_columns(export: ExportFolder) -> None:
    export.add("Readers", [ANNA], b"EMail,LoyaltyPoints,CustomerId\nben@example.org,1,0b\n")
    assert customer_ids(export.root) == [ANNA[0], "0b"]


def test_stated_false_with_a_header_warns_and_leaves_the_header_out(
    export: ExportFolder, caplog: pytest.LogCaptureFixture
) -> None:
    export.add("Readers", [ANNA], file_format={"columnHeaders": "false"})
    assert customer_ids(export.root) == [ANNA[0]]
    assert "there is no header, but the first row is one" in caplog.text


def test_files_without_a_header(export: ExportFolder) -> None:
    export.add("Readers", [ANNA], [BEN], header=False)
    assert customer_ids(export.root) == [ANNA[0], BEN[0]]


def test_empty_key_is_told_and_sent(export: ExportFolder, caplog: pytest.LogCaptureFixture) -> None:
    export.add("Readers", [ANNA, ("", "ben@example.org", "1")])
    assert customer_ids(export.root) == [ANNA[0], None]
    assert "row 3: the value of CustomerId is empty, although it is the key" in caplog.text


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rewritten", ["cut short", "longer", "as long", "replaced by a file as long", "gone"])
def test_file_that_is_written_while_it_is_read_is_not_the_whole_partition(
    export: ExportFolder, caplog: pytest.LogCaptureFixture, rewritten: str, *, packed: bool
) -> None:
    rows = [(f"{number:032x}", f"p{number}@example.com", str(number)) for number in range(50_000)]
    export.add("Readers", rows)
    path = export.partition("Readers")
    content = gzip.compress(path.read_bytes()) if packed else path.read_bytes()
    path.write_bytes(content)
    source = FolderSource(str(export.root), LOGGER)
    [segment] = source.segments()
    report = SegmentReport(segment.name, LOGGER)
    batches = source.read(segment, segment.columns, report)
    next(batches)
    if rewritten == "gone":
        path.unlink()
    elif rewritten == "replaced by a file as long":
        (path.parent / "new").write_bytes(content)
        (path.parent / "new").replace(path)
    else:
        path.write_bytes({"cut short": content[: len(content) // 2], "longer": content * 2}.get(rewritten, content))
    assert list(batches)
    assert not report.complete
    assert "CIX-20" in caplog.text


class _Remembering(LocalFileSystem):  # type: ignore[misc]
    """Says of a file that it has listed what the listing said, with a finer time, as some storages do."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.listed: dict[str, Any] = {}

    def ls(self, path: str, detail: bool = False, **kwargs: Any) -> Any:
        entries = super().ls(path, detail=True, **kwargs)
        self.listed |= {entry["name"]: entry | {"mtime": f"{entry['mtime']} and finer"} for entry in entries}
        return entries if detail else [entry["name"] for entry in entries]

    def info(self, path: str, **kwargs: Any) -> Any:
        return self.listed.get(str(path)) or super().info(path, **kwargs)

    def invalidate_cache(self, path: str | None = None) -> None:
        self.listed.clear()


def test_file_that_nobody_writes_is_whole_however_a_storage_words_its_time(
    small: ExportFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = _Remembering()
    monkeypatch.setattr("tap_cix_segments.folder.open_folder", lambda *_: (files, str(small.root)))
    source = FolderSource(str(small.root), LOGGER)
    files.ls(str(small.partition("Readers").parent), detail=True)
    [segment] = source.segments()
    report = SegmentReport(segment.name, LOGGER)
    assert sum(batch.size for batch in source.read(segment, segment.columns, report)) == len(IDS)
    assert report.complete


def test_scheme_that_cannot_be_opened() -> None:
    with pytest.raises(CixError, match=r"CIX-201.*nosuch") as caught:
        FolderSource("nosuch://user:secret@host/path", LOGGER)
    assert "secret" not in str(caught.value)


def test_urls_are_shown_without_their_secrets() -> None:
    assert without_secrets("abfss://user:pw@host/path?sig=abc") == "abfss://host/path"
    assert without_secrets("some folder/at?x") == "some folder/at?x"
