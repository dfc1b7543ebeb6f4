"""The store: one SQLite file in the data directory, open for the life of the process.

Handlers run on one event loop and use the connection without awaiting in between, so every
transaction is alone by construction. What a transaction has committed survives a SIGKILL of the
process, not one of the machine (write-ahead log, `synchronous=OFF`).
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FILE_NAME = "sandbox.db"
SCHEMA_VERSION = 1
_MOST_PARAMETERS = 999
"""Parameters that every build of SQLite takes in one statement."""


class StoreError(Exception):
    """The data directory or the file in it cannot be used; the text says why and what to do."""


def open_store(data_dir: Path, *, create: bool = True) -> sqlite3.Connection:
    """Open the store in a data directory.

    Args:
        data_dir: Directory that holds (or is to hold) `sandbox.db`.
        create: Whether to make directory and file where they are missing.

    Returns:
        A connection in autocommit mode; write through `transaction`.

    Raises:
        StoreError: The directory or file is missing, unreadable, no store, or of another version.
    """
    path = data_dir / FILE_NAME
    try:
        if create:
            data_dir.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        elif not path.exists():
            raise StoreError(f"{data_dir} holds no sandbox yet; `cix-sandbox serve` makes one")
        return _connect(path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"cannot use the data directory {data_dir}: {error}; choose another with --data-dir"
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        _set_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA cache_size = -32768")
    connection.execute("PRAGMA wal_autocheckpoint = 16000")
    connection.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    version = read_meta(connection, "schema_version")
    if version is None:
        write_meta(connection, "schema_version", str(SCHEMA_VERSION))
    elif version != str(SCHEMA_VERSION):
        raise StoreError(
            f"the store has version {version}, this sandbox reads {SCHEMA_VERSION}; "
            "delete it or choose another directory with --data-dir"
        )


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit what the block writes, or nothing of it when the block raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def insert_rows(connection: sqlite3.Connection, into: str, row: str, values: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, as many per statement as it takes: a statement for each would cost twice as much.

    Args:
        connection: The store, within a transaction.
        into: Table and columns, such as `things (name, size, made)`.
        row: What a row is made of, such as `(?, ?, 'here')`.
        values: What is put into each row.
    """
    insert = f"INSERT INTO {into} VALUES "  # noqa: S608  (SQL of our own)
    most = _MOST_PARAMETERS // row.count("?")
    whole = len(values) - len(values) % most
    many = insert + ", ".join([row] * most)
    for start in range(0, whole, most):
        connection.execute(many, [*itertools.chain.from_iterable(values[start : start + most])])
    connection.executemany(insert + row, values[whole:])


def read_meta(connection: sqlite3.Connection, key: str) -> str | None:
    """Return a remembered fact about the store itself, or None."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def write_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Remember a fact about the store itself."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
