"""EntityDefinitions and Attributes: what an application learns about tables and columns.

Shapes: https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query-metadata-web-api
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cix_sandbox.dataverse.errors import UNKNOWN_TABLE, Refusal, invalid, no_resource
from cix_sandbox.dataverse.filters import Comparison, Condition, Junction, Negation, parse_filter
from cix_sandbox.dataverse.schema import row_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cix_sandbox.dataverse.columns import Column, Table

NAMESPACE = "Microsoft.Dynamics.CRM."
_PATH = re.compile(r"EntityDefinitions(?:\((?P<table>[^)]*)\))?(?P<rest>/.*)?")
_ATTRIBUTES = re.compile(r"/Attributes(?:\((?P<column>[^)]*)\))?(?:/(?P<type>[\w.]+))?")
_NAMED = re.compile(r"LogicalName='([^']*)'")
_EXPANDED = re.compile(r"Attributes(?:\((.*)\))?")
OPTIONS = ("$select", "$filter", "$expand")
_LANGUAGE = 1033
_TEXT_LENGTH = 4000
_MEMO_LENGTH = 1_048_576


def describe(
    path: str, options: Mapping[str, str], tables: Sequence[Table], flags: Mapping[str, Any], base: str
) -> dict[str, Any]:
    """Answer a request for metadata.

    Args:
        path: Path of the request, from `EntityDefinitions` on.
        options: Its query options.
        tables: The tables that there are.
        flags: Properties that all tables have alike, such as ChangeTrackingEnabled.
        base: Address of the Web API.

    Raises:
        Refusal: There is no such table, column or option.
    """
    parts = _PATH.fullmatch(path)
    if parts is None:
        raise no_resource(path)
    if parts["table"] is None:
        if parts["rest"]:
            raise no_resource(parts["rest"].strip("/"))
        found = [definition(table, flags) for table in tables]
        attributes = {table.logical_name: list(_attributes(table)) for table in tables}
        value = [_shown(entry, options, attributes) for entry in _kept(found, options)]
        return {"@odata.context": f"{base}/$metadata#EntityDefinitions", "value": value}
    table = _find(parts["table"], tables)
    if not parts["rest"]:
        shown = _shown(definition(table, flags), options, {table.logical_name: list(_attributes(table))})
        return {"@odata.context": f"{base}/$metadata#EntityDefinitions/$entity", **shown}
    return _describe_attributes(parts["rest"], options, table, base)


def _describe_attributes(path: str, options: Mapping[str, str], table: Table, base: str) -> dict[str, Any]:
    parts = _ATTRIBUTES.fullmatch(path)
    if parts is None:
        raise no_resource(path.strip("/"))
    found = list(_attributes(table))
    if parts["type"]:
        found = [entry for entry in found if entry["@odata.type"] == f"#{parts['type']}"]
    context = f"{base}/$metadata#EntityDefinitions('{table.logical_name}')/Attributes"
    if parts["column"] is None:
        value = [_shown(entry, options) for entry in _kept(found, options)]
        return {"@odata.context": context, "value": value}
    named = _NAMED.fullmatch(parts["column"])
    for entry in found:
        if named and entry["LogicalName"] == named[1]:
            return {"@odata.context": f"{context}/$entity", **_shown(entry, options)}
    raise Refusal(404, UNKNOWN_TABLE, f"Could not find an attribute with {parts['column']}.")


def definition(table: Table, flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a table, without its columns."""
    name = next(column.logical_name for column in table.columns if column.is_name)
    return {
        "MetadataId": row_id(f"table {table.logical_name}"),
        "LogicalName": table.logical_name,
        "SchemaName": f"{table.logical_name.split('_')[0]}_{table.label}",
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "CollectionSchemaName": table.set_name,
        "PrimaryIdAttribute": table.key,
        "PrimaryNameAttribute": name,
        "DisplayName": _label(table.label),
        "DisplayCollectionName": _label(table.label),
        "OwnershipType": "OrganizationOwned",
        "IsCustomEntity": True,
        "IsManaged": True,
        **flags,
    }


def _attributes(table: Table) -> Iterator[dict[str, Any]]:
    number = 0
    for column in table.columns:
        number += 1
        yield _attribute(table, column, number)
        if column.kind.attribute_type == "Boolean":
            number += 1
            yield _label_of(table, column, number)


def _attribute(table: Table, column: Column, number: int) -> dict[str, Any]:
    own: dict[str, Any] = {}
    if column.kind.attribute_type in {"String", "Memo"}:
        own = {"MaxLength": _TEXT_LENGTH if column.kind.attribute_type == "String" else _MEMO_LENGTH, "Format": "Text"}
    elif column.kind.attribute_type == "DateTime":
        own = {
            "Format": "DateOnly" if column.kind.date_only else "DateAndTime",
            "DateTimeBehavior": {"Value": "DateOnly" if column.kind.date_only else "TimeZoneIndependent"},
        }
    return {
        "@odata.type": f"#{NAMESPACE}{column.kind.metadata_type}",
        **_common(table, column.logical_name, column.label, number),
        "AttributeType": column.kind.attribute_type,
        "AttributeTypeName": {"Value": column.kind.type_name},
        "AttributeOf": None,
        "IsPrimaryId": column.is_id,
        "IsPrimaryName": column.is_name,
        "IsLogical": False,
        **own,
    }


def _label_of(table: Table, column: Column, number: int) -> dict[str, Any]:
    """Return the companion of a yes/no column, which holds its label and cannot be selected."""
    return {
        "@odata.type": f"#{NAMESPACE}AttributeMetadata",
        **_common(table, f"{column.logical_name}name", None, number),
        "AttributeType": "Virtual",
        "AttributeTypeName": {"Value": "VirtualType"},
        "AttributeOf": column.logical_name,
        "IsPrimaryId": False,
        "IsPrimaryName": False,
        "IsLogical": True,
    }


def _common(table: Table, name: str, label: str | None, number: int) -> dict[str, Any]:
    system = "_" not in name
    prefix = name.split("_", maxsplit=1)[0]
    return {
        "MetadataId": row_id(f"column {table.logical_name}.{name}"),
        "LogicalName": name,
        "SchemaName": name if system or label is None else f"{prefix}_{label.replace(' ', '')}",
        "EntityLogicalName": table.logical_name,
        "DisplayName": _label(label),
        "ColumnNumber": number,
        "IsCustomAttribute": not system,
        "IsValidForRead": True,
        "IsValidForAdvancedFind": {"Value": True, "CanBeChanged": False},
    }


def _label(text: str | None) -> dict[str, Any]:
    if text is None:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    label = {"Label": text, "LanguageCode": _LANGUAGE, "IsManaged": True}
    return {"LocalizedLabels": [label], "UserLocalizedLabel": label}


def _find(key: str, tables: Sequence[Table]) -> Table:
    named = _NAMED.fullmatch(key)
    for table in tables:
        if (named and named[1] == table.logical_name) or key == row_id(f"table {table.logical_name}"):
            return table
    name = named[1] if named else key
    raise Refusal(404, UNKNOWN_TABLE, f"Could not find an entity with specified entity name: {name}.")


def _kept(entries: Sequence[dict[str, Any]], options: Mapping[str, str]) -> list[dict[str, Any]]:
    if "$filter" not in options:
        return list(entries)
    condition = parse_filter(options["$filter"])
    return [entry for entry in entries if _holds(condition, entry)]


def _holds(condition: Condition, entry: Mapping[str, Any]) -> bool:
    if isinstance(condition, Negation):
        return not _holds(condition.part, entry)
    if isinstance(condition, Junction):
        together: Callable[[Iterator[bool]], bool] = all if condition.operator == "and" else any
        return together(_holds(part, entry) for part in condition.parts)
    if not isinstance(condition, Comparison) or condition.operator not in {"eq", "ne"}:
        raise invalid("Metadata can be filtered with eq, ne, and, or, not only.")
    if condition.column not in entry:
        raise invalid(f"Could not find a property named '{condition.column}' on the type of the metadata.")
    equal = bool(entry[condition.column] == condition.value)
    return equal == (condition.operator == "eq")


def _shown(
    entry: dict[str, Any], options: Mapping[str, str], attributes: Mapping[str, list[dict[str, Any]]] | None = None
) -> dict[str, Any]:
    """Return what `$select` names of an entry, or everything, and its columns where `$expand` asks for them."""
    shown = entry
    if options.get("$select"):
        names = [name.strip() for name in options["$select"].split(",")]
        for name in names:
            if name not in entry:
                raise invalid(f"Could not find a property named '{name}' on the type of the metadata.")
        shown = {name: entry[name] for name in entry if name in names or name in {"@odata.type", "MetadataId"}}
    if "$expand" in options:
        expanded = _EXPANDED.fullmatch(options["$expand"])
        if expanded is None or attributes is None:
            raise invalid(f"The $expand of {options['$expand']} is not supported.")
        inner = dict(part.split("=", 1) for part in (expanded[1] or "").split(";") if "=" in part)
        found = attributes[entry["LogicalName"]]
        shown = {**shown, "Attributes": [_shown(each, inner) for each in _kept(found, inner)]}
    return shown
