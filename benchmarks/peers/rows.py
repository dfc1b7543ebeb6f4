"""The rows that every peer sends, as the import call wants them."""

from __future__ import annotations

import csv
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_T = TypeVar("_T")

ROWS_PER_CALL = 1_000


def rows(files: Iterable[str]) -> Iterator[dict[str, str]]:
    """Read CSV files.

    Args:
        files: Their paths.
    """
    for name in files:
        with open(name, encoding="utf-8", newline="") as file:  # noqa: PTH123 - as a plain script does
            yield from csv.DictReader(file)


def subscriber(row: Mapping[str, str]) -> dict[str, Any]:
    """Return one subscriber of an import.

    Args:
        row: A profile.
    """
    fields = (
        ("[City]", row["City"]),
        ("[LoyaltyPoints]", row["LoyaltyPoints"]),
        ("[LastPurchase]", row["LastPurchase"][:10].replace("-", "/")),
    )
    return {
        "EmailAddress": row["EMail"].strip(),
        "Name": f"{row['FirstName']} {row['LastName']}",
        "ConsentToTrack": "Unchanged",
        "CustomFields": [{"Key": key, "Value": value} for key, value in fields if value],
    }


def chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Cut items into lists.

    Args:
        items: The items.
        size: Length of a list; the last may be shorter.
    """
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
