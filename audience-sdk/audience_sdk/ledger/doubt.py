"""Batches that have no answer: what the platform made of them is not known, and a later run has to find out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from audience_sdk.contact import Action
from audience_sdk.ledger.schema import Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from audience_sdk.contact import StagedRow
    from audience_sdk.ledger.store import JournalledBatch, Ledger

_MAY_HAVE_JOINED = f"""
    INSERT INTO contacts (list_no, email_key, hash, row_key, status, ours, changed_at)
    VALUES (:list_no, :email_key, 0, :row_key,
      iif(:returns, '{Status.UNSURE_REMOVED.value}', '{Status.UNSURE.value}'), 1, :now)
    ON CONFLICT (list_no, email_key) DO UPDATE SET
      -- Who is held back stays held back; whom a readmission may have put back leaves with the segment all the same.
      hash = excluded.hash, ours = excluded.ours, changed_at = excluded.changed_at, status = iif(
        contacts.status IN ('{Status.AWAY.value}', '{Status.UNSURE_AWAY.value}'),
        '{Status.UNSURE_AWAY.value}', excluded.status
      )
      WHERE contacts.status NOT IN ('{Status.SUPPRESSED.value}', '{Status.SUPPRESSED_REMOVED.value}')
"""  # noqa: S608 - made of our own constants
_MAY_HAVE_CHANGED = f"""
    UPDATE contacts SET hash = 0
    WHERE list_no = :list_no AND status = '{Status.ON.value}' AND email_key = :email_key
"""  # noqa: S608 - made of our own constants
_MAY_HAVE_LEFT = f"""
    UPDATE contacts SET status = '{Status.UNSURE_REMOVED.value}', changed_at = :now
    WHERE list_no = :list_no AND email_key = :email_key
      -- Who had left before is no matter of this batch, and who may have left must not come back for it.
      AND status NOT IN ('{Status.AWAY.value}', '{Status.UNSURE_AWAY.value}')
"""  # noqa: S608 - made of our own constants
_STATEMENTS = {
    Action.CREATE.value: _MAY_HAVE_JOINED,
    Action.UPDATE.value: _MAY_HAVE_CHANGED,
    Action.REMOVE.value: _MAY_HAVE_LEFT,
}


def doubt(ledger: Ledger, batch: JournalledBatch, rows: Iterable[StagedRow]) -> None:
    """Take a batch off the journal that has no answer, and note that its rows may have arrived.

    Whoever is in the segments then is sent again, even if the ledger holds the very same contact as confirmed. Whoever
    has left them since leaves the list, as if the batch had been confirmed.

    Args:
        ledger: The ledger.
        batch: The batch.
        rows: Its rows.
    """
    with ledger.transaction():
        note_doubt(ledger.connection, batch.list_no, batch.action, rows)
        ledger.connection.execute("DELETE FROM batches WHERE batch_id = ?", (batch.batch_id,))


def note_doubt(connection: sqlite3.Connection, list_no: int, action: str, rows: Iterable[StagedRow]) -> None:
    """Note that rows may have arrived, within the caller's transaction.

    Args:
        connection: The ledger's.
        list_no: The ledger's number of the list.
        action: What was asked for.
        rows: The rows.
    """
    same = {"list_no": list_no, "now": int(time.time())}
    connection.executemany(
        _STATEMENTS[action],
        ({**same, "email_key": row.email_key, "row_key": row.row_key, "returns": row.returns} for row in rows),
    )
