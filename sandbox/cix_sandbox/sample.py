"""A made-up Customer Insights export folder, of any size, the same for the same seed.

The folder looks as Customer Insights - Data leaves it in a Blob container: `model.json` in
`CustomerInsights_{instance}/{export}/`, and dated folders of CSV partitions below that. Everyone in
it is invented and lives at example.com, .org or .net.
"""

from __future__ import annotations

import csv
import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cix_sandbox.people import Person, person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTANCE = "CustomerInsights_5f3c1d0a-9b7e-4c52-8a61-2d4e6f708192"
EXPORT = "MarketingExport"
STORAGE = "https://exampleexports.{service}.core.windows.net/customer-insights"
CURRENT_RUN = "2026/11/20/0400"
"""The dated folder that model.json names."""
STALE_RUNS = ("2026/11/13/0400", "2026/11/21/0400")
"""A run left behind, and a later one still being written: model.json names neither."""
STALE_ROWS = 8
"""People in each stale run, who are in no current partition."""
SEED_LIMIT = 500
"""Most people of one kind in platform-seed.json, so that it stays small for any sample."""

DATA_TYPES = {
    "CustomerId": "string",
    "PreviousCustomerId": "string",
    "FirstName": "string",
    "LastName": "string",
    "FullName": "string",
    "EMail": "string",
    "City": "string",
    "Country": "string",
    "LoyaltyPoints": "int64",
    "LifetimeValue": "decimal",
    "LastPurchase": "dateTime",
    "IsVip": "boolean",
    "BirthDate": "date",
}
"""The columns in the order of `Person.values`, with their data types."""
ALL_COLUMNS = tuple(DATA_TYPES)


@dataclass(frozen=True)
class Segment:
    """One segment of the sample.

    Attributes:
        name: Name of the segment and of its folder.
        lot: Which of a person's lots decides on membership.
        share: How many of 100 people are members.
        partitions: Number of CSV files.
        service: The address of the storage account that model.json uses: `blob` or `dfs`.
        columns: Names of the columns, in the order of the file.
        quoting: How the CSV quotes: a constant of the `csv` module.
        file_format: The `fileFormatSettings` of each partition; the block is absent if None.
    """

    name: str
    lot: int
    share: int
    partitions: int
    service: str
    columns: tuple[str, ...]
    quoting: Literal[0, 1]
    file_format: dict[str, Any] | None


SEGMENTS = (
    Segment(
        name="NewsletterReaders",
        lot=0,
        share=100,
        partitions=4,
        service="blob",
        columns=ALL_COLUMNS[:12],
        quoting=csv.QUOTE_MINIMAL,
        file_format={
            "$type": "CsvFormatSettings",
            "columnHeaders": True,
            "delimiter": ",",
            "quoteStyle": "QuoteStyle.Csv",
            "csvStyle": "CsvStyle.QuoteAfterDelimiter",
            "encoding": "UTF-8",
        },
    ),
    Segment(
        name="HighValueCustomers",
        lot=0,
        share=20,
        partitions=2,
        service="dfs",
        columns=ALL_COLUMNS[:12],
        quoting=csv.QUOTE_ALL,
        file_format={
            "$type": "CsvFormatSettings",
            "columnHeaders": "true",
            "delimiter": ",",
            "quoteStyle": "QuoteStyle.Csv",
            "csvStyle": "CsvStyle.QuoteAlways",
        },
    ),
    Segment(
        name="ChurnRisk",
        lot=1,
        share=30,
        partitions=3,
        service="blob",
        columns=ALL_COLUMNS,
        quoting=csv.QUOTE_MINIMAL,
        file_format=None,
    ),
)


def write_sample(directory: Path, profiles: int, seed: int) -> None:
    """Write an export folder and, beside it, `platform-seed.json` for the two platforms.

    `NewsletterReaders` holds every profile, the other segments hold some of them.

    Args:
        directory: Where to write; it stands for the Blob container. An earlier sample is
            overwritten.
        profiles: Number of unified profiles, 0 or more.
        seed: Chooses the people; the same seed gives the same bytes.
    """
    export = directory / INSTANCE / EXPORT
    _write_segments(export, CURRENT_RUN, (person(seed, n) for n in range(profiles)), profiles)
    for position, run in enumerate(STALE_RUNS):
        first = profiles + position * STALE_ROWS
        strangers = (person(seed, n) for n in range(first, first + STALE_ROWS))
        _write_segments(export, run, strangers, STALE_ROWS)
    _write_json(export / "model.json", _model())
    _write_json(directory / "platform-seed.json", _platform_seed(seed, profiles))


def _write_segments(export: Path, run: str, people: Iterator[Person], total: int) -> None:
    """Write the partitions of all segments in one pass over the people."""
    with ExitStack() as files:
        writers = []
        for segment in SEGMENTS:
            folder = export / segment.name / run
            folder.mkdir(parents=True, exist_ok=True)
            partitions = []
            for number in range(1, segment.partitions + 1):
                path = folder / f"{segment.name}_{number}.csv"
                file = files.enter_context(path.open("w", encoding="utf-8", newline=""))
                writer = csv.writer(file, quoting=segment.quoting, lineterminator="\r\n")
                writer.writerow(segment.columns)
                partitions.append(writer.writerow)
            writers.append((segment.lot, segment.share, len(segment.columns), partitions))
        for position, someone in enumerate(people):
            for lot, share, width, partitions in writers:
                if someone.lots[lot] < share:
                    write_row = partitions[position * len(partitions) // total]
                    write_row(someone.values[:width])


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _model() -> dict[str, Any]:
    return {
        "name": EXPORT,
        "description": "Made-up sample of a Customer Insights export.",
        "version": "1.0",
        "culture": "en-US",
        "modifiedTime": "2026-11-20T04:07:31Z",
        "entities": [_entity(segment) for segment in SEGMENTS],
    }


def _entity(segment: Segment) -> dict[str, Any]:
    return {
        "$type": "LocalEntity",
        "name": segment.name,
        "description": "",
        "annotations": [{"name": "c360:PrimaryKey", "value": "CustomerId"}],
        "attributes": [
            {"name": column, "friendlyName": column, "dataType": DATA_TYPES[column]} for column in segment.columns
        ],
        "partitions": [_partition(segment, n) for n in range(1, segment.partitions + 1)],
    }


def _partition(segment: Segment, number: int) -> dict[str, Any]:
    name = f"{segment.name}_{number}"
    folder = f"{STORAGE.format(service=segment.service)}/{INSTANCE}/{EXPORT}"
    partition: dict[str, Any] = {
        "name": name,
        "refreshTime": "2026-11-20T04:00:00Z",
        "location": f"{folder}/{segment.name}/{CURRENT_RUN}/{name}.csv",
    }
    if segment.file_format is not None:
        partition["fileFormatSettings"] = segment.file_format
    return partition


def _platform_seed(seed: int, profiles: int) -> dict[str, Any]:
    """Say whom of the sample the platforms know already, and who is on a list only there."""
    known = _known_people(seed, profiles)
    visitors = [("Visitor", str(n), f"visitor.{n}@example.net") for n in range(1, 4)]
    return {
        "campaign_monitor": {
            "subscribers": [
                {"email": p.email, "name": p.full_name, "state": state}
                for state in ("Unsubscribed", "Bounced", "Deleted", "Active")
                for p in known[state]
            ]
            + [{"email": email, "name": f"{first} {last}", "state": "Active"} for first, last, email in visitors],
            "suppressed": [
                {"email": p.email, "reason": ("Unsubscribed", "Bounced")[position % 2]}
                for position, p in enumerate(known["Suppressed"])
            ],
        },
        "constant_contact": {
            "contacts": [
                _constant_contact(p.first_name, p.last_name, p.email, permission)
                for state, permission in (
                    ("Unsubscribed", "unsubscribed"),
                    ("Suppressed", "unsubscribed"),
                    ("Active", "implicit"),
                )
                for p in known[state]
            ]
            + [_constant_contact(*visitor, "implicit") for visitor in visitors],
        },
    }


def _constant_contact(first: str, last: str, email: str, permission: str) -> dict[str, str]:
    return {"email": email, "first_name": first, "last_name": last, "permission": permission}


def _known_people(seed: int, profiles: int) -> dict[str, list[Person]]:
    """Choose one in twelve of the people who share their address with nobody."""
    known: dict[str, list[Person]] = {
        state: [] for state in ("Unsubscribed", "Bounced", "Deleted", "Active", "Suppressed")
    }
    groups = list(known.values())
    for number in range(0, min(profiles, 12 * len(groups) * SEED_LIMIT), 12):
        someone = person(seed, number)
        if someone.has_own_email:
            groups[number // 12 % len(groups)].append(someone)
    return known
