"""Reads a Customer Insights export folder: model.json and the CSV partitions that it names.

Facts: the model.json schema of https://github.com/microsoft/CDM.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from cix_sandbox.problems import ControlError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = "model.json"


@dataclass(frozen=True)
class ExportedSegment:
    """A segment of an export.

    Attributes:
        name: Name of its output table.
        columns: Column name to data type, in the order of the files.
        refreshed: The latest refresh time of its partitions, as it stands there; None if none says.
        files: Its partitions, and their `fileFormatSettings`.
    """

    name: str
    columns: dict[str, str]
    refreshed: str | None
    files: tuple[tuple[Path, dict[str, Any]], ...]

    def rows(self) -> Iterator[list[str]]:
        """Read the rows of all partitions.

        Raises:
            ControlError: A partition cannot be read, or a row has not a value for every column.
        """
        for path, settings in self.files:
            try:
                yield from self._rows_of(path, settings)
            except (OSError, UnicodeError, LookupError, csv.Error) as error:  # noqa: PERF203  (once per file)
                raise ControlError(f"{path} cannot be read: {error}") from error

    def _rows_of(self, path: Path, settings: dict[str, Any]) -> Iterator[list[str]]:
        names = list(self.columns)
        with path.open(encoding=settings.get("encoding") or "utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=settings.get("delimiter") or ",")
            for number, row in enumerate(reader, start=1):
                if number == 1 and row == names:
                    continue
                if len(row) != len(names):
                    raise ControlError(f"{path}, row {number}: {len(row)} values in {len(names)} columns")
                yield row


def read_export(folder: Path) -> list[ExportedSegment]:
    """Find out what an export folder holds.

    Args:
        folder: The folder of model.json, or one above it.

    Returns:
        Its segments, in the order of model.json.

    Raises:
        ControlError: There is no model.json, or it does not fit the folder.
    """
    models = sorted(folder.rglob(MODEL))
    if len(models) != 1:
        raise ControlError(f"{folder} holds {len(models)} files {MODEL}, not one")
    try:
        root = json.loads(models[0].read_bytes())
        entities = root.get("entities") or root["tables"]
        return [_segment(models[0].parent, folder, entity) for entity in entities if "attributes" in entity]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ControlError(f"{models[0]} cannot be read: {type(error).__name__}: {error}") from error


def _segment(base: Path, top: Path, entity: dict[str, Any]) -> ExportedSegment:
    partitions = entity.get("partitions", [])
    times = [partition["refreshTime"] for partition in partitions if partition.get("refreshTime")]
    return ExportedSegment(
        name=entity["name"],
        columns={attribute["name"]: attribute.get("dataType", "string") for attribute in entity["attributes"]},
        refreshed=max(times, default=None),
        files=tuple(
            (_locate(base, top, partition["location"]), partition.get("fileFormatSettings") or {})
            for partition in partitions
        ),
    )


def _locate(base: Path, top: Path, location: str) -> Path:
    """Find the file whose path ends as the location does, nearest to model.json."""
    parts = [part for part in unquote(urlsplit(location).path).split("/") if part not in {"", ".", ".."}]
    for start in range(len(parts)):
        for folder in (base, top):
            path = folder.joinpath(*parts[start:])
            if path.is_file():
                return path
    raise ControlError(f"the partition {location} is not in {top}")
