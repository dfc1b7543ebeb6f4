"""What Dataverse says about its tables, and what that makes of segments and columns. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_cix_segments.data_types import DATA_TYPES, STRING, DataType
from tap_cix_segments.model import IDENTITIES
from tap_cix_segments.segment import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

PREFIX = "msdynci_"
PROFILES = "msdynci_customerprofile"
MEMBERSHIPS = "msdynci_segmentmembership"
SEGMENTS = "mscipriv_segmentmetadata"
CUSTOMER_ID = "msdynci_customerid"
PREVIOUS_ID = "msdynci_previouscustomerid"
SEGMENT_NAMES = "msdynci_segments"
PROVIDER = "msdynci_segmentprovider"
MEMBERSHIP_TYPE = "msdynci_segmentmembershiptype"

ATTRIBUTE_TYPES = {
    "String": "string",
    "Memo": "string",
    "EntityName": "string",
    "Uniqueidentifier": "guid",
    "Lookup": "guid",
    "Customer": "guid",
    "Owner": "guid",
    "Integer": "int64",
    "BigInt": "int64",
    "Picklist": "int64",
    "State": "int64",
    "Status": "int64",
    "Decimal": "decimal",
    "Money": "decimal",
    "Double": "double",
    "Boolean": "boolean",
    "DateTime": "datetime",
}
"""Data types of this tap by Dataverse's attribute types; attributes of other types (images, files) are not read."""
_REFERENCES = {"Lookup", "Customer", "Owner"}
_NOT_IN_NAMES = re.compile(r"\W")

METADATA_COLUMNS = {
    "name": ("outputtablename", "outputentityname", "systemname", "internalname", "segmentname", "name"),
    "display_name": ("friendlyname", "displayname"),
    "state": ("segmentstate", "state"),
    "refreshed_at": (
        "lastrefreshed",
        "lastrefreshedon",
        "lastrefreshdate",
        "lastrefresh",
        "lastsuccessfulrefresh",
        "lastsuccessfulrefreshtime",
        "evaluationdate",
        "lastevaluationdate",
        "refreshtime",
    ),
}
"""What a column of the segment metadata is likely to be called, without its prefix and underscores, best first.

The table is Microsoft's own and its columns are documented nowhere, so nothing may depend on one of them.
"""


@dataclass(frozen=True)
class Attribute:
    """One column of a Dataverse table.

    Attributes:
        name: Its name in queries and rows.
        column: What it is to the tap.
    """

    name: str
    column: Column


@dataclass(frozen=True)
class Table:
    """One Dataverse table.

    Attributes:
        name: Its logical name.
        entity_set: The name of its entity set.
        primary_id: The name of its primary key.
        attributes: Its readable columns.
    """

    name: str
    entity_set: str
    primary_id: str
    attributes: tuple[Attribute, ...]

    def has(self, name: str) -> bool:
        """Say whether a column can be asked for.

        Args:
            name: Its name in queries.
        """
        return any(attribute.name == name for attribute in self.attributes)


@dataclass(frozen=True)
class SegmentFacts:
    """What the metadata table says about a segment.

    Attributes:
        display_name: The name that users see; None if not known.
        active: Whether it is still refreshed; None if not known.
        refreshed_at: When it was last refreshed; None if not known.
        has_state: Whether the table tells of a state at all, understood or not.
    """

    display_name: str | None = None
    active: bool | None = None
    refreshed_at: datetime | None = None
    has_state: bool = False

    @property
    def may_be_empty(self) -> bool:
        """Whether nothing speaks against a segment without members being an empty one, and not a switched-off one."""
        return self.active is True or not self.has_state


def read_table(
    name: str, definition: Mapping[str, Any], attributes: Iterable[Mapping[str, Any]], date_only: frozenset[str]
) -> Table | None:
    """Read a table's definition.

    Args:
        name: The table's logical name.
        definition: Its row of `EntityDefinitions`.
        attributes: Its `Attributes`.
        date_only: Logical names of those that hold dates without a time.

    Returns:
        The table, or None where the definition has no entity set.
    """
    entity_set = definition.get("EntitySetName")
    if not entity_set:
        return None
    primary_id = str(definition.get("PrimaryIdAttribute") or f"{name}id")
    read = (_attribute(attribute, date_only) for attribute in attributes)
    return Table(name, str(entity_set), primary_id, tuple(attribute for attribute in read if attribute is not None))


def is_own(attribute: Mapping[str, Any]) -> bool:
    """Say whether a column came with Customer Insights, and is not one that every Dataverse table has.

    Args:
        attribute: Its row of `Attributes`.
    """
    return str(attribute.get("LogicalName") or "").startswith(PREFIX)


def _attribute(attribute: Mapping[str, Any], date_only: frozenset[str]) -> Attribute | None:
    logical = str(attribute.get("LogicalName") or "")
    kind = str(attribute.get("AttributeType") or "")
    data_type = DATA_TYPES.get(ATTRIBUTE_TYPES.get(kind, ""))
    unreadable = attribute.get("IsValidForRead") is False or attribute.get("AttributeOf")
    if not logical or data_type is None or unreadable:
        return None
    if kind == "DateTime" and logical in date_only:
        data_type = DATA_TYPES["date"]
    return Attribute(f"_{logical}_value" if kind in _REFERENCES else logical, _column(logical, attribute, data_type))


def _column(logical: str, attribute: Mapping[str, Any], data_type: DataType) -> Column:
    """Name a column as Customer Insights does: Dataverse puts a prefix before the name and lowers it."""
    plain = logical.removeprefix(PREFIX)
    for identity in IDENTITIES:
        if plain == identity.lower():
            return Column(identity, STRING)
    candidates = (str(attribute.get("SchemaName") or "").removeprefix(PREFIX), _NOT_IN_NAMES.sub("", _label(attribute)))
    alike = [name for name in candidates if name.lower() == plain and name != plain]
    return Column(alike[0] if alike else plain, data_type)


def _label(attribute: Mapping[str, Any]) -> str:
    label = attribute.get("DisplayName")
    local = label.get("UserLocalizedLabel") if isinstance(label, dict) else None
    return str(local.get("Label") or "") if isinstance(local, dict) else ""


def profile_attributes(table: Table) -> tuple[Attribute, ...]:
    """Return the columns of a profile: those of the tenant, not those that every Dataverse table has.

    Args:
        table: The profile table; its primary key is Dataverse's own too.

    Returns:
        The columns, `CustomerId` first, the others in the order of their names.
    """
    own = [a for a in table.attributes if a.name.lstrip("_").startswith(PREFIX) and a.name != table.primary_id]
    return tuple(sorted(own, key=lambda attribute: (attribute.column.name not in IDENTITIES, attribute.name)))


def metadata_columns(table: Table) -> dict[str, str]:
    """Find what of the segment metadata can be used.

    Args:
        table: The metadata table.

    Returns:
        The table's columns by what they are, a key of `METADATA_COLUMNS`.
    """
    plain = {
        attribute.name.partition("_")[2].replace("_", "") or attribute.name: attribute.name
        for attribute in table.attributes
    }
    found = {}
    for meaning, likely in METADATA_COLUMNS.items():
        names = [plain[name] for name in likely if name in plain]
        if names:
            found[meaning] = names[0]
    return found


def read_facts(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, SegmentFacts] | None:
    """Read a row of the metadata table.

    Args:
        row: The row.
        columns: What `metadata_columns` found; it has a name.

    Returns:
        The segment's name and what is known about it; None for a row without a name.
    """
    name = row.get(columns["name"])
    if not isinstance(name, str) or not name:
        return None
    values = {meaning: row.get(column) for meaning, column in columns.items()}
    display_name = values.get("display_name")
    return name, SegmentFacts(
        display_name=str(display_name) if display_name else None,
        active=_active(values.get("state")),
        refreshed_at=_moment(values.get("refreshed_at")),
        has_state="state" in columns,
    )


def refreshes(facts: Mapping[str, SegmentFacts] | None) -> dict[str, datetime]:
    """Return when segments were last refreshed, as far as that is known.

    Args:
        facts: What is known of each segment; None if nothing is.
    """
    return {name: fact.refreshed_at for name, fact in (facts or {}).items() if fact.refreshed_at is not None}


def _active(state: Any) -> bool | None:
    return {"active": True, "inactive": False, "deactivated": False}.get(str(state).strip().lower())


def _moment(text: Any) -> datetime | None:
    read = DATA_TYPES["datetime"].read
    if not isinstance(text, str) or read is None:
        return None
    try:
        [moment] = read([text])
    except ValueError:
        return None
    return moment  # type: ignore[no-any-return]
