"""Tables of Parquet files; needs the extra `parquet`."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime, timezone
from functools import cached_property
from posixpath import basename
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
from audience_sdk.errors import HEADER_WRONG, PARTITION_UNREADABLE, SOURCE_UNREADABLE, CixError

from tap_cix_segments.arrow import column_of
from tap_cix_segments.lake import ROWS_PER_BATCH
from tap_cix_segments.storage import BLOCK_BYTES, clear_errors, file_mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_cix_segments.segment import Column

_ENDING = ".parquet"
_BUFFER_BYTES = 1 << 16
_TIMES = ("mtime", "last_modified", "LastModified", "updated")


class ParquetTable:
    """One table: a file, or all the files below a folder.

    Args:
        files: The file system.
        name: The table's name.
        found: What the file system says about its files.

    Attributes:
        name: Its name.
        mark: A text made of its files.
        rows: None: only the end of each file tells.
        refreshed_at: When the newest of them was written.
    """

    def __init__(self, files: Any, name: str, found: Sequence[Mapping[str, Any]]) -> None:
        self._files = files
        self._found = sorted(found, key=lambda info: str(info["name"]))
        self.name = name
        self.rows: int | None = None
        marks = [(info["name"], file_mark(info)) for info in self._found]
        self.mark: str | None = hashlib.sha256(repr(marks).encode()).hexdigest()
        times = [_written_at(info) for info in self._found]
        self.refreshed_at = max(filter(None, times)) if all(times) else None

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Its columns, by the first file."""
        return tuple(column_of(field) for field in self._schema)

    @cached_property
    def _schema(self) -> Any:
        path = self._found[0]["name"]
        with (
            clear_errors(SOURCE_UNREADABLE, f"The table {self.name} cannot be read"),
            self._files.open(path, "rb", block_size=BLOCK_BYTES) as opened,
        ):
            return pq.read_schema(opened)

    def read(self, names: Sequence[str]) -> Iterator[Any]:
        """Read the files one after the other, as `LakeTable` says.

        Args:
            names: The names of the columns.

        Yields:
            Record batches.

        Raises:
            CixError: A file cannot be read, or lacks a column.
        """
        for info in self._found:
            file = basename(info["name"])
            with clear_errors(PARTITION_UNREADABLE, f"its file {file} cannot be read to its end"):
                yield from self._read_file(info["name"], file, names)

    def _read_file(self, path: str, file: str, names: Sequence[str]) -> Iterator[Any]:
        with (
            self._files.open(path, "rb", block_size=BLOCK_BYTES) as opened,
            pq.ParquetFile(opened, buffer_size=_BUFFER_BYTES) as parquet,
        ):
            missing = [name for name in names if name not in parquet.schema_arrow.names]
            if missing:
                raise CixError(HEADER_WRONG, f"its file {file} lacks {', '.join(missing)}.")
            # Read by the positions of the columns: a name with a dot would be taken for one in a structure.
            for rows in parquet.iter_batches(ROWS_PER_BATCH, columns=list(names)):
                yield _cast(rows.select(list(names)), self._schema, names)


def _cast(rows: Any, schema: Any, names: Sequence[str]) -> Any:
    wanted = [schema.field(name).type for name in names]
    if rows.schema.types == wanted:
        return rows
    return type(rows).from_arrays(
        [array.cast(kind) for array, kind in zip(rows.columns, wanted, strict=True)], names=list(names)
    )


def find_parquet_tables(files: Any, root: str, *, shown: str, scheme: str) -> list[ParquetTable]:
    """Find the tables of a folder: each subfolder with Parquet files below it, and each Parquet file beside them.

    Args:
        files: The file system.
        root: The folder.
        shown: The folder as it may be shown.
        scheme: The scheme of its URL.

    Returns:
        The tables, by name.

    Raises:
        CixError: The folder cannot be read.
    """
    with clear_errors(SOURCE_UNREADABLE, f"The folder {shown} cannot be searched", scheme):
        if not files.isdir(root):
            raise CixError(SOURCE_UNREADABLE, f"There is no folder {shown}.")
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for path, info in files.find(root, detail=True).items():
            parts = path.removeprefix(root).strip("/").split("/")
            if parts[-1].endswith(_ENDING) and not any(part.startswith(("_", ".")) for part in parts):
                found[parts[0].removesuffix(_ENDING)].append(info)
    return [ParquetTable(files, name, infos) for name, infos in sorted(found.items())]


def _written_at(info: Mapping[str, Any]) -> datetime | None:
    value = next((info[key] for key in _TIMES if info.get(key) is not None), None)
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, timezone.utc)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return None
