"""Contact lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cix_sandbox.constant_contact import activities, answers, paging
from cix_sandbox.constant_contact.bulk_jobs import ListOrder
from cix_sandbox.constant_contact.gate import Call, Endpoint
from cix_sandbox.constant_contact.ids import is_id, new_id, stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from starlette.responses import Response

NAME_LENGTH = 255
_READ = "contacts:lists:read"
_WRITE = "contacts:lists:write"
_STATUSES = {
    "active": "deleted_at IS NULL",
    "deleted": "deleted_at IS NOT NULL",
    "all": "1",
}
_COUNTS = {
    "all": "SELECT count(*) FROM cc_memberships WHERE list_seq = ?",
    "active": """SELECT count(*) FROM cc_memberships JOIN cc_contacts USING (contact_seq)
                 WHERE list_seq = ? AND permission IN ('implicit', 'explicit')""",
}


def lists_by_id(connection: sqlite3.Connection, account_id: int, list_ids: Iterable[str]) -> dict[str, int]:
    """Return those of the lists that the account has: identifier to number."""
    found = {}
    for list_id in list_ids:
        row = connection.execute(
            "SELECT list_seq FROM cc_lists WHERE list_id = ? AND account_id = ? AND deleted_at IS NULL",
            (list_id, account_id),
        ).fetchone()
        if row:
            found[list_id] = row["list_seq"]
    return found


def all_lists(connection: sqlite3.Connection, account_id: int) -> dict[str, int]:
    """Return the lists of an account: identifier to number."""
    rows = connection.execute(
        "SELECT list_id, list_seq FROM cc_lists WHERE account_id = ? AND deleted_at IS NULL", (account_id,)
    )
    return {row["list_id"]: row["list_seq"] for row in rows}


def _read_all(call: Call) -> Response:
    query = paging.read(call, most=int(call.number("list_page")))
    status = query.get("status", "active")
    problems = [
        name
        for name, value, known in (
            ("status", status, _STATUSES),
            ("include_membership_count", query.get("include_membership_count", "all"), _COUNTS),
            ("channel_type", query.get("channel_type", "email"), ("email", "sms")),
        )
        if value not in known
    ]
    if problems:
        raise answers.invalid_value(*problems)
    wanted = f"""FROM cc_lists WHERE account_id = :account AND {_STATUSES[status]}
                 AND (:name IS NULL OR name = :name)"""
    values = {"account": call.account_id, "name": query.get("name"), "next": query.get("next")}
    rows = call.connection.execute(
        f"""SELECT * {wanted} AND (:next IS NULL OR list_seq < (SELECT list_seq FROM cc_lists WHERE list_id = :next))
            ORDER BY list_seq DESC LIMIT :limit""",  # noqa: S608  (constants)
        {**values, "limit": int(query["limit"]) + 1},
    ).fetchall()
    page = paging.page(rows, "list_id", query)
    count = query.get("include_membership_count")
    body: dict[str, Any] = {"lists": [_document(call, row, count) for row in page.rows]}
    if query.get("include_count") == "true":
        count_all = f"SELECT count(*) {wanted}"
        (body["lists_count"],) = call.connection.execute(count_all, values).fetchone()
    return answers.answer({**body, **page.links("/v3/contact_lists")})


def _create(call: Call) -> Response:
    body = call.json()
    _check(body)
    _check_name(call, body["name"])
    (existing,) = call.connection.execute(
        "SELECT count(*) FROM cc_lists WHERE account_id = ? AND deleted_at IS NULL", (call.account_id,)
    ).fetchone()
    if existing >= call.number("lists"):
        raise answers.invalid(f"an account can have at most {call.number('lists'):.0f} lists")
    list_id = new_id()
    insert_list(call.connection, call.account_id, list_id, body["name"], call.second)
    return _write(call, list_id, body, int(call.text("created_status")))


def insert_list(connection: sqlite3.Connection, account_id: int, list_id: str, name: str, at: int) -> None:
    """Store a new list."""
    connection.execute(
        """INSERT INTO cc_lists (list_id, account_id, name, created_at, updated_at)
           VALUES (?, ?, ?, ?, ?)""",
        (list_id, account_id, name, at, at),
    )


def _read_one(call: Call) -> Response:
    count = call.query.get("include_membership_count")
    if count is not None and count not in _COUNTS:
        raise answers.invalid_value("include_membership_count")
    return answers.answer(_document(call, _row(call), count))


def _change(call: Call) -> Response:
    row, body = _row(call), call.json()
    _check(body)
    if body["name"] != row["name"]:
        _check_name(call, body["name"])
    return _write(call, row["list_id"], body, 200)


def _delete(call: Call) -> Response:
    row = _row(call)
    activity = activities.accept(call, "list_delete", ListOrder(lists=[row["list_seq"]]))
    # The service shows a path here that no client can follow.
    path = f"/contacts-service/v4/accounts/{call.account_id}/activities/{activity['activity_id']}"
    return answers.answer({**activity, "_links": {"self": {"href": path}}}, 202)


def _write(call: Call, list_id: str, body: dict[str, Any], status: int) -> Response:
    call.connection.execute(
        """UPDATE cc_lists SET name = ?, description = coalesce(?, description),
               favorite = coalesce(?, favorite), updated_at = ? WHERE list_id = ?""",
        (body["name"], body.get("description"), body.get("favorite"), call.second, list_id),
    )
    row = call.connection.execute("SELECT * FROM cc_lists WHERE list_id = ?", (list_id,)).fetchone()
    return answers.answer(_document(call, row, None), status)


def _row(call: Call) -> sqlite3.Row:
    list_id = call.path("list_id")
    if not is_id(list_id):
        raise answers.malformed_id("list_id")
    row: sqlite3.Row | None = call.connection.execute(
        "SELECT * FROM cc_lists WHERE list_id = ? AND account_id = ? AND deleted_at IS NULL",
        (list_id, call.account_id),
    ).fetchone()
    if row is None:
        raise answers.not_found("The contact list does not exist.")
    return row


def _check(body: dict[str, Any]) -> None:
    problems = []
    name = body.get("name")
    if name is None:
        problems.append("name is missing")
    elif not isinstance(name, str) or not 0 < len(name.strip()) <= NAME_LENGTH:
        problems.append("name does not have a valid value")
    description = body.get("description")
    if description is not None and not (isinstance(description, str) and len(description) <= NAME_LENGTH):
        problems.append("description does not have a valid value")
    if not isinstance(body.get("favorite", False), bool):
        problems.append("favorite does not have a valid value")
    if problems:
        raise answers.invalid(*problems)


def _check_name(call: Call, name: str) -> None:
    taken = call.connection.execute(
        "SELECT 1 FROM cc_lists WHERE account_id = ? AND name = ? AND deleted_at IS NULL", (call.account_id, name)
    ).fetchone()
    if taken:
        raise answers.conflict("List name already exists")


def _document(call: Call, row: sqlite3.Row, count: str | None) -> dict[str, Any]:
    shown = {
        "list_id": row["list_id"],
        "name": row["name"],
        "description": row["description"],
        "favorite": bool(row["favorite"]),
        "created_at": stamp(row["created_at"]),
        "updated_at": stamp(row["updated_at"]),
        "deleted_at": stamp(row["deleted_at"]) if row["deleted_at"] else None,
    }
    if count is not None:
        (shown["membership_count"],) = call.connection.execute(_COUNTS[count], (row["list_seq"],)).fetchone()
    return {name: value for name, value in shown.items() if value is not None}


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/contact_lists", _read_all, privilege=_READ),
    Endpoint("POST", "/v3/contact_lists", _create, privilege=_WRITE),
    Endpoint("GET", "/v3/contact_lists/{list_id}", _read_one, privilege=_READ),
    Endpoint("PUT", "/v3/contact_lists/{list_id}", _change, privilege=_WRITE),
    Endpoint("DELETE", "/v3/contact_lists/{list_id}", _delete, privilege=_WRITE),
)
