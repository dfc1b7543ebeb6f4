"""The tables as the switches let them appear, and where their columns are in the store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cix_sandbox.dataverse.columns import (
    MEMBERSHIP_TABLE,
    METADATA_NAMES,
    PICKLIST,
    SEGMENTS,
    TEXT,
    Table,
    profile_table,
    segment_table,
)
from cix_sandbox.dataverse.loading import MEMBERSHIP_TYPE
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
_PROVIDERS = {
    "as_published": "msdynci_segmentprovider",
    "capital": "(upper(substr(msdynci_segmentprovider, 1, 1)) || substr(msdynci_segmentprovider, 2))",
}
_STATE_NUMBER = "(CASE state WHEN 'Active' THEN '0' ELSE '1' END)"


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
    found.append(_memberships(switches))
    if switches.text(f"{NAME}.metadata_table") != "absent":
        is_number = switches.text(f"{NAME}.segment_state") == "option_number"
        found.append(_segments(switches.text(f"{NAME}.metadata_columns"), number_as_state=is_number))
    return found


def _profiles(connection: sqlite3.Connection, *, typed: bool) -> View:
    columns = [column if typed else replace(column, kind=TEXT) for _, column in profile_columns(connection)]
    return _plain(profile_table(columns))


def _memberships(switches: Switches) -> View:
    plain = _plain(MEMBERSHIP_TABLE)
    own = "msdynci_segmentmembershiptype"
    shown = switches.text(f"{NAME}.membership_type")
    spelt = {
        SEGMENTS: _SHAPES[switches.text(f"{NAME}.segments_shape")],
        "msdynci_segmentprovider": _PROVIDERS[switches.text(f"{NAME}.provider_spelling")],
        own: f"(CASE {own} WHEN '{MEMBERSHIP_TYPE}' THEN '{shown}' ELSE {own} END)",
    }
    return View(plain.table, {**plain.expressions, **spelt})


def _segments(names: str, *, number_as_state: bool) -> View:
    plain = _plain(segment_table(names, state=PICKLIST if number_as_state else TEXT))
    roles = {name: role for role, name in METADATA_NAMES[names].items()}
    if number_as_state:
        roles[METADATA_NAMES[names]["state"]] = _STATE_NUMBER
    return View(plain.table, {**plain.expressions, **roles})


def _plain(table: Table) -> View:
    return View(table, {column.logical_name: f'"{column.logical_name}"' for column in table.columns})
