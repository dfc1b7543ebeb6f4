"""Opening SQLite files the way this project wants them: private, and with errors that a user can act on."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from audience_sdk.errors import DISK_FULL, FILE_BUSY, LEDGER_UNUSABLE, CixError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

PRIVATE = 0o600
"""Mode of every file that holds personal data or secrets: the owner alone."""

_ROWS_OF_A_STATEMENT = 100

_PATIENCE_SECONDS = 120
"""How long a process waits for another one that writes the same file."""


def make_private(path: Path) -> None:
    """Create a file that only its owner can read, where it does not exist; its folder likewise.

    Args:
        path: The file.

    Raises:
        CixError: `DISK_FULL` if the file system does not let us.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE))
    except OSError as error:
        raise CixError(DISK_FULL, f"Cannot write `{path}`: {error.strerror}.") from error


def connect(path: Path, *, synchronous: str) -> sqlite3.Connection:
    """Open a database file for reading and writing, creating it privately.

    Args:
        path: The file.
        synchronous: `FULL` if a power cut must not take back what was written, `NORMAL` if only a kill must not.

    Returns:
        A connection in autocommit mode that waits two minutes for another writer.
    """
    make_private(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE_SECONDS)
    with closed_on_error(connection):
        _until_unlocked(connection.execute, "PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection


@contextmanager
def closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection that turns out to be of no use.

    Args:
        connection: The connection.
    """
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


# Where several processes begin the write-ahead log of a new file at once, SQLite refuses instead of waiting.
_until_unlocked = Retrying(
    retry=retry_if_exception(_is_locked),
    stop=stop_after_delay(_PATIENCE_SECONDS),
    wait=wait_random(0.001, 0.05),
    reraise=True,
)


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ones that say what to do.

    Args:
        path: The database file, for the message.

    Raises:
        CixError: `DISK_FULL`, `FILE_BUSY` or `LEDGER_UNUSABLE`.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if _is_locked(error):
            raise CixError(FILE_BUSY, f"Another process is writing `{path}`.") from error
        if "full" in text or "disk I/O" in text or "readonly" in text or "unable to open" in text:
            raise CixError(DISK_FULL, f"Cannot write `{path}`: {text}.") from error
        raise CixError(LEDGER_UNUSABLE, f"`{path}`: {text}.") from error
    except sqlite3.DatabaseError as error:
        raise CixError(LEDGER_UNUSABLE, f"`{path}`: {error}.") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Make what happens inside one atomic write.

    Args:
        connection: The connection.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def insert_rows(
    connection: sqlite3.Connection, insert: str, values: str, rows: Iterable[Sequence[Any]], conflict: str = ""
) -> None:
    """Insert rows, many with each statement, which takes half the time of one by one.

    Args:
        connection: The connection.
        insert: The statement up to the word `VALUES`.
        values: One row of values, in parentheses.
        rows: What is bound to its question marks.
        conflict: The statement's end.
    """
    rest = iter(rows)
    while part := list(islice(rest, _ROWS_OF_A_STATEMENT)):
        statement = f"{insert} VALUES {', '.join([values] * len(part))} {conflict}"
        connection.execute(statement, list(chain.from_iterable(part)))
