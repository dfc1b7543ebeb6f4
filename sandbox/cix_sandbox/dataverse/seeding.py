"""What tests put into the environment, and what they read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from cix_sandbox.clock import Clock
from cix_sandbox.dataverse import loading, schema
from cix_sandbox.dataverse.columns import CUSTOMER_ID, MEMBERSHIP, PROFILE, SEGMENT
from cix_sandbox.dataverse.loading import DEFAULT_PROVIDER, MEMBERSHIP_TYPE, Sync
from cix_sandbox.dataverse.switches import NAME, SWITCHES
from cix_sandbox.dataverse.values import converter
from cix_sandbox.problems import ControlError, unknown
from cix_sandbox.store import read_meta, write_meta
from cix_sandbox.switches import Switches

if TYPE_CHECKING:
    import sqlite3

_Profile: TypeAlias = dict[str, str | int | float | bool | None]
EXPORT = "dataverse.export"
"""Key in the store's memory of the export folder that `serve` was started with."""


class SeedColumn(msgspec.Struct, forbid_unknown_fields=True):
    """A column of profiles."""

    name: str
    data_type: str = "string"


class SeedMembership(msgspec.Struct, forbid_unknown_fields=True):
    """The segments of a customer, as one provider publishes them; none: the customer left the last one."""

    customer_id: str
    segments: list[str]
    provider: str = DEFAULT_PROVIDER
    type: str = MEMBERSHIP_TYPE


class SeedSegment(msgspec.Struct, forbid_unknown_fields=True):
    """A segment's metadata; what is absent stays as it is."""

    name: str
    display_name: str | None = None
    state: str | None = None
    last_refresh: str | None = None


class Seed(msgspec.Struct, forbid_unknown_fields=True):
    """The environment's part of a seed; the folder is read first, then the rest is changed."""

    folder: str | None = None
    providers: list[str] = msgspec.field(default_factory=lambda: [DEFAULT_PROVIDER])
    columns: list[SeedColumn] = []
    profiles: list[_Profile] = []
    memberships: list[SeedMembership] = []
    segments: list[SeedSegment] = []
    removed_profiles: list[str] = []
    removed_segments: list[str] = []


def ready(connection: sqlite3.Connection) -> None:
    """Read the export folder that `serve` was started with, if any."""
    folder = read_meta(connection, EXPORT)
    if folder:
        loading.load(connection, Path(folder), _sync(connection, [DEFAULT_PROVIDER]))


def hold_export(connection: sqlite3.Connection, folder: Path) -> None:
    """Read an export folder, and read it again after every reset.

    Raises:
        ControlError: It cannot be read.
    """
    write_meta(connection, EXPORT, str(folder.resolve()))
    ready(connection)


def seed(connection: sqlite3.Connection, body: dict[str, Any]) -> None:
    """Read an export folder, then write columns, profiles, memberships and segments.

    Raises:
        ControlError: The body does not fit.
    """
    try:
        wanted = msgspec.convert(body, Seed)
    except msgspec.ValidationError as error:
        raise ControlError(f"the seed of dataverse does not fit: {error}") from error
    if not wanted.providers:
        raise ControlError("the seed of dataverse does not fit: providers is empty")
    sync = _sync(connection, wanted.providers)
    if wanted.folder is not None:
        loading.load(connection, Path(wanted.folder), sync)
    if wanted.columns:
        columns = {name: "string" for name, _ in schema.profile_columns(connection)}
        columns |= {row["name"]: row["data_type"] for row in connection.execute("SELECT * FROM dv_columns")}
        schema.set_profile_columns(connection, columns | {each.name: each.data_type for each in wanted.columns})
    for profile in wanted.profiles:
        _seed_profile(connection, profile, sync.now)
    for customer_id in wanted.removed_profiles:
        loading.remove_profile(connection, customer_id)
    for membership in wanted.memberships:
        _seed_membership(connection, membership, sync)
    for segment in wanted.segments:
        values = {"display_name": segment.display_name, "state": segment.state, "last_refresh": segment.last_refresh}
        given = {name: value for name, value in values.items() if value is not None}
        loading.write_segment(connection, segment.name, given, sync.now)
    for name in wanted.removed_segments:
        loading.remove_segment(connection, name)


def members(connection: sqlite3.Connection, segment: str) -> list[dict[str, Any]]:
    """Return who is in a segment, by customer and provider.

    Raises:
        ControlError: Nothing knows of such a segment.
    """
    found = connection.execute(
        f"""SELECT {CUSTOMER_ID}, msdynci_segmentprovider AS provider FROM {MEMBERSHIP}, json_each(msdynci_segments)
            WHERE value = ? ORDER BY 1, 2""",  # noqa: S608  (names are ours)
        (segment,),
    ).fetchall()
    if not found:
        names = [row["name"] for row in connection.execute(f"SELECT name FROM {SEGMENT}")]  # noqa: S608  (same)
        if segment not in names:
            raise unknown("segment", segment, names)
    return [{"customer_id": row[CUSTOMER_ID], "provider": row["provider"]} for row in found]


def _sync(connection: sqlite3.Connection, providers: list[str]) -> Sync:
    switches = Switches(connection, SWITCHES)
    return Sync(
        now=Clock(connection).now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        touch_all=switches.text(f"{NAME}.sync") == "all_rows",
        empty_lists=switches.text(f"{NAME}.left_all_segments") == "list_emptied",
        providers=providers,
    )


def _seed_profile(connection: sqlite3.Connection, profile: _Profile, now: str) -> None:
    """Write a profile; what it does not name stays."""
    columns = dict(schema.profile_columns(connection))
    customer_id = profile.get("CustomerId")
    if not isinstance(customer_id, str) or not customer_id:
        raise ControlError("a profile has no CustomerId")
    values: dict[str, str | None] = {CUSTOMER_ID: customer_id}
    for name, value in profile.items():
        if name not in columns:
            raise unknown("column", name, columns, status=400)
        column = columns[name]
        if column.logical_name != CUSTOMER_ID:
            convert = converter(column.kind) or str
            values[column.logical_name] = None if value is None else convert(_text(value)) or None
    key = schema.row_id(customer_id)
    connection.execute(
        f"INSERT OR IGNORE INTO {PROFILE} (msdynci_customerprofileid, createdon) VALUES (?, ?)",  # noqa: S608  (same)
        (key, now),
    )
    changes = ", ".join(f'"{name}" = ?' for name in values)
    connection.execute(
        f"UPDATE {PROFILE} SET {changes}, modifiedon = ?, versionnumber = ? WHERE msdynci_customerprofileid = ?",  # noqa: S608  (same)
        (*values.values(), now, schema.take_versions(connection) + 1, key),
    )


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seed_membership(connection: sqlite3.Connection, membership: SeedMembership, sync: Sync) -> None:
    identity = f"{membership.customer_id}|{membership.provider}|{membership.type}"
    key = schema.row_id(identity)
    if not membership.segments:
        loading.leave(connection, "= ?", sync, (key,))
        return
    version = schema.take_versions(connection) + 1
    names = json.dumps(membership.segments, ensure_ascii=False, separators=(",", ":"))
    connection.execute(
        f"""INSERT INTO {MEMBERSHIP} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET msdynci_segments = excluded.msdynci_segments,
                modifiedon = excluded.modifiedon, versionnumber = excluded.versionnumber""",  # noqa: S608  (same)
        (
            key,
            membership.customer_id,
            membership.provider,
            membership.type,
            names,
            f"{identity}|Segments",
            sync.now,
            sync.now,
            version,
        ),
    )
