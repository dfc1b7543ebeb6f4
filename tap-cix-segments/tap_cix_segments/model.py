"""Reads a Common Data Model `model.json`, which says what an export holds.

Facts: https://github.com/microsoft/CDM, docs/schema/modeljsonschema.json. Producers add keys of their own; all that is
not named here is ignored.
"""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audience_sdk.errors import FORMAT_UNKNOWN, MODEL_INVALID, CixError

from tap_cix_segments.data_types import DATA_TYPES, STRING, read_column
from tap_cix_segments.segment import Column, Segment

if TYPE_CHECKING:
    from datetime import datetime

IDENTITIES = ("CustomerId", "PreviousCustomerId")
"""Columns that are text whatever their stated type, since an identity must never be altered."""
PRIMARY_KEY = "c360:PrimaryKey"
"""The annotation by which Customer Insights names the key of an entity."""
TEXT_BOOLEANS = {"true": True, "false": False}
DELIMITER_NAMES = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
DOTNET_ENCODINGS = {"unicode": "utf-16", "bigendianunicode": "utf-16-be"}


@dataclass(frozen=True)
class CsvFormat:
    """How a partition's file is written.

    Attributes:
        header: Whether its first row holds the names of the columns; None if that is not stated.
        delimiter: What separates values.
        quoted: Whether values may be quoted.
        encoding: The name of its encoding.
    """

    header: bool | None = None
    delimiter: str = ","
    quoted: bool = True
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Partition:
    """One file of a segment.

    Attributes:
        name: Its name in model.json.
        location: Its path or URL, as it stands in model.json.
        csv_format: How it is written.
        refreshed_at: When Customer Insights wrote it; None if that is not stated.
    """

    name: str
    location: str
    csv_format: CsvFormat
    refreshed_at: datetime | None = None


@dataclass(frozen=True)
class FolderSegment(Segment):
    """A segment in an export folder.

    Attributes:
        partitions: Its files, in the order of model.json.
    """

    partitions: tuple[Partition, ...]


@dataclass(frozen=True)
class Model:
    """What a model.json says.

    Attributes:
        segments: The segments, in the order of the file.
        notes: What of the file was left out or read in another way than it says.
    """

    segments: tuple[FolderSegment, ...]
    notes: tuple[str, ...]


def parse_model(content: bytes) -> Model:
    """Read the content of a model.json.

    Args:
        content: The bytes of the file.

    Returns:
        What it says.

    Raises:
        CixError: `MODEL_INVALID`, naming the place that is wrong.
    """
    try:
        root = json.loads(content)
    except ValueError as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "its bytes"
        raise CixError(MODEL_INVALID, f"model.json is not valid JSON ({where}).") from None
    entities = next((_list(root, key) for key in ("entities", "tables") if _list(root, key)), None)
    if entities is None:
        raise CixError(MODEL_INVALID, "model.json lists no entities: neither `entities` nor `tables` has any.")
    notes: list[str] = []
    segments = []
    for position, entity in enumerate(entities):
        name = _text(entity, "name", f"entity {position + 1}")
        if entity.get("$type") == "ReferenceEntity":
            notes.append(f"{name} is a reference to an entity of another model, which is not read.")
            continue
        segments.append(_segment(name, entity, notes))
    names = [segment.name for segment in segments]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CixError(MODEL_INVALID, f"model.json lists the entity {twice[0]} twice.")
    if not segments:
        raise CixError(MODEL_INVALID, "model.json lists only references to other models, no segment of its own.")
    return Model(tuple(segments), tuple(notes))


def _segment(name: str, entity: dict[str, Any], notes: list[str]) -> FolderSegment:
    columns = []
    for attribute in _list(entity, "attributes"):
        column = _text(attribute, "name", f"an attribute of {name}")
        columns.append(Column(column, STRING if column in IDENTITIES else _data_type(name, column, attribute, notes)))
    names = [column.name for column in columns]
    if not names:
        raise CixError(MODEL_INVALID, f"model.json lists no attributes for the entity {name}.")
    if len(set(names)) < len(names):
        twice = next(column for column in names if names.count(column) > 1)
        raise CixError(MODEL_INVALID, f"model.json lists the attribute {twice} of the entity {name} twice.")
    partitions = tuple(
        _partition(name, number, partition) for number, partition in enumerate(_list(entity, "partitions"), start=1)
    )
    times = [partition.refreshed_at for partition in partitions]
    return FolderSegment(
        name,
        tuple(columns),
        _key_properties(name, names, entity, notes),
        partitions,
        refreshed_at=max(filter(None, times)) if times and all(times) else None,
    )


def _data_type(segment: str, column: str, attribute: dict[str, Any], notes: list[str]) -> Any:
    stated = attribute.get("dataType") or STRING.name
    data_type = DATA_TYPES.get(str(stated).lower())
    if data_type is None:
        notes.append(f"{segment}: the data type {stated} of {column} is not known; its values are sent as text.")
    return data_type or STRING


def _key_properties(segment: str, columns: list[str], entity: dict[str, Any], notes: list[str]) -> tuple[str, ...]:
    for annotation in _list(entity, "annotations"):
        if isinstance(annotation, dict) and annotation.get("name") == PRIMARY_KEY:
            keys = _names(annotation.get("value"))
            if keys and set(keys) <= set(columns):
                return tuple(keys)
            notes.append(f"{segment}: the annotation {PRIMARY_KEY} does not name columns of it and is not used.")
    return IDENTITIES[:1] if IDENTITIES[0] in columns else ()


def _names(value: Any) -> list[str]:
    """Read the value of the key annotation: a name, names with commas, or a list of names, also as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    if isinstance(value, str):
        value = value.split(",")
    return [str(name).strip() for name in value] if isinstance(value, list) else []


def _partition(segment: str, number: int, partition: Any) -> Partition:
    where = f"partition {number} of the entity {segment}"
    location = _text(partition, "location", where)
    name = str(partition.get("name") or number)
    return Partition(
        name, location, _csv_format(where, partition.get("fileFormatSettings")), _moment(partition.get("refreshTime"))
    )


def _moment(stated: Any) -> datetime | None:
    [moment], _ = read_column([stated if isinstance(stated, str) else ""], DATA_TYPES["datetimeoffset"])
    return moment  # type: ignore[no-any-return]


def _csv_format(where: str, settings: Any) -> CsvFormat:
    if not isinstance(settings, dict):
        return CsvFormat()
    return CsvFormat(
        header=_header(settings.get("columnHeaders")),
        delimiter=_delimiter(where, settings.get("delimiter")),
        quoted=not str(settings.get("quoteStyle", "")).lower().endswith(".none"),
        encoding=_encoding(where, settings.get("encoding")),
    )


def _header(stated: Any) -> bool | None:
    return stated if isinstance(stated, bool) else TEXT_BOOLEANS.get(str(stated).lower())


def _delimiter(where: str, stated: Any) -> str:
    if not stated:
        return CsvFormat.delimiter
    delimiter = DELIMITER_NAMES.get(str(stated).lower(), str(stated))
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise CixError(FORMAT_UNKNOWN, f"`fileFormatSettings.delimiter` of {where} is not a single character.")
    return delimiter


def _encoding(where: str, stated: Any) -> str:
    if not stated:
        return CsvFormat.encoding
    name = DOTNET_ENCODINGS.get(str(stated).lower(), str(stated))
    try:
        "".encode(name)
    except LookupError:
        message = f"`fileFormatSettings.encoding` of {where} names an encoding that is not known: {stated}."
        raise CixError(FORMAT_UNKNOWN, message) from None
    encoding = codecs.lookup(name).name
    # Plain ASCII is UTF-8 too; where the file says it is ASCII but is not, UTF-8 is what it will be.
    return CsvFormat.encoding if encoding == "ascii" else encoding


def _list(container: Any, key: str) -> list[Any]:
    value = container.get(key) if isinstance(container, dict) else None
    return value if isinstance(value, list) else []


def _text(container: Any, key: str, where: str) -> str:
    value = container.get(key) if isinstance(container, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise CixError(MODEL_INVALID, f"model.json: {where} has no `{key}`.")
    return value
