"""The source `folder`: what Customer Insights exports to Azure Blob Storage or Data Lake Storage, or a copy of it."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from posixpath import basename, dirname
from typing import TYPE_CHECKING, Any, NamedTuple

from audience_sdk.errors import (
    MODEL_AMBIGUOUS,
    MODEL_INVALID,
    MODEL_NOT_FOUND,
    PARTITION_EMPTY,
    PARTITION_MISSING,
    PARTITION_UNREADABLE,
    SOURCE_UNREADABLE,
    CixError,
)

from tap_cix_segments.data_types import read_column
from tap_cix_segments.locations import path_parts, possible_paths
from tap_cix_segments.model import FolderSegment, Model, Partition, parse_model
from tap_cix_segments.partition import PartitionReader, Rows
from tap_cix_segments.patience import Patience
from tap_cix_segments.segment import Batch, Column, Segment, Source
from tap_cix_segments.storage import (
    BLOCK_BYTES,
    InputFile,
    clear_errors,
    file_mark,
    open_folder,
    scheme_of,
    without_secrets,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping, Sequence

    from tap_cix_segments.report import SegmentReport

MODEL_FILE = "model.json"


class PartitionFile(NamedTuple):
    """A partition that has been found.

    Attributes:
        partition: What model.json says about it.
        path: Where it is.
        size: Its size in bytes.
        mark: A text that changes when it is written anew; None if there is none.
    """

    partition: Partition
    path: str
    size: int
    mark: str | None


class FolderSource(Source):
    """Segments out of an export folder.

    Args:
        folder: A path, or a URL that fsspec can open.
        logger: Is told what of model.json is left out.
        storage_options: Options of the storage, such as credentials.
        wait_seconds: How long to wait, in all, for files that are being written.
        allow_empty_files: Whether a file without a single byte is a partition without rows.

    Raises:
        CixError: The folder cannot be read, or holds no single readable model.json.
    """

    def __init__(
        self,
        folder: str,
        logger: logging.Logger,
        *,
        storage_options: Mapping[str, Any] | None = None,
        wait_seconds: float = 0,
        allow_empty_files: bool = False,
    ) -> None:
        self._logger = logger
        self._scheme = scheme_of(folder)
        self._allow_empty_files = allow_empty_files
        self._patience = Patience(wait_seconds, logger)
        self._files, root = open_folder(folder, storage_options)
        shown = without_secrets(folder)
        model_path = self._find_model(root, shown=shown)
        self._bases = _folders_between(dirname(model_path), dirname(root) if model_path == root else root)
        self._model = self._patience.wait(
            lambda: self._read_model(model_path), worth_waiting={MODEL_INVALID, MODEL_NOT_FOUND}
        )
        self._partitions = {segment.name: segment.partitions for segment in self._model.segments}
        for note in self._model.notes:
            logger.warning("model.json: %s", note)

    def segments(self) -> Sequence[FolderSegment]:
        """Return the segments that model.json lists."""
        return self._model.segments

    def content_mark(self, segment: Segment) -> str | None:
        """Return a text made of a segment's partitions: their locations, refresh times and files.

        Args:
            segment: One of `segments()`.

        Returns:
            None if model.json does not say of each partition when it was refreshed, or if one is not there, or if the
            storage tells neither time nor tag of its files.
        """
        if segment.refreshed_at is None:
            return None
        mark = hashlib.sha256()
        for partition in self._partitions[segment.name]:
            try:
                file = self._look_up(partition)
            except CixError:
                return None
            if file.mark is None:
                return None
            mark.update(repr((partition, file.mark)).encode())
        return mark.hexdigest()

    def read(self, segment: Segment, columns: Sequence[Column], report: SegmentReport) -> Iterator[Batch]:
        """Read the partitions that model.json names for a segment, and no other files.

        Args:
            segment: One of `segments()`.
            columns: Which of its columns are wanted.
            report: Is told which partitions, rows and values could not be read.

        Yields:
            The profiles.
        """
        found = self._find_partitions(segment, report)
        total = sum(file.size for file in found)
        before = 0
        for file in found:
            try:
                with self._open_partition(file) as opened:
                    for batch in self._read_partition(opened, file.partition, segment, columns, report):
                        share = (before + opened.tell()) / total if total else None
                        yield batch._replace(share=share)
                    self._check_unchanged(file, opened.tell())
            except CixError as error:
                report.partition_lost(file.partition.name, error)
            before += file.size

    def _read_partition(
        self,
        opened: InputFile,
        partition: Partition,
        segment: Segment,
        columns: Sequence[Column],
        report: SegmentReport,
    ) -> Iterator[Batch]:
        names = [column.name for column in segment.columns]
        reader = PartitionReader(opened, partition, names, report)
        if reader.layout is None:
            if not self._allow_empty_files:
                raise CixError(PARTITION_EMPTY, "its file is empty, without even a header.")
            return
        if reader.layout.has_header and partition.csv_format.header is False:
            self._logger.warning(
                "Segment %s, partition %s: model.json says that there is no header, but the first row is one; "
                "it is not sent as a profile.",
                segment.name,
                partition.name,
            )
        order = dict(zip(names, reader.layout.order, strict=True))
        wanted = [(column, order[column.name], column.name in segment.key_properties) for column in columns]
        for rows in reader.blocks():
            yield _batch(rows, wanted, partition.name, report)

    def _find_partitions(self, segment: Segment, report: SegmentReport) -> list[PartitionFile]:
        # What a listing says can differ in form from what is said of a single file, and it may be old by now.
        self._files.invalidate_cache()
        found = []
        for partition in self._partitions[segment.name]:
            try:
                found.append(self._find_partition(partition))
            except CixError as error:  # noqa: PERF203 - a partition is a file
                report.partition_lost(partition.name, error)
        return found

    def _find_partition(self, partition: Partition) -> PartitionFile:
        """Find a partition's file, and wait for it if it is not there or not filled yet."""
        try:
            return self._patience.wait(
                lambda: self._look_up(partition, filled=not self._allow_empty_files),
                worth_waiting={PARTITION_MISSING, PARTITION_EMPTY},
                before_next=self._files.invalidate_cache,
            )
        except CixError as error:
            if error.code is PARTITION_EMPTY:  # what its header should have been tells more
                return self._look_up(partition)
            raise

    def _check_unchanged(self, file: PartitionFile, bytes_read: int) -> None:
        """Raise an error if a file was written while it was read: what was read is then neither old nor new."""
        self._files.invalidate_cache()
        with clear_errors(PARTITION_UNREADABLE, "it cannot be looked up again", self._scheme):
            info = self._info(file.path)
        now = (int(info.get("size") or 0), file_mark(info)) if info else None
        if now != (file.size, file.mark) or bytes_read != file.size:
            action = "Let the export or copy end, then run again."
            raise CixError(PARTITION_UNREADABLE, "its file was written while it was read.", action)

    def _look_up(self, partition: Partition, *, filled: bool = False) -> PartitionFile:
        for path in possible_paths(partition.location, self._bases):
            with clear_errors(PARTITION_UNREADABLE, "it cannot be looked up", self._scheme):
                info = self._info(path)
            if info is not None and info["type"] == "file":
                size = int(info.get("size") or 0)
                if filled and not size:
                    raise CixError(PARTITION_EMPTY, "its file is empty.")
                return PartitionFile(partition, path, size, file_mark(info))
        path = "/".join(path_parts(partition.location))
        message = f"there is no file {path} below the folder, nor one at a shorter end of that path."
        raise CixError(PARTITION_MISSING, message)

    def _info(self, path: str) -> Mapping[str, Any] | None:
        try:
            return self._files.info(path)  # type: ignore[no-any-return]
        except (FileNotFoundError, NotADirectoryError):
            return None

    @contextmanager
    def _open_partition(self, file: PartitionFile) -> Iterator[InputFile]:
        with clear_errors(PARTITION_UNREADABLE, "it cannot be opened", self._scheme):
            opened = self._files.open(file.path, "rb", block_size=BLOCK_BYTES)
            raw = InputFile(opened)
        with opened:
            yield raw

    def _find_model(self, root: str, *, shown: str) -> str:
        """Return the path of the one model.json at or below the root."""
        with clear_errors(SOURCE_UNREADABLE, f"The folder {shown} cannot be searched", self._scheme):
            if basename(root) == MODEL_FILE and self._files.isfile(root):
                return root
            if not self._files.isdir(root):
                raise CixError(SOURCE_UNREADABLE, f"There is no folder {shown}.")
            found = self._search_model(root)
        if not found:
            raise CixError(MODEL_NOT_FOUND, f"No {MODEL_FILE} lies at or below {shown}.")
        if len(found) > 1:
            folders = ", ".join(sorted(dirname(path).removeprefix(root).strip("/") for path in found))
            raise CixError(MODEL_AMBIGUOUS, f"Several exports lie below {shown}: {folders}.")
        return found[0]

    def _search_model(self, root: str) -> list[str]:
        """Search level by level; below a folder with a model.json lie only its partitions. Links are not followed."""
        found: list[str] = []
        level = [root]
        while level:
            below: list[str] = []
            for folder in level:
                # Some storages list a folder in itself.
                entries = [e for e in self._files.ls(folder, detail=True) if e["name"].rstrip("/") != folder]
                model = [e["name"] for e in entries if e["type"] == "file" and basename(e["name"]) == MODEL_FILE]
                found.extend(model)
                if not model:
                    below.extend(e["name"] for e in entries if e["type"] == "directory" and not e.get("islink"))
            level = below
        return found

    def _read_model(self, path: str) -> Model:
        with clear_errors(SOURCE_UNREADABLE, f"{MODEL_FILE} cannot be read", self._scheme):
            try:
                content = self._files.cat_file(path)
            except FileNotFoundError:
                raise CixError(MODEL_NOT_FOUND, f"{MODEL_FILE} was there a moment ago, and is gone.") from None
        return parse_model(content)


def _folders_between(inner: str, root: str) -> list[str]:
    """Return a folder and those around it up to the root."""
    folders = [inner]
    while folders[-1] != root and (around := dirname(folders[-1])) != folders[-1]:
        folders.append(around)
    return folders


def _batch(rows: Rows, wanted: Sequence[tuple[Column, int, bool]], partition: str, report: SegmentReport) -> Batch:
    """Turn rows of texts into columns of values."""
    texts = list(zip(*rows.values, strict=True)) if rows.values else []
    columns = []
    for column, position, is_key in wanted:
        values, misfits = read_column(texts[position], column.data_type) if texts else ([], [])
        if misfits:
            numbers = [rows.numbers[misfit] for misfit in misfits]
            report.odd_values(partition, numbers, column.name, f"is not of type {column.data_type.name}")
        elif is_key and None in values:
            numbers = [rows.numbers[place] for place, value in enumerate(values) if value is None]
            report.odd_values(partition, numbers, column.name, "is empty, although it is the key")
        columns.append(values)
    return Batch(columns, len(rows.values), None)
