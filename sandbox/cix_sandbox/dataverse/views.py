"""The tables as the switches let them appear, and where their columns are in the store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cix_sandbox.dataverse.columns import (
    MEMBERSHIP_TABLE,
    METADATA_NAMES,
    SEGMENTS,
    TEXT,
    Table,
    profile_table,
    segment_table,
)
from cix_sandbox.dataverse.schema import profile_columns
from cix_sandbox.dataverse.switches import NAME

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from cix_sandbox.switches import Switches

_OBJECT = """'{"Segments":' || msdynci_segments || '}'"""
_SHAPES = {
    "object": f"({_OBJECT})",
    "array": "msdynci_segments",
    "mixed": f"(CASE WHEN substr(msdynci_segmentmembershipid, -1) < '8' THEN {_OBJECT} ELSE msdynci_segments END)",
}


@dataclass(frozen=True)
class View:
    """A table, and SQL for the values of its columns.

    Attributes:
        table: The table.
        expressions: Logical name to an SQL expression of the text to show.
    """

    table: Table
    expressions: Mapping[str, str]


def views(connection: sqlite3.Connection, switches: Switches) -> list[View]:
    """Return the tables of the environment as they are now."""
    found = [_profiles(connection, typed=switches.text(f"{NAME}.column_types") == "typed")]
    found.append(_memberships(switches.text(f"{NAME}.segments_shape")))
    if switches.text(f"{NAME}.metadata_table") != "absent":
        found.append(_segments(switches.text(f"{NAME}.metadata_columns")))
    return found


def _profiles(connection: sqlite3.Connection, *, typed: bool) -> View:
    columns = [column if typed else replace(column, kind=TEXT) for _, column in profile_columns(connection)]
    return _plain(profile_table(columns))


def _memberships(shape: str) -> View:
    plain = _plain(MEMBERSHIP_TABLE)
    return View(plain.table, {**plain.expressions, SEGMENTS: _SHAPES[shape]})


def _segments(names: str) -> View:
    plain = _plain(segment_table(names))
    roles = {name: role for role, name in METADATA_NAMES[names].items()}
    return View(plain.table, {**plain.expressions, **roles})


def _plain(table: Table) -> View:
    return View(table, {column.logical_name: f'"{column.logical_name}"' for column in table.columns})
