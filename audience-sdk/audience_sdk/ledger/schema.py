"""The ledger's tables, and how an older file becomes a newer one."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from audience_sdk.ledger.database import transaction

if TYPE_CHECKING:
    import sqlite3


class Status(str, Enum):
    """What the ledger knows of an address on a list."""

    ON = "on"
    """The platform confirmed the contact with the stored hash."""
    REMOVED = "removed"
    """We took the contact off the list."""
    SUPPRESSED = "suppressed"
    """The platform said that the person must not be mailed."""
    SUPPRESSED_REMOVED = "suppressed-removed"
    """The same, and we have taken the contact off the list before."""
    FOUND = "found"
    """The list was read back and held the contact; what it holds is not known."""
    AWAY = "away"
    """The platform was read back and knows the person, but the list does not hold them: they may have left."""
    UNSURE = "unsure"
    """A request to put the contact on the list has no answer: the list may hold them or not."""
    UNSURE_REMOVED = "unsure-removed"
    """The same, and we have taken the contact off the list before, or asked for it."""
    UNSURE_AWAY = "unsure-away"
    """The same, and they may have left by their own act: held back like `AWAY`, and to leave should they be there."""


MAY_BE_ON = (Status.ON, Status.UNSURE, Status.UNSURE_REMOVED, Status.UNSURE_AWAY)
"""The list holds the contact, or may hold it, by an export's doing; not `FOUND`, which is by somebody else's."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        """
        CREATE TABLE lists (
          list_no INTEGER PRIMARY KEY,
          platform TEXT NOT NULL,
          list_id TEXT NOT NULL,
          mapping BLOB,
          UNIQUE (platform, list_id)
        )
        """,
        "CREATE TABLE segments (segment_no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        # One row for each address on each list. `hash`: of the confirmed payload, 0 if that is not known. `ours`: an
        # export has put it there, so an export may take it off.
        """
        CREATE TABLE contacts (
          list_no INTEGER NOT NULL REFERENCES lists,
          email_key TEXT NOT NULL,
          hash INTEGER NOT NULL,
          row_key TEXT NOT NULL,
          status TEXT NOT NULL,
          ours INTEGER NOT NULL,
          platform_id TEXT,
          changed_at INTEGER NOT NULL,
          PRIMARY KEY (list_no, email_key)
        ) WITHOUT ROWID
        """,
        # Which segments feed an address into a list.
        """
        CREATE TABLE memberships (
          list_no INTEGER NOT NULL REFERENCES lists,
          email_key TEXT NOT NULL,
          segment_no INTEGER NOT NULL REFERENCES segments,
          PRIMARY KEY (list_no, email_key, segment_no)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE runs (
          run_id TEXT PRIMARY KEY,
          target TEXT NOT NULL,
          started_at INTEGER NOT NULL,
          finished_at INTEGER,
          status TEXT
        ) WITHOUT ROWID
        """,
        # Batches that were begun and have no confirmed outcome yet; their rows are in the run's plan.
        """
        CREATE TABLE batches (
          batch_id INTEGER PRIMARY KEY,
          run_id TEXT NOT NULL REFERENCES runs,
          list_no INTEGER NOT NULL REFERENCES lists,
          action TEXT NOT NULL,
          first_key TEXT NOT NULL,
          last_key TEXT NOT NULL,
          job_id TEXT,
          begun_at REAL NOT NULL
        )
        """,
    ),
    (
        # Which content of a segment a list holds in full.
        """
        CREATE TABLE contents (
          list_no INTEGER NOT NULL REFERENCES lists,
          segment_no INTEGER NOT NULL REFERENCES segments,
          content BLOB NOT NULL,
          PRIMARY KEY (list_no, segment_no)
        ) WITHOUT ROWID
        """,
    ),
    (
        # Which list a name meant last, in the place where names were looked up.
        """
        CREATE TABLE names (
          place TEXT NOT NULL,
          name TEXT NOT NULL,
          list_id TEXT NOT NULL,
          PRIMARY KEY (place, name)
        ) WITHOUT ROWID
        """,
    ),
    # The status `unsure-away`: a program that does not know it must not use the file.
    (),
    # Hash of the field mapping, by which what a run has left in flight is settled.
    ("ALTER TABLE runs ADD COLUMN mapping BLOB",),
    # Hashes of another kind: a program with those of before would send everybody anew, and this one after it again.
    (),
)
"""The statements of each schema version; the file's `user_version` says how many versions it has seen."""

CONTENTS, NAMES = 2, 3
"""The versions since which the tables `contents` and `names` are there."""


def version(connection: sqlite3.Connection) -> int:
    """Return the schema version of an open ledger.

    Args:
        connection: The ledger.
    """
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an open ledger to the newest schema version, in one transaction.

    Args:
        connection: The ledger.
    """
    with transaction(connection):
        for statements in MIGRATIONS[version(connection) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
