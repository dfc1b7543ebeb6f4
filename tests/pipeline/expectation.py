"""What the demo's export must come to at each platform, worked out apart from the code that is tested.

Nothing of the plugins is used here: files are read with `csv` and `json`, addresses are judged by `email-validator`.
"""

from __future__ import annotations

import csv
import json
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from email_validator import EmailNotValidError, validate_email

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The tap sends its streams in the order of their names; of rows with one address the last one counts.
SEGMENTS = ("HighValueCustomers", "NewsletterReaders")
MAILED = {"Active", "implicit", "explicit"}


class Expected(NamedTuple):
    """The end of an export.

    Attributes:
        members: Everyone whom the list knows, by address.
        counts: The counts of the run that are not zero.
        suppressed: The addresses in the segments that the platform does not let in.
    """

    members: dict[str, dict[str, Any]]
    counts: dict[str, int]
    suppressed: set[str]


def rows_of(export: Path, segment: str) -> Iterator[dict[str, str]]:
    """The rows of a segment, in the order of the partitions that model.json names."""
    [model] = export.rglob("model.json")
    entities = {entity["name"]: entity for entity in json.loads(model.read_text("utf-8"))["entities"]}
    for partition in entities[segment]["partitions"]:
        path = model.parent.joinpath(*partition["location"].split("/")[-6:])
        # All files of the demo have a header, commas and UTF-8, whether their settings say so or not.
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from csv.DictReader(file)


def key_of(address: str) -> str | None:
    """How addresses are told apart; None if it is no address."""
    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return None
    return unicodedata.normalize("NFC", address.lower())


def _whole_number(text: str) -> str:
    digits = text.strip().removeprefix("-")
    return str(int(text)) if digits.isascii() and digits.isdigit() else ""


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()[:10]).isoformat()
    except ValueError:
        return ""


def values_of(row: dict[str, str]) -> dict[str, str]:
    """The custom fields of a row that are not empty, by their label."""
    values = {
        "City": row["City"].strip(),
        "Loyalty Points": _whole_number(row["LoyaltyPoints"]),
        "Last Purchase": _day(row["LastPurchase"]),
    }
    return {label: text for label, text in values.items() if text}


def expected(export: Path, platform: str, seed: dict[str, Any]) -> Expected:
    """Work the end of an export out.

    Args:
        export: The export folder.
        platform: `campaign_monitor` or `constant_contact`.
        seed: Whom the platforms know before.
    """
    rows = [row for segment in SEGMENTS for row in rows_of(export, segment)]
    keys = [key_of(row["EMail"].strip()) for row in rows]
    contacts = {key: row for key, row in zip(keys, rows, strict=True) if key is not None}
    valid = sum(key is not None for key in keys)
    work_out = _campaign_monitor if platform == "campaign_monitor" else _constant_contact
    members, known, suppressed = work_out(contacts, seed[platform])
    counts = {
        "received": len(rows),
        "invalid": len(rows) - valid,
        "duplicate": valid - len(contacts),
        "created": len(contacts) - len(suppressed) - known,
        "updated": known,
        "suppressed": len(suppressed),
    }
    return Expected(members, {name: count for name, count in counts.items() if count}, suppressed)


_Ended = tuple[dict[str, dict[str, Any]], int, set[str]]


def _campaign_monitor(contacts: dict[str, dict[str, str]], seed: dict[str, Any]) -> _Ended:
    seeded = {person["email"].lower(): person for person in seed["subscribers"]}
    listed = {person["email"].lower() for person in seed["suppressed"]}
    inactive = {key for key, person in seeded.items() if person["state"] != "Active"}
    members = {}
    for key, person in seeded.items():
        members[person["email"]] = {"state": person["state"], "name": person["name"], "fields": {}}
        if key in contacts and key not in inactive | listed:
            members[person["email"]] |= _subscriber(contacts[key])
    for key, row in contacts.items():
        if key not in seeded and key not in listed:
            members[row["EMail"].strip()] = {"state": "Active", **_subscriber(row)}
    known = contacts.keys() & seeded.keys() - inactive - listed
    return members, len(known), contacts.keys() & (inactive | listed)


def _subscriber(row: dict[str, str]) -> dict[str, Any]:
    return {
        "name": f"{row['FirstName'].strip()} {row['LastName'].strip()}".strip(),
        "fields": {f"[{label.replace(' ', '')}]": text for label, text in values_of(row).items()},
    }


def _constant_contact(contacts: dict[str, dict[str, str]], seed: dict[str, Any]) -> _Ended:
    seeded = {person["email"].lower(): person for person in seed["contacts"]}
    gone = {key for key, person in seeded.items() if person["permission"] == "unsubscribed"}
    members = {}
    for key, row in contacts.items():
        if key in gone:
            continue
        before = seeded.get(key, {})
        members[key] = {
            "state": before.get("permission", "implicit"),
            "first_name": row["FirstName"].strip() or before.get("first_name"),
            "last_name": row["LastName"].strip() or before.get("last_name"),
            "fields": {label.lower().replace(" ", "_"): text for label, text in values_of(row).items()},
        }
    # The platform does not tell whom it knew before; the ledger did not know them, so they count as created.
    return members, 0, contacts.keys() & gone
