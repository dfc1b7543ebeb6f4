"""Finds the tables of Customer Insights in Dataverse, and what their columns are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audience_sdk.errors import RIGHT_MISSING, SOURCE_ANSWER_WRONG, TABLE_MISSING, CixError

from tap_cix_segments.dataverse.client import LinkExpiredError
from tap_cix_segments.dataverse.metadata import (
    SEGMENTS,
    SegmentFacts,
    Table,
    is_own,
    metadata_columns,
    read_facts,
    read_table,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from tap_cix_segments.dataverse.client import Dataverse

_ATTRIBUTE_OPTIONS = {
    "$select": "LogicalName,SchemaName,DisplayName,AttributeType,AttributeOf,IsPrimaryId,IsValidForRead"
}
_DATE_TYPE = "Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"
_ABSENT = (RIGHT_MISSING, TABLE_MISSING, SOURCE_ANSWER_WRONG)
"""What of the optional metadata table is no reason to stop."""


def find_table(dataverse: Dataverse, name: str, needed: Sequence[str] = ()) -> Table:
    """Ask Dataverse for a table.

    Args:
        dataverse: The Web API.
        name: The table's logical name.
        needed: Columns without which it is of no use.

    Returns:
        The table.

    Raises:
        CixError: `TABLE_MISSING`, or what `Dataverse.get` raises.
    """
    path = f"/EntityDefinitions(LogicalName='{name}')"
    definition = dataverse.get(path, {"$select": "LogicalName,EntitySetName,PrimaryIdAttribute"}, table=name)
    attributes = _rows(dataverse.get(f"{path}/Attributes", _ATTRIBUTE_OPTIONS, table=name))
    has_dates = any(row.get("AttributeType") == "DateTime" and is_own(row) for row in attributes)
    date_only = _date_only(dataverse, path, name) if has_dates else frozenset()
    table = read_table(name, definition, attributes, date_only)
    if table is None:
        raise CixError(TABLE_MISSING, f"Dataverse has no entity set for the table {name}.")
    missing = [column for column in needed if not table.has(column)]
    if missing:
        raise CixError(TABLE_MISSING, f"The table {name} has no column {' and no column '.join(missing)}.")
    return table


def _date_only(dataverse: Dataverse, path: str, name: str) -> frozenset[str]:
    """Return the columns that hold dates without a time, which only the derived type of the attributes says."""
    options = {"$select": "LogicalName,Format"}
    rows = _rows(dataverse.get(f"{path}/Attributes/{_DATE_TYPE}", options, table=name))
    return frozenset(str(row.get("LogicalName")) for row in rows if row.get("Format") == "DateOnly")


def _rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    rows = body.get("value")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def segment_facts(dataverse: Dataverse, logger: logging.Logger) -> dict[str, SegmentFacts] | None:
    """Read the segments' metadata, where that can be read.

    Args:
        dataverse: The Web API.
        logger: Is told why it cannot be read.

    Returns:
        What is known of each segment, by its name; None where the table cannot be read or has no names.

    Raises:
        CixError: Dataverse does not answer.
    """
    try:
        table = find_table(dataverse, SEGMENTS)
        columns = metadata_columns(table)
        if "name" not in columns:
            logger.info("The table %s has no column that looks like a segment's name; it is not used.", SEGMENTS)
            return None
        options = {"$select": ",".join(columns.values())}
        facts: dict[str, SegmentFacts] = {}
        for page in dataverse.pages(table.entity_set, options, table=SEGMENTS):
            facts.update(filter(None, (read_facts(row, columns) for row in page)))
    except CixError as error:
        if error.code not in _ABSENT:
            raise
        logger.info("Names, states and last refreshes of segments are not known: %s", error.message)
        return None
    except LinkExpiredError:
        logger.info("Names, states and last refreshes of segments are not known: their reading broke off.")
        return None
    return facts or None
