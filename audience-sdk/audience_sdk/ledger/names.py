"""Which list a name meant when it was last looked up, so that nobody is sent to another one unawares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audience_sdk.ledger.database import clear_errors
from audience_sdk.ledger.schema import NAMES, version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audience_sdk.ledger.store import Ledger


def remembered(ledger: Ledger, place: str) -> dict[str, str]:
    """Return the platform's ids of lists by the names that they were found or made by.

    Args:
        ledger: The ledger.
        place: Where names are looked up; see `Directory.place`.
    """
    if version(ledger.connection) < NAMES:  # a dry run leaves an older ledger as it is
        return {}
    with clear_errors(ledger.path):
        return dict(ledger.connection.execute("SELECT name, list_id FROM names WHERE place = ?", (place,)))


def remember(ledger: Ledger, place: str, ids: Mapping[str, str]) -> None:
    """Note which lists names mean; a dry run notes nothing.

    Args:
        ledger: The ledger.
        place: As for `remembered`.
        ids: The platform's ids by name.
    """
    if ledger.read_only or ids.items() <= remembered(ledger, place).items():
        return
    rows = [(place, name, list_id) for name, list_id in ids.items()]
    with ledger.transaction():
        ledger.connection.executemany("INSERT OR REPLACE INTO names VALUES (?, ?, ?)", rows)
