"""Custom fields of an account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cix_sandbox.constant_contact import answers, field_rules, paging
from cix_sandbox.constant_contact.field_store import as_json, insert_field
from cix_sandbox.constant_contact.gate import Call, Endpoint
from cix_sandbox.constant_contact.ids import is_id, new_id, stamp

if TYPE_CHECKING:
    import sqlite3

    from starlette.responses import Response

_LARGEST_PAGE = 100
_READ = "contacts:read"
_WRITE = "contacts:write"


def _read_all(call: Call) -> Response:
    query = paging.read(call, most=_LARGEST_PAGE)
    rows = call.connection.execute(
        """SELECT * FROM cc_fields WHERE account_id = :account AND created_at <= :before
               AND (:next IS NULL OR field_seq < (SELECT field_seq FROM cc_fields WHERE field_id = :next))
           ORDER BY field_seq DESC LIMIT :limit""",
        {
            "account": call.account_id,
            "before": call.now - call.number("field_lag_seconds"),
            "next": query.get("next"),
            "limit": int(query["limit"]) + 1,
        },
    ).fetchall()
    page = paging.page(rows, "field_id", query)
    body = {"custom_fields": [_document(row) for row in page.rows]}
    return answers.answer({**body, **page.links("/v3/contact_custom_fields")})


def _create(call: Call) -> Response:
    body = call.json()
    problems = field_rules.problems(body.get("label"), body.get("type"), body.get("metadata"), body.get("choices"))
    if body.get("version", 1) not in (1, 2):
        problems.append("version does not have a valid value")
    if problems:
        raise answers.invalid(*problems)
    _check_label(call, body["label"], None)
    (existing,) = call.connection.execute(
        "SELECT count(*) FROM cc_fields WHERE account_id = ?", (call.account_id,)
    ).fetchone()
    if existing >= call.number("custom_fields"):
        raise answers.invalid(f"an account can have at most {call.number('custom_fields'):.0f} custom fields")
    field_id = new_id()
    insert_field(call.connection, call.account_id, field_id, body, call.second)
    return _answer(call, field_id, int(call.text("created_status")))


def _read_one(call: Call) -> Response:
    return answers.answer(_document(_row(call)))


def _change(call: Call) -> Response:
    row, body = _row(call), call.json()
    label = body.get("label", row["label"])
    problems = field_rules.label_problems(label)
    if "choices" in body and row["type"] in field_rules.SELECTS:
        problems += field_rules.choice_problems(body["choices"], json.loads(row["metadata"])["display_type"])
    if problems:
        raise answers.invalid(*problems)
    _check_label(call, label, row["field_id"])
    call.connection.execute(
        """UPDATE cc_fields SET label = ?, name = ?, choices = coalesce(?, choices), updated_at = ?
           WHERE field_id = ?""",
        (label, field_rules.slug(label), as_json(body.get("choices")), call.second, row["field_id"]),
    )
    return _answer(call, row["field_id"], 200)


def _delete(call: Call) -> Response:
    call.connection.execute("DELETE FROM cc_fields WHERE field_id = ?", (_row(call)["field_id"],))
    return answers.no_content()


def _answer(call: Call, field_id: str, status: int) -> Response:
    row = call.connection.execute("SELECT * FROM cc_fields WHERE field_id = ?", (field_id,)).fetchone()
    return answers.answer(_document(row), status)


def _row(call: Call) -> sqlite3.Row:
    field_id = call.path("custom_field_id")
    if not is_id(field_id):
        raise answers.malformed_id("custom_field_id")
    row: sqlite3.Row | None = call.connection.execute(
        "SELECT * FROM cc_fields WHERE field_id = ? AND account_id = ?", (field_id, call.account_id)
    ).fetchone()
    if row is None:
        raise answers.not_found("The custom field does not exist.")
    return row


def _check_label(call: Call, label: str, own_id: str | None) -> None:
    """Refuse a label whose name another field has: two labels that differ in case are the same."""
    taken = call.connection.execute(
        "SELECT 1 FROM cc_fields WHERE account_id = ? AND name = ? AND field_id IS NOT ?",
        (call.account_id, field_rules.slug(label), own_id),
    ).fetchone()
    if taken:
        raise answers.conflict("Custom field label already exists")


def _document(row: sqlite3.Row) -> dict[str, Any]:
    shown = {
        "custom_field_id": row["field_id"],
        "label": row["label"],
        "name": row["name"],
        "type": row["type"],
        "version": row["version"],
        "metadata": json.loads(row["metadata"]) if row["metadata"] else None,
        "choices": json.loads(row["choices"]) if row["choices"] else None,
        "updated_at": stamp(row["updated_at"]),
        "created_at": stamp(row["created_at"]),
    }
    return {name: value for name, value in shown.items() if value is not None}


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/contact_custom_fields", _read_all, privilege=_READ),
    Endpoint("POST", "/v3/contact_custom_fields", _create, privilege=_WRITE),
    Endpoint("GET", "/v3/contact_custom_fields/{custom_field_id}", _read_one, privilege=_READ),
    Endpoint("PUT", "/v3/contact_custom_fields/{custom_field_id}", _change, privilege=_WRITE),
    Endpoint("DELETE", "/v3/contact_custom_fields/{custom_field_id}", _delete, privilege=_WRITE),
)
