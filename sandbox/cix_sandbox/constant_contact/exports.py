"""Asking for an export of contacts, and fetching its file."""

from __future__ import annotations

from starlette.responses import Response

from cix_sandbox.constant_contact import activities, answers
from cix_sandbox.constant_contact.bulk import MOST_CONTACTS, MOST_LISTS, ids_of, lists_or_missing
from cix_sandbox.constant_contact.bulk_jobs import Source
from cix_sandbox.constant_contact.export_job import COLUMNS, ExportOrder
from cix_sandbox.constant_contact.field_store import fields_of
from cix_sandbox.constant_contact.gate import Call, Endpoint

_MOST_EXCLUDED = 50
_STATUSES = ("active", "unsubscribed", "removed")


def _start(call: Call) -> Response:
    body = call.json()
    if "contact_ids" in body and "list_ids" in body:
        raise answers.invalid("contact_ids and list_ids exclude each other")
    status, fields = body.get("status"), body.get("fields") or []
    if status is not None and status not in _STATUSES:
        raise answers.invalid_value("status")
    known = {*COLUMNS, *(f"cf:{field.name}" for field in fields_of(call.connection, call.account_id))}
    if not isinstance(fields, list) or not set(map(str, fields)) <= known:
        raise answers.invalid_value("fields")
    if any(name.startswith("email_opt") for name in fields) and "email_address" not in fields:
        raise answers.invalid("fields needs email_address")
    excluded = (body.get("exclude") or {}).get("contact_ids")
    exclude = [] if excluded is None else ids_of("exclude[contact_ids]", excluded, _MOST_EXCLUDED)
    source = None
    if "contact_ids" in body:
        source = Source("contacts", contact_ids=ids_of("contact_ids", body["contact_ids"], MOST_CONTACTS))
    elif "list_ids" in body:
        source = Source("lists", lists=lists_or_missing(call, body["list_ids"], MOST_LISTS), exclude=exclude)
    return answers.answer(activities.accept(call, "contact_exports", ExportOrder(source, status, fields)), 201)


def _download(call: Call) -> Response:
    row = call.connection.execute(
        "SELECT content FROM cc_exports WHERE export_id = ? AND account_id = ?",
        (call.path("export_id"), call.account_id),
    ).fetchone()
    if row is None:
        raise answers.not_found("The export does not exist.")
    return Response(row["content"], media_type="text/csv", headers=answers.tracking())


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v3/activities/contact_exports", _start, privilege="contacts:read"),
    Endpoint("GET", "/v3/contact_exports/{export_id}", _download, privilege="contacts:read", gives=None),
)
