"""Tables of the store, and the counter that gives every change its version number."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from cix_sandbox.dataverse.columns import CUSTOMER_ID, KINDS, MEMBERSHIP, PROFILE, SEGMENT, TEXT, Column, logical_name
from cix_sandbox.store import read_meta, write_meta

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_VERSION = "dataverse.version"
_FIRST_VERSION = 1_000_000
_SYSTEM = "createdon TEXT, modifiedon TEXT, versionnumber INTEGER"
# A customer is looked up by id, a change by its version.
_INDEXES = {
    "dv_profile_customer": f"{PROFILE} ({CUSTOMER_ID})",
    "dv_profile_version": f"{PROFILE} (versionnumber)",
    "dv_membership_customer": f"{MEMBERSHIP} ({CUSTOMER_ID})",
    "dv_membership_version": f"{MEMBERSHIP} (versionnumber)",
}
_TABLES = (
    f"""{PROFILE} (msdynci_customerprofileid TEXT PRIMARY KEY, {CUSTOMER_ID} TEXT COLLATE NOCASE, {_SYSTEM})
        WITHOUT ROWID""",
    f"""{MEMBERSHIP} (msdynci_segmentmembershipid TEXT PRIMARY KEY, {CUSTOMER_ID} TEXT COLLATE NOCASE,
        msdynci_segmentprovider TEXT, msdynci_segmentmembershiptype TEXT, msdynci_segments TEXT,
        msdynci_identifier TEXT, {_SYSTEM}) WITHOUT ROWID""",
    f"""{SEGMENT} (mscipriv_segmentmetadataid TEXT PRIMARY KEY, name TEXT UNIQUE, display_name TEXT,
        segment_id TEXT, state TEXT, last_refresh TEXT, {_SYSTEM}) WITHOUT ROWID""",
    "dv_columns (logical_name TEXT PRIMARY KEY, position INTEGER, name TEXT, data_type TEXT) WITHOUT ROWID",
    "dv_deleted (table_name TEXT, id TEXT, version INTEGER, PRIMARY KEY (table_name, version)) WITHOUT ROWID",
    "dv_requests (user TEXT, at REAL, seconds REAL)",
    "dv_blocks (user TEXT PRIMARY KEY, until REAL, code TEXT) WITHOUT ROWID",
)


def create_schema(connection: sqlite3.Connection) -> None:
    """Create the tables and indexes where they are missing."""
    connection.create_function("dv_id", 1, row_id, deterministic=True)
    for table in _TABLES:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")
    create_indexes(connection)
    connection.execute("CREATE INDEX IF NOT EXISTS dv_requests_user ON dv_requests (user, at)")


def create_indexes(connection: sqlite3.Connection) -> None:
    """Create the indexes of profiles and memberships where they are missing."""
    for name, place in _INDEXES.items():
        connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {place}")


def drop_indexes(connection: sqlite3.Connection) -> None:
    """Drop the indexes of profiles and memberships, for the time of a bulk load."""
    for name in _INDEXES:
        connection.execute(f"DROP INDEX IF EXISTS {name}")


def reset(connection: sqlite3.Connection) -> None:
    """Make an empty environment."""
    for table in _TABLES:
        connection.execute(f"DROP TABLE IF EXISTS {table.split()[0]}")
    create_schema(connection)


def row_id(text: str) -> str:
    """Return the id that a row always has, made from what identifies it."""
    digits = blake2b(text.lower().encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def last_version(connection: sqlite3.Connection) -> int:
    """Return the version number of the latest change."""
    return int(read_meta(connection, _VERSION) or _FIRST_VERSION)


def take_versions(connection: sqlite3.Connection, count: int = 1) -> int:
    """Take version numbers and return the one before the first of them."""
    before = last_version(connection)
    write_meta(connection, _VERSION, str(before + count))
    return before


def profile_columns(connection: sqlite3.Connection) -> list[tuple[str, Column]]:
    """Return the columns of profiles: name in the export folder, and the column; the customer's id first."""
    found = [("CustomerId", Column(CUSTOMER_ID, "CustomerId", TEXT, is_name=True))]
    rows = connection.execute("SELECT logical_name, name, data_type FROM dv_columns ORDER BY position")
    found.extend((row[1], Column(row[0], row[1], KINDS.get(row[2].lower(), TEXT))) for row in rows)
    return found


def set_profile_columns(connection: sqlite3.Connection, columns: Mapping[str, str]) -> None:
    """Let profiles have these columns, besides the customer's id, and no others.

    Args:
        connection: The store.
        columns: Name in the export folder to data type.
    """
    stored = {row["name"] for row in connection.execute(f"PRAGMA table_info({PROFILE})")}
    taken = {CUSTOMER_ID, "msdynci_customerprofileid"}
    connection.execute("DELETE FROM dv_columns")
    for position, (name, data_type) in enumerate(columns.items()):
        logical = logical_name(name)
        if logical == CUSTOMER_ID:
            continue
        while logical in taken:
            logical += "_1"
        taken.add(logical)
        if logical not in stored:
            connection.execute(f'ALTER TABLE {PROFILE} ADD COLUMN "{logical}" TEXT')
        connection.execute("INSERT INTO dv_columns VALUES (?, ?, ?, ?)", (logical, position, name, data_type))
