"""Accepting activities, and looking at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cix_sandbox.constant_contact import answers, machine, paging
from cix_sandbox.constant_contact.gate import Call, Endpoint
from cix_sandbox.constant_contact.ids import is_id
from cix_sandbox.constant_contact.switches import NAME

if TYPE_CHECKING:
    import sqlite3

    from starlette.responses import Response

_FATES = {
    "activity_failed": "failed",
    "activity_timed_out": "timed_out",
    "activity_cancelled": "cancelled",
    "activity_unknown": "abandoned",
    "activity_stuck": machine.STUCK,
}
_STATES = ("processing", "completed", "cancelled", "failed", "timed_out")
_PRIVILEGE = "contacts:write"


def accept(
    call: Call,
    kind: str,
    order: msgspec.Struct,
    *,
    payload: bytes | None = None,
    source_file_name: str | None = None,
) -> dict[str, Any]:
    """Take an activity into the queue and return what the API shows of it.

    Args:
        call: The request that asks for it.
        kind: One of `jobs.JOBS`.
        order: What it is to do.
        payload: Rows of an import, in JSON.
        source_file_name: Name of an imported file.

    Raises:
        Refusal: The queue is full.
    """
    if machine.unfinished(call.connection, call.account_id) >= call.number("queued_activities"):
        key = call.text("queue_error_key")
        raise answers.error_object(429, key, "There are too many queued activities.")
    row = machine.accept(
        call.connection,
        call.account_id,
        kind,
        msgspec.json.encode(order),
        _plan(call),
        call.now,
        payload=payload,
        source_file_name=source_file_name,
    )
    return machine.document(row, call.now)


def _plan(call: Call) -> machine.Plan:
    def struck(fault_kind: str) -> Any:
        return call.state.faults.take(fault_kind, NAME, call.request.method, call.request.url.path)

    fates = [fate for fault_kind, fate in _FATES.items() if struck(fault_kind)]
    delay = struck("activity_delay")
    return machine.Plan(
        fate=fates[0] if fates else machine.COMPLETED,
        queue_seconds=call.number("activity_queue_seconds"),
        work_seconds=call.number("activity_work_seconds") + (delay.seconds if delay else 0),
        parallel=int(call.number("activities_in_parallel")),
    )


def _read_all(call: Call) -> Response:
    query = paging.read(call)
    state = query.get("state")
    if state is not None and state not in _STATES:
        raise answers.invalid_value("state")
    rows = call.connection.execute(
        """SELECT * FROM cc_activities WHERE account_id = :account AND created_at >= :oldest
               AND (:state IS NULL OR state = :state)
               AND (:next IS NULL
                    OR activity_seq < (SELECT activity_seq FROM cc_activities WHERE activity_id = :next))
           ORDER BY activity_seq DESC LIMIT :limit""",
        {
            "account": call.account_id,
            "oldest": call.now - machine.RETENTION_SECONDS,
            "state": state,
            "next": query.get("next"),
            "limit": int(query["limit"]) + 1,
        },
    ).fetchall()
    page = paging.page(rows, "activity_id", query)
    shown = [machine.document(row, call.now) for row in page.rows]
    for activity in shown:
        # As observed: every row of a listing links to the last one.
        activity["_links"]["self"] = shown[-1]["_links"]["self"]
    return answers.answer({"activities": shown, **page.links("/v3/activities")})


def _read_one(call: Call) -> Response:
    activity_id = call.path("activity_id")
    if not is_id(activity_id):
        raise answers.malformed_id("activity_id")
    row: sqlite3.Row | None = call.connection.execute(
        "SELECT * FROM cc_activities WHERE activity_id = ? AND account_id = ? AND created_at >= ?",
        (activity_id, call.account_id, call.now - machine.RETENTION_SECONDS),
    ).fetchone()
    if row is None:
        raise answers.not_found("The activity does not exist.")
    return answers.answer(machine.document(row, call.now))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/activities", _read_all, privilege=_PRIVILEGE),
    Endpoint("GET", "/v3/activities/{activity_id}", _read_one, privilege=_PRIVILEGE),
)
