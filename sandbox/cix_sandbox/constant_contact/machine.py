"""The life of an activity: accepted, then processing, then at its end; its work is done at the end.

Nothing runs in the background: whoever looks makes happen what is due by then.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from cix_sandbox.constant_contact.ids import new_id, stamp
from cix_sandbox.constant_contact.job import Done, Job
from cix_sandbox.constant_contact.jobs import IMPORT, JOBS
from cix_sandbox.store import transaction

if TYPE_CHECKING:
    import sqlite3

RETENTION_SECONDS = 10 * 86_400
STUCK = "stuck"
COMPLETED = "completed"
_SECONDS_PER_LOOK = 2.0
"""A look works no longer than this (and at least one activity), so that it is answered in time."""
_UNFINISHED = "state IN ('initialized', 'processing')"


class Plan(NamedTuple):
    """What will become of an activity.

    Attributes:
        fate: State in which it ends, or `stuck`.
        queue_seconds: How long it is `initialized`.
        work_seconds: How long it is `processing`.
        parallel: How many activities of an account process at a time; 0 for any number.
    """

    fate: str
    queue_seconds: float
    work_seconds: float
    parallel: int


def unfinished(connection: sqlite3.Connection, account_id: int) -> int:
    """Return how many activities of an account have not come to their end."""
    (count,) = connection.execute(
        f"SELECT count(*) FROM cc_activities WHERE {_UNFINISHED} AND account_id = ?",  # noqa: S608  (a constant)
        (account_id,),
    ).fetchone()
    return int(count)


def accept(
    connection: sqlite3.Connection,
    account_id: int,
    kind: str,
    order: bytes,
    plan: Plan,
    now: float,
    *,
    payload: bytes | None = None,
    source_file_name: str | None = None,
) -> sqlite3.Row:
    """Store a new activity and return its row.

    Args:
        connection: The store.
        account_id: The account.
        kind: One of `JOBS`.
        order: What the job is to do, in JSON.
        plan: What will become of it.
        now: Seconds since 1970-01-01 UTC.
        payload: Rows of an import.
        source_file_name: Name of an imported file.
    """
    starts_at = max(now + plan.queue_seconds, _free_place(connection, account_id, plan.parallel))
    with transaction(connection):
        _forget(connection, now - RETENTION_SECONDS)
        cursor = connection.execute(
            """INSERT INTO cc_activities (activity_id, account_id, kind, state, fate, created_at,
                   starts_at, ends_at, order_sheet, source_file_name)
               VALUES (?, ?, ?, 'initialized', ?, ?, ?, ?, ?, ?)""",
            (
                new_id(),
                account_id,
                kind,
                plan.fate,
                now,
                starts_at,
                starts_at + plan.work_seconds,
                order.decode(),
                source_file_name,
            ),
        )
        if payload is not None:
            connection.execute("INSERT INTO cc_payloads VALUES (?, ?)", (cursor.lastrowid, payload))
    row: sqlite3.Row = connection.execute(
        "SELECT * FROM cc_activities WHERE activity_seq = ?", (cursor.lastrowid,)
    ).fetchone()
    return row


def _free_place(connection: sqlite3.Connection, account_id: int, parallel: int) -> float:
    """Return when fewer than `parallel` of the activities accepted so far are processing."""
    if parallel <= 0:
        return 0.0
    row = connection.execute(
        f"""SELECT ends_at FROM cc_activities WHERE {_UNFINISHED} AND account_id = ? AND fate <> 'stuck'
            ORDER BY ends_at DESC LIMIT 1 OFFSET ?""",  # noqa: S608  (a constant)
        (account_id, parallel - 1),
    ).fetchone()
    return float(row["ends_at"]) if row else 0.0


def _forget(connection: sqlite3.Connection, before: float) -> None:
    """Drop activities that nobody can see any more."""
    connection.execute(
        """DELETE FROM cc_payloads
           WHERE activity_seq IN (SELECT activity_seq FROM cc_activities WHERE created_at < ?)""",
        (before,),
    )
    connection.execute("DELETE FROM cc_activities WHERE created_at < ?", (before,))


def settle(connection: sqlite3.Connection, now: float) -> None:
    """Let happen what is due: activities start, and do their work when they end.

    Args:
        connection: The store.
        now: Seconds since 1970-01-01 UTC.
    """
    due = connection.execute(
        f"""SELECT activity_seq, ends_at <= :now AS ends FROM cc_activities
            WHERE {_UNFINISHED} AND fate <> 'stuck' AND (ends_at <= :now OR state = 'initialized' AND starts_at <= :now)
            ORDER BY ends_at, activity_seq""",  # noqa: S608  (a constant)
        {"now": now},
    ).fetchall()
    started = time.monotonic()
    for row in due:
        if not row["ends"] or time.monotonic() - started > _SECONDS_PER_LOOK:
            connection.execute(
                "UPDATE cc_activities SET state = 'processing' WHERE activity_seq = ?", (row["activity_seq"],)
            )
        else:
            _finish(connection, row["activity_seq"])


def _finish(connection: sqlite3.Connection, activity_seq: int) -> None:
    with transaction(connection):
        row = connection.execute("SELECT * FROM cc_activities WHERE activity_seq = ?", (activity_seq,)).fetchone()
        broken = row["fate"] != COMPLETED
        payload = connection.execute(
            "SELECT payload FROM cc_payloads WHERE activity_seq = ?", (activity_seq,)
        ).fetchone()
        job = Job(
            row["account_id"], row["order_sheet"], payload[0] if payload else b"", int(row["ends_at"]), broken=broken
        )
        # Only of an import is it said how much of it is done when it breaks off.
        done = Done({}) if broken and row["kind"] != IMPORT else JOBS[row["kind"]](connection, job)
        connection.execute(
            "UPDATE cc_activities SET state = fate, status = ?, errors = ?, result = ? WHERE activity_seq = ?",
            (json.dumps(done.status), json.dumps(done.errors), done.result, activity_seq),
        )
        connection.execute("DELETE FROM cc_payloads WHERE activity_seq = ?", (activity_seq,))


def document(row: sqlite3.Row, now: float) -> dict[str, Any]:
    """Return an activity as the API shows it; what does not apply yet is absent."""
    state = row["state"]
    started, ended = state != "initialized", state not in ("initialized", "processing")
    changed_at = row["ends_at"] if ended else row["starts_at"] if started else row["created_at"]
    shown = {
        "activity_id": row["activity_id"],
        "state": state,
        "started_at": stamp(int(row["starts_at"])) if started else None,
        "completed_at": stamp(int(row["ends_at"])) if state == COMPLETED else None,
        "created_at": stamp(int(row["created_at"])),
        "updated_at": stamp(int(changed_at)),
        "percent_done": _percent(row, now),
        "source_file_name": row["source_file_name"],
        "activity_errors": json.loads(row["errors"]),
        "status": json.loads(row["status"]),
        "_links": {
            "self": {"href": f"/v3/activities/{row['activity_id']}"},
            **({"results": {"href": row["result"]}} if row["result"] else {}),
        },
    }
    return {name: value for name, value in shown.items() if value is not None}


def _percent(row: sqlite3.Row, now: float) -> int:
    if row["state"] == COMPLETED:
        return 100
    if row["state"] != "processing":
        return 1
    passed = (now - row["starts_at"]) / max(row["ends_at"] - row["starts_at"], 0.001)
    return min(max(int(passed * 100), 1), 99)
