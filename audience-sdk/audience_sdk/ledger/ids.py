"""The platforms' ids of contacts, remembered wherever they are seen: who leaves by id need not be looked up then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from audience_sdk.ledger.database import clear_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audience_sdk.contact import StagedRow
    from audience_sdk.ledger.store import Ledger


def remember_ids(ledger: Ledger, list_no: int, ids: Iterable[tuple[str, str]]) -> None:
    """Note the platform's ids of contacts that the ledger knows.

    Args:
        ledger: The ledger.
        list_no: The ledger's number of the list.
        ids: `email_key` and platform id, of anybody.
    """
    with ledger.transaction():
        ledger.connection.executemany(
            "UPDATE contacts SET platform_id = ? WHERE list_no = ? AND email_key = ?",
            [(platform_id, list_no, email_key) for email_key, platform_id in ids],
        )


def forget_ids(ledger: Ledger, list_no: int) -> None:
    """Forget the ids of all contacts of a list, before those of a listing take their place.

    Should the listing break off, the next run looks up what it needs.

    Args:
        ledger: The ledger.
        list_no: The ledger's number of the list.
    """
    with ledger.transaction():
        query = "UPDATE contacts SET platform_id = NULL WHERE list_no = ? AND platform_id IS NOT NULL"
        ledger.connection.execute(query, (list_no,))


def with_ids(ledger: Ledger, list_no: int, rows: Sequence[StagedRow]) -> list[StagedRow]:
    """Return rows with the platform's ids of their contacts, as far as they are remembered.

    Args:
        ledger: The ledger.
        list_no: The ledger's number of the list.
        rows: The rows of a batch.
    """
    # CROSS JOIN: SQLite looks each key up, instead of holding each contact of the list against the keys.
    query = "SELECT email_key, platform_id FROM json_each(?) CROSS JOIN contacts ON list_no = ? AND email_key = value"
    keys = json.dumps([row.email_key for row in rows])
    with clear_errors(ledger.path):
        ids = dict(ledger.connection.execute(query, (keys, list_no)).fetchall())
    return [replace(row, platform_id=ids.get(row.email_key)) for row in rows]
