"""Tables of Parquet files; needs the extra `parquet`."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from functools import cached_property, partial
from posixpath import basename
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.parquet as pq  # type: ignore[import-untyped]
from audience_sdk.errors import (
    HEADER_WRONG,
    PARTITION_UNREADABLE,
    SETTING_INVALID,
    SOURCE_UNREADABLE,
    TABLES_AMBIGUOUS,
    CixError,
)

from tap_cix_segments.arrow import cast, column_of, fits
from tap_cix_segments.lake import ROWS_PER_BATCH
from tap_cix_segments.storage import BLOCK_BYTES, clear_errors, file_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_cix_segments.patience import Patience
    from tap_cix_segments.segment import Column

_ENDING = ".parquet"
_BUFFER_BYTES = 1 << 16
_DELTA_LOG = "_delta_log"
_TEMPORARY = "_temporary"
"""Spark and others write here, and move the files up once they are whole."""
_BEING_WRITTEN = f"its folder holds a folder {_TEMPORARY}, so that it is still being written."
_REMEDY = "Let what writes there end, or remove what it left behind; then run again."
_TIMES = ("mtime", "last_modified", "LastModified", "updated")


class Listing(NamedTuple):
    """What lies at a table's place.

    Attributes:
        files: What the file system says about its Parquet files, by name.
        problem: Why these are not the whole table; None if they are.
        is_delta: Whether a Delta log says which of them count.
    """

    files: tuple[Mapping[str, Any], ...]
    problem: str | None = None
    is_delta: bool = False

    @property
    def seen(self) -> list[tuple[str, int | None, str | None]]:
        """What changes when a file is written, comes or goes."""
        return [(str(info["name"]), info.get("size"), file_mark(info)) for info in self.files]


class ParquetTable:
    """One table: a file, or all the files below a folder.

    Args:
        files: The file system.
        name: The table's name.
        look: Lists the table's files anew.
        listing: What that gave.

    Attributes:
        name: Its name.
        mark: A text made of its files; None if they say too little, or are not the whole table.
        refreshed_at: When the newest of them was written.
    """

    def __init__(self, files: Any, name: str, look: Callable[[], Listing], listing: Listing) -> None:
        self._files = files
        self._look = look
        self._listing = listing
        self.name = name
        known = not listing.problem and all(mark for *_, mark in listing.seen)
        self.mark = hashlib.sha256(repr(listing.seen).encode()).hexdigest() if known else None
        times = [_written_at(info) for info in listing.files]
        self.refreshed_at = max(filter(None, times)) if all(times) else None

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Its columns, by the first file."""
        return tuple(column_of(field) for field in self._schema)

    @cached_property
    def _schema(self) -> Any:
        path = self._listing.files[0]["name"]
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
            CixError: A file cannot be read, lacks a column, or was written meanwhile; or the files are not the whole
                table.
        """
        if self._listing.problem:
            raise CixError(PARTITION_UNREADABLE, self._listing.problem, _REMEDY)
        for info in self._listing.files:
            file = basename(info["name"])
            with clear_errors(PARTITION_UNREADABLE, f"its file {file} cannot be read to its end"):
                yield from self._read_file(info["name"], file, names)
        with clear_errors(PARTITION_UNREADABLE, "its files cannot be listed again"):
            self._files.invalidate_cache()
            now = self._look()
        if now.problem or now.seen != self._listing.seen:
            action = "Let the export or copy end, then run again."
            raise CixError(PARTITION_UNREADABLE, "its files were written while they were read.", action)

    def _read_file(self, path: str, file: str, names: Sequence[str]) -> Iterator[Any]:
        with (
            self._files.open(path, "rb", block_size=BLOCK_BYTES) as opened,
            pq.ParquetFile(opened, buffer_size=_BUFFER_BYTES) as parquet,
        ):
            missing = [name for name in names if name not in parquet.schema_arrow.names]
            if missing:
                raise CixError(HEADER_WRONG, f"its file {file} lacks {', '.join(missing)}.")
            given = parquet.schema_arrow
            odd = [name for name in names if not fits(given.field(name), self._schema.field(name))]
            if odd:
                message = f"its file {file} has another type of {', '.join(odd)} than the first file of the table."
                raise CixError(PARTITION_UNREADABLE, message, "Write the files of a table with the same types.")
            # A name with a dot brings a column of a structure along as well, which is left out again.
            for rows in parquet.iter_batches(ROWS_PER_BATCH, columns=list(names)):
                yield cast(rows.select(list(names)), self._schema)


def find_parquet_tables(files: Any, root: str, patience: Patience, *, shown: str, scheme: str) -> list[ParquetTable]:
    """Find the tables of a folder: each subfolder with Parquet files below it, and each Parquet file beside them.

    Args:
        files: The file system.
        root: The folder.
        patience: How long to wait for tables that are being written.
        shown: The folder as it may be shown.
        scheme: The scheme of its URL.

    Returns:
        The tables, by name.

    Raises:
        CixError: The folder cannot be read, two tables have one name, or one is a Delta table.
    """
    with clear_errors(SOURCE_UNREADABLE, f"The folder {shown} cannot be searched", scheme):
        if not files.isdir(root):
            raise CixError(SOURCE_UNREADABLE, f"There is no folder {shown}.")
        tables: dict[str, ParquetTable] = {}
        for entry in _entries(files, root):
            look = partial(_look, files, root, entry)
            listing = _settled(files, entry, look, patience)
            if listing.is_delta:
                table = "the folder" if entry == _DELTA_LOG else entry
                message = f"`source: parquet`, but {table} is a Delta table, whose files hold deleted rows too."
                raise CixError(SETTING_INVALID, message, "This is a Delta table, use `source: delta`.")
            if not listing.files and listing.problem == _BEING_WRITTEN:
                raise CixError(SOURCE_UNREADABLE, f"The table {entry} cannot be read: {_BEING_WRITTEN}", _REMEDY)
            if not listing.files:
                continue
            name = entry[: -len(_ENDING)] if _is_parquet(entry) else entry
            if name in tables:
                raise CixError(TABLES_AMBIGUOUS, f"Several tables in {shown} have the name {name}.")
            tables[name] = ParquetTable(files, name, look, listing)
    return [tables[name] for name in sorted(tables)]


def _entries(files: Any, root: str) -> list[str]:
    """Return the names of what can be tables."""
    paths = (str(info["name"]).rstrip("/") for info in files.ls(root, detail=True))
    names = sorted(path.removeprefix(root).strip("/") for path in paths)
    return [name for name in names if name == _DELTA_LOG or (name and not _is_hidden(name))]


def _settled(files: Any, entry: str, look: Callable[[], Listing], patience: Patience) -> Listing:
    """List a table that is no longer being written, or as it is once patience has come to its end."""

    def attempt() -> Listing:
        listing = look()
        if listing.problem == _BEING_WRITTEN:
            raise CixError(PARTITION_UNREADABLE, f"{entry}: {listing.problem}", _REMEDY)
        return listing

    try:
        return patience.wait(attempt, worth_waiting={PARTITION_UNREADABLE}, before_next=files.invalidate_cache)
    except CixError:
        return look()


def _look(files: Any, root: str, entry: str) -> Listing:
    """List what lies at a place of the folder."""
    place = f"{root.rstrip('/')}/{entry}"
    found = [info for info in files.ls(root, detail=True) if str(info["name"]).rstrip("/") == place]
    if any(info["type"] == "directory" for info in found):
        found = list(files.find(place, detail=True, withdirs=True).values())
    parquet: list[Mapping[str, Any]] = []
    others: list[str] = []
    is_being_written = False
    for info in sorted(found, key=lambda info: str(info["name"])):
        parts = str(info["name"]).removeprefix(root).strip("/").split("/")
        hidden = next((part for part in parts if _is_hidden(part)), None)
        if hidden == _DELTA_LOG:
            return Listing((), is_delta=True)
        is_being_written |= hidden == _TEMPORARY
        if hidden or info["type"] != "file":
            continue
        if _is_parquet(parts[-1]):
            parquet.append(info)
        elif info.get("size"):  # an empty one can be what a storage keeps in the place of a folder
            others.append(parts[-1])
    problem = f"its file {others[0]} has no name that ends with {_ENDING}." if others else None
    return Listing(tuple(parquet), _BEING_WRITTEN if is_being_written else problem)


def _is_parquet(name: str) -> bool:
    return name.lower().endswith(_ENDING)


def _is_hidden(name: str) -> bool:
    return name.startswith(("_", "."))


def _written_at(info: Mapping[str, Any]) -> datetime | None:
    value = next((info[key] for key in _TIMES if info.get(key) is not None), None)
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, timezone.utc)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return None
