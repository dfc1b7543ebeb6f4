"""Which content of a segment a list holds in full, so that the tap may leave the segment out while it is unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audience_sdk.ledger.database import clear_errors
from audience_sdk.ledger.schema import CONTENTS, version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audience_sdk.ledger.store import Ledger

_SEGMENT = "(SELECT segment_no FROM segments WHERE name = ?)"


def holds(ledger: Ledger, list_no: int, segment: str, content: bytes) -> bool:
    """Say whether a list holds a segment in full, with this content.

    Args:
        ledger: The ledger.
        list_no: The ledger's number of the list.
        segment: Name of the stream.
        content: Hash of the segment's content and of what the settings make of it.
    """
    if version(ledger.connection) < CONTENTS:  # a dry run leaves an older ledger as it is
        return False
    query = f"SELECT content FROM contents WHERE list_no = ? AND segment_no = {_SEGMENT}"  # noqa: S608 - our own words
    with clear_errors(ledger.path):
        row = ledger.connection.execute(query, (list_no, segment)).fetchone()
    return bool(row and row[0] == content)


def forget(ledger: Ledger, list_nos: Iterable[int], segments: Iterable[str]) -> None:
    """Note that lists may hold segments only in part from now on.

    Args:
        ledger: The ledger.
        list_nos: The ledger's numbers of the lists.
        segments: Names of the streams.
    """
    pairs = [(list_no, segment) for list_no in list_nos for segment in segments]
    with ledger.transaction():
        ledger.connection.executemany(
            f"DELETE FROM contents WHERE list_no = ? AND segment_no = {_SEGMENT}",  # noqa: S608 - our own words
            pairs,
        )


def keep(ledger: Ledger, list_no: int, segment: str, content: bytes) -> None:
    """Note that a list holds a segment in full.

    Args:
        ledger: The ledger, which knows the segment.
        list_no: The ledger's number of the list.
        segment: Name of the stream.
        content: As for `holds`.
    """
    with ledger.transaction():
        ledger.connection.execute(
            f"INSERT OR REPLACE INTO contents VALUES (?, {_SEGMENT}, ?)",  # noqa: S608 - our own words
            (list_no, segment, content),
        )
