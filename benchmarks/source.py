"""What is exported: made-up export folders of any size, and what becomes of them until the next run."""

from __future__ import annotations

import csv
import json
import re
import shutil
from typing import TYPE_CHECKING

from cix_sandbox.people import HOUSEHOLD
from cix_sandbox.sample import write_sample

from benchmarks.places import WORK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEGMENT = "NewsletterReaders"
"""The segment that holds every profile, in 12 columns."""
COLUMNS = (
    *("CustomerId", "PreviousCustomerId", "FirstName", "LastName", "FullName", "EMail", "City", "Country"),
    *("LoyaltyPoints", "LifetimeValue", "LastPurchase", "IsVip"),
)
EMAIL, CITY = COLUMNS.index("EMail"), COLUMNS.index("City")

_ADDRESS = re.compile(r"^ ?\w+\.\w+\.(\d+)@[a-z.]+ ?$")
"""A good address of the sample; the number is the person's."""
_CHANGED, _LEFT = 7, 57
"""Which of 100 people have moved by the next run, and which have left."""


def folder(profiles: int) -> Path:
    """Return an export folder of so many profiles.

    About 3 in 100 have no address or a bad one, 2 in 100 share theirs.

    Args:
        profiles: How many.
    """
    return _made(f"{profiles}", lambda path: write_sample(path, profiles, seed=1))


def next_folder(profiles: int) -> Path:
    """Return the same export a while later: 1 % of the people have moved, another 1 % have left the segment.

    Args:
        profiles: How many there were.
    """

    def later(row: list[str]) -> bool:
        number = _number(row)
        if number is not None and number % 100 == _CHANGED:
            row[CITY] = "Utrecht"
        return number is None or number % 100 != _LEFT

    return _made(f"{profiles}-later", lambda path: _edit(folder(profiles), path, later))


def clean_folder(profiles: int) -> Path:
    """Return an export folder whose people all have a good address of their own.

    Args:
        profiles: How many people it is cut from; about 93 in 100 of them remain.
    """
    return _made(f"{profiles}-clean", lambda path: _edit(folder(profiles), path, lambda row: _number(row) is not None))


def partitions(export: Path) -> list[Path]:
    """Return the CSV files of the segment.

    Args:
        export: An export folder.
    """
    [model] = export.glob("*/*/model.json")
    entities = json.loads(model.read_text(encoding="utf-8"))["entities"]
    [entity] = [each for each in entities if each["name"] == SEGMENT]
    return [model.parent / part["location"].partition(f"/{model.parent.name}/")[2] for part in entity["partitions"]]


def differences(profiles: int) -> dict[str, int]:
    """Count in how many rows `next_folder` differs, apart from the exports that are measured.

    Args:
        profiles: How many there were.
    """
    counts = {"changed": 0, "left": 0}
    for partition in partitions(folder(profiles)):
        with partition.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                number = _number(row)
                if number is not None:
                    counts["changed"] += number % 100 == _CHANGED
                    counts["left"] += number % 100 == _LEFT
    return counts


def _made(name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder of data; it is made once."""
    path = WORK / "data" / name
    done = path / "made"
    if not done.exists():
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        make(path)
        done.touch()
    return path


def _edit(source: Path, target: Path, keep: Callable[[list[str]], bool]) -> None:
    """Copy an export folder's segment, row by row; `keep` may change a row, and says whether it stays."""
    [model] = source.glob("*/*/model.json")
    copy = target / model.relative_to(source)
    copy.parent.mkdir(parents=True)
    shutil.copyfile(model, copy)
    for partition in partitions(source):
        path = target / partition.relative_to(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            partition.open(encoding="utf-8", newline="") as rows,
            path.open("w", encoding="utf-8", newline="") as file,
        ):
            reader, writer = csv.reader(rows), csv.writer(file, lineterminator="\r\n")
            writer.writerow(next(reader))
            writer.writerows(row for row in reader if keep(row))


def _number(row: list[str]) -> int | None:
    """Return the number of a person with a good address of their own."""
    found = _ADDRESS.match(row[EMAIL])
    number = int(found[1]) if found else None
    return None if number is None or number % HOUSEHOLD >= HOUSEHOLD - 2 else number
