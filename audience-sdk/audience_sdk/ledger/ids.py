"""The platforms' ids of contacts, remembered wherever they are seen: who leaves by id need not be looked up then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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
