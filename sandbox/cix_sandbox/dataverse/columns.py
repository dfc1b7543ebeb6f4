"""Tables and columns of the environment, as data.

Facts: https://learn.microsoft.com/dynamics365/customer-insights/data/tables. Column names of the table of segments
(mscipriv_segmentmetadata) are documented nowhere; both sets here are guesses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "msdynci_"
PROFILE = "msdynci_customerprofile"
MEMBERSHIP = "msdynci_segmentmembership"
SEGMENT = "mscipriv_segmentmetadata"
CUSTOMER_ID = "msdynci_customerid"
SEGMENTS = "msdynci_segments"


@dataclass(frozen=True)
class Kind:
    """A type of column.

    Attributes:
        attribute_type: `AttributeType` in the metadata.
        metadata_type: Name of the metadata type, without namespace.
        quoted: Whether its values are JSON strings.
        sql_number: Whether values are compared as numbers.
        date_only: Whether a date has no time.
    """

    attribute_type: str
    metadata_type: str
    quoted: bool = True
    sql_number: bool = False
    date_only: bool = False

    @property
    def type_name(self) -> str:
        """`AttributeTypeName.Value` in the metadata."""
        return f"{self.attribute_type}Type"


TEXT = Kind("String", "StringAttributeMetadata")
MEMO = Kind("Memo", "MemoAttributeMetadata")
UNIQUE = Kind("Uniqueidentifier", "UniqueIdentifierAttributeMetadata")
PICKLIST = Kind("Picklist", "PicklistAttributeMetadata", quoted=False, sql_number=True)
BIG_INTEGER = Kind("BigInt", "BigIntAttributeMetadata", quoted=False, sql_number=True)
DECIMAL = Kind("Decimal", "DecimalAttributeMetadata", quoted=False, sql_number=True)
DOUBLE = Kind("Double", "DoubleAttributeMetadata", quoted=False, sql_number=True)
BOOLEAN = Kind("Boolean", "BooleanAttributeMetadata", quoted=False)
DATE_TIME = Kind("DateTime", "DateTimeAttributeMetadata")
DATE_ONLY = Kind("DateTime", "DateTimeAttributeMetadata", date_only=True)

KINDS = {
    "int64": BIG_INTEGER,
    "double": DOUBLE,
    "decimal": DECIMAL,
    "boolean": BOOLEAN,
    "date": DATE_ONLY,
    "datetime": DATE_TIME,
    "datetimeoffset": DATE_TIME,
}
"""Data types of model.json, lower-cased; any other is text."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        logical_name: Its name in the Web API.
        label: What people read.
        kind: Its type.
        is_id: Whether it is the primary key.
        is_name: Whether it is the primary name.
    """

    logical_name: str
    label: str
    kind: Kind
    is_id: bool = False
    is_name: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the environment.

    Attributes:
        logical_name: Its name in the metadata.
        set_name: Its name in URLs.
        label: What people read.
        columns: Its columns, the primary key first.
    """

    logical_name: str
    set_name: str
    label: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> str:
        """Name of the primary key."""
        return self.columns[0].logical_name

    def column(self, name: str) -> Column | None:
        """Return a column by its logical name."""
        return next((column for column in self.columns if column.logical_name == name), None)


_SYSTEM_COLUMNS = (
    Column("createdon", "Created On", DATE_TIME),
    Column("modifiedon", "Modified On", DATE_TIME),
    Column("versionnumber", "Version Number", BIG_INTEGER),
)
MEMBERSHIP_TABLE = Table(
    MEMBERSHIP,
    "msdynci_segmentmemberships",
    "SegmentMembership",
    (
        Column("msdynci_segmentmembershipid", "SegmentMembershipId", UNIQUE, is_id=True),
        Column(CUSTOMER_ID, "CustomerId", TEXT),
        Column("msdynci_segmentprovider", "SegmentProvider", TEXT),
        Column("msdynci_segmentmembershiptype", "SegmentMembershipType", TEXT),
        Column(SEGMENTS, "Segments", MEMO),
        Column("msdynci_identifier", "Identifier", TEXT, is_name=True),
        *_SYSTEM_COLUMNS,
    ),
)
METADATA_NAMES = {
    "plain": {
        "name": "mscipriv_name",
        "display_name": "mscipriv_displayname",
        "segment_id": "mscipriv_segmentid",
        "state": "mscipriv_state",
        "last_refresh": "mscipriv_lastrefreshedon",
    },
    "long": {
        "name": "mscipriv_segmentname",
        "display_name": "mscipriv_friendlyname",
        "segment_id": "mscipriv_segmentidentifier",
        "state": "mscipriv_segmentstate",
        "last_refresh": "mscipriv_lastsuccessfulrefreshtime",
    },
}
"""The two guesses at the columns of the table of segments."""
_METADATA_LABELS = {
    "name": ("Name", TEXT),
    "display_name": ("Display Name", TEXT),
    "segment_id": ("Segment Id", TEXT),
    "state": ("State", TEXT),
    "last_refresh": ("Last Refreshed On", DATE_TIME),
}


def profile_table(columns: Iterable[Column]) -> Table:
    """Return the table of profiles with the columns of an environment, `msdynci_customerid` among them."""
    key = Column("msdynci_customerprofileid", "CustomerProfileId", UNIQUE, is_id=True)
    return Table(PROFILE, "msdynci_customerprofiles", "CustomerProfile", (key, *columns, *_SYSTEM_COLUMNS))


def segment_table(names: str, *, state: Kind = TEXT) -> Table:
    """Return the table of segments with one of the sets of names in `METADATA_NAMES`, and a type of the state."""
    columns = [
        Column(METADATA_NAMES[names][role], label, state if role == "state" else kind, is_name=role == "name")
        for role, (label, kind) in _METADATA_LABELS.items()
    ]
    key = Column("mscipriv_segmentmetadataid", "SegmentMetadataId", UNIQUE, is_id=True)
    return Table(SEGMENT, "mscipriv_segmentmetadatas", "SegmentMetadata", (key, *columns, *_SYSTEM_COLUMNS))


def logical_name(name: str) -> str:
    """Return the logical name of a profile column, such as `msdynci_email` for `EMail`."""
    return PREFIX + re.sub(r"[^a-z0-9_]", "", name.lower())
