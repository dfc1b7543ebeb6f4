"""Makes the environment's rows out of an export folder.

Everything is staged in temporary tables and merged by SQLite, so that memory does not grow with the folder. A folder
that is read again changes what differs, as a sync does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from cix_sandbox.dataverse import schema
from cix_sandbox.dataverse.columns import CUSTOMER_ID, MEMBERSHIP, PROFILE, SEGMENT
from cix_sandbox.dataverse.export import ExportedSegment, read_export
from cix_sandbox.dataverse.values import converter, moment
from cix_sandbox.problems import ControlError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

DEFAULT_PROVIDER = "audience insights"
MEMBERSHIP_TYPE = "Customer"
_CUSTOMER_ID = "CustomerId"
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")


class Sync(NamedTuple):
    """How a folder is taken over.

    Attributes:
        now: The time, as the environment writes it.
        touch_all: Whether rows that do not differ count as changed.
        empty_lists: Whether the membership of someone in no segment stays, with an empty list.
        providers: Who publishes memberships; segments are dealt out among them, the first goes to all.
    """

    now: str
    touch_all: bool = False
    empty_lists: bool = False
    providers: Sequence[str] = (DEFAULT_PROVIDER,)


def load(connection: sqlite3.Connection, folder: Path, sync: Sync) -> None:
    """Let the environment hold what an export folder holds, and nothing else; called within a transaction.

    Args:
        connection: The store.
        folder: The folder of model.json, or one above it.
        sync: How it is taken over.

    Raises:
        ControlError: The folder cannot be read; the text says where.
    """
    segments = read_export(folder)
    columns: dict[str, str] = {}
    for segment in segments:
        columns = {**segment.columns, **columns}
    schema.set_profile_columns(connection, columns)
    schema.drop_indexes(connection)
    _stage(connection, segments)
    _merge_profiles(connection, sync)
    _merge_memberships(connection, segments, sync)
    _merge_segments(connection, segments, sync)
    connection.execute("DROP TABLE temp.dv_stage")
    schema.create_indexes(connection)


def _stage(connection: sqlite3.Connection, segments: Sequence[ExportedSegment]) -> None:
    """Put every row of every segment into one temporary table, with the values in their stored form.

    Texts go in as they are; an empty one is taken out when rows are merged.
    """
    columns = dict(schema.profile_columns(connection))
    names = [column.logical_name for column in columns.values()]
    connection.execute(f"CREATE TEMP TABLE dv_stage ({_quoted(names)}, segment INTEGER, id TEXT)")
    for number, segment in enumerate(segments):
        own = [_CUSTOMER_ID if name.lower() == _CUSTOMER_ID.lower() else name for name in segment.columns]
        if _CUSTOMER_ID not in own:
            raise ControlError(f"{segment.name} has no column {_CUSTOMER_ID}")
        key = own.index(_CUSTOMER_ID)
        typed = [
            (place, convert) for place, name in enumerate(own) if (convert := converter(columns[name].kind)) is not None
        ]
        target = _quoted([columns[name].logical_name for name in own])
        places = ", ".join("?" * (len(own) + 2))
        connection.executemany(
            f"INSERT INTO temp.dv_stage ({target}, segment, id) VALUES ({places})",  # noqa: S608  (names are ours)
            _rows(segment, number, key, typed),
        )


def _rows(
    segment: ExportedSegment, number: int, key: int, typed: Sequence[tuple[int, Callable[[str], str | None]]]
) -> Iterator[list[Any]]:
    """Yield the rows of a segment with its number and the row's id at the end."""
    for row in segment.rows():
        values: list[Any] = [*row, number, schema.row_id(row[key])]
        for place, convert in typed:
            values[place] = convert(row[place])
        yield values


def _merge_profiles(connection: sqlite3.Connection, sync: Sync) -> None:
    names = [column.logical_name for _, column in schema.profile_columns(connection)]
    fresh = _is_empty(connection, PROFILE)
    values = ", ".join(f"nullif(max(\"{name}\"), '')" for name in names)
    source = f"SELECT id, {values} FROM temp.dv_stage WHERE true GROUP BY id"  # noqa: S608  (names are ours)
    most = connection.execute("SELECT count(*) FROM temp.dv_stage").fetchone()[0]
    _replace(connection, PROFILE, ["msdynci_customerprofileid", *names], source, most, sync)
    if not fresh:
        _delete(connection, PROFILE, "msdynci_customerprofileid", "NOT IN (SELECT id FROM temp.dv_stage)")


def _merge_memberships(connection: sqlite3.Connection, segments: Sequence[ExportedSegment], sync: Sync) -> None:
    connection.execute("CREATE TEMP TABLE dv_published (segment INTEGER, provider TEXT, name TEXT)")
    for number, segment in enumerate(segments):
        dealt = sync.providers[number % len(sync.providers)]
        for provider in sync.providers if number == 0 else [dealt]:
            connection.execute("INSERT INTO temp.dv_published VALUES (?, ?, ?)", (number, provider, segment.name))
    connection.execute(
        f"""CREATE TEMP TABLE dv_lists AS
            SELECT dv_id({CUSTOMER_ID} || '|' || provider || '|{MEMBERSHIP_TYPE}') AS id, {CUSTOMER_ID}, provider,
                json_group_array(DISTINCT name) AS names
            FROM temp.dv_stage JOIN temp.dv_published USING (segment) GROUP BY {CUSTOMER_ID}, provider"""  # noqa: S608  (ours)
    )
    names = [
        "msdynci_segmentmembershipid",
        CUSTOMER_ID,
        "msdynci_segmentprovider",
        "msdynci_segmentmembershiptype",
        "msdynci_segments",
        "msdynci_identifier",
    ]
    source = f"""SELECT id, {CUSTOMER_ID}, provider, '{MEMBERSHIP_TYPE}', names,
        {CUSTOMER_ID} || '|' || provider || '|{MEMBERSHIP_TYPE}|Segments'
        FROM temp.dv_lists WHERE true ORDER BY id"""  # noqa: S608  (ours)
    most = connection.execute("SELECT count(*) FROM temp.dv_lists").fetchone()[0]
    fresh = _is_empty(connection, MEMBERSHIP)
    _replace(connection, MEMBERSHIP, names, source, most, sync)
    if not fresh:
        leave(connection, "NOT IN (SELECT id FROM temp.dv_lists)", sync)
    connection.execute("DROP TABLE temp.dv_lists")
    connection.execute("DROP TABLE temp.dv_published")


def _merge_segments(connection: sqlite3.Connection, segments: Sequence[ExportedSegment], sync: Sync) -> None:
    for segment in segments:
        refreshed = moment(segment.refreshed) if segment.refreshed else None
        write_segment(connection, segment.name, {"state": "Active", "last_refresh": refreshed}, sync.now)
    kept = ", ".join("?" * len(segments))
    gone = connection.execute(
        f"SELECT name FROM {SEGMENT} WHERE name NOT IN ({kept})",  # noqa: S608  (placeholders)
        [segment.name for segment in segments],
    ).fetchall()
    for row in gone:
        remove_segment(connection, row["name"])


def write_segment(connection: sqlite3.Connection, name: str, values: Mapping[str, str | None], now: str) -> None:
    """Write the metadata of a segment; what is not given stays, or has a default where the segment is new.

    Args:
        connection: The store.
        name: Name of its output table.
        values: Any of display_name, state, last_refresh.
        now: The time.
    """
    key = schema.row_id(f"segment {name}")
    connection.execute(
        f"INSERT OR IGNORE INTO {SEGMENT} VALUES (?, ?, ?, ?, 'Active', NULL, ?, ?, 0)",  # noqa: S608  (ours)
        (key, name, _WORDS.sub(" ", name).strip(), schema.row_id(f"id of segment {name}"), now, now),
    )
    values = {**values, "modifiedon": now}
    names = ", ".join(f"{column} = ?" for column in values)
    version = schema.take_versions(connection) + 1
    connection.execute(
        f"UPDATE {SEGMENT} SET {names}, versionnumber = ? WHERE name = ?",  # noqa: S608  (names are ours)
        (*values.values(), version, name),
    )


def remove_segment(connection: sqlite3.Connection, name: str) -> None:
    """Remove the metadata of a segment; memberships that name it stay as they are."""
    _delete(connection, SEGMENT, "mscipriv_segmentmetadataid", "= ?", (schema.row_id(f"segment {name}"),))


def remove_profile(connection: sqlite3.Connection, customer_id: str) -> None:
    """Remove a profile; memberships of it stay as they are."""
    _delete(connection, PROFILE, "msdynci_customerprofileid", "= ?", (schema.row_id(customer_id),))


def leave(connection: sqlite3.Connection, which: str, sync: Sync, parameters: Sequence[str] = ()) -> None:
    """Let memberships be those of someone in no segment: without a row, or with an empty list.

    Args:
        connection: The store.
        which: Condition on the row's id.
        sync: Says which of the two.
        parameters: Values for the condition.
    """
    key = "msdynci_segmentmembershipid"
    if not sync.empty_lists:
        _delete(connection, MEMBERSHIP, key, which, parameters)
        return
    found = connection.execute(
        f"SELECT {key} FROM {MEMBERSHIP} WHERE {key} {which} AND msdynci_segments <> '[]'",  # noqa: S608  (ours)
        parameters,
    ).fetchall()
    before = schema.take_versions(connection, len(found))
    connection.executemany(
        f"UPDATE {MEMBERSHIP} SET msdynci_segments = '[]', modifiedon = ?, versionnumber = ? WHERE {key} = ?",  # noqa: S608  (ours)
        [(sync.now, before + position, row[0]) for position, row in enumerate(found, start=1)],
    )


def _replace(
    connection: sqlite3.Connection, table: str, names: Sequence[str], source: str, most: int, sync: Sync
) -> None:
    """Insert the rows that a query gives, at most so many, or update those that are there and differ."""
    before = schema.take_versions(connection, most)
    values = _quoted(names[1:])
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in (*names[1:], "modifiedon", "versionnumber"))
    new = ", ".join(f'excluded."{name}"' for name in names[1:])
    columns = _quoted([*names, "createdon", "modifiedon", "versionnumber"])
    connection.execute(
        f"""INSERT INTO {table} ({columns})
            SELECT *, :now, :now, :before + row_number() OVER () FROM ({source}) WHERE true
            ON CONFLICT DO UPDATE SET {changes} WHERE :all OR ({values}) IS NOT ({new})""",  # noqa: S608  (ours)
        {"now": sync.now, "before": before, "all": sync.touch_all},
    )


def _delete(connection: sqlite3.Connection, table: str, key: str, which: str, parameters: Sequence[str] = ()) -> None:
    """Delete rows and remember that they are gone."""
    gone = f"SELECT {key} FROM {table} WHERE {key} {which}"  # noqa: S608  (ours)
    found = connection.execute(gone, parameters).fetchall()
    before = schema.take_versions(connection, len(found))
    connection.executemany(
        "INSERT INTO dv_deleted VALUES (?, ?, ?)",
        [(table, row[0], before + position) for position, row in enumerate(found, start=1)],
    )
    connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", [(row[0],) for row in found])  # noqa: S608  (ours)


def _is_empty(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None  # noqa: S608  (ours)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
