"""Contacts, one at a time and as a listing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cix_sandbox.constant_contact import (
    answers,
    contact_store,
    memberships,
    paging,
    permission,
)
from cix_sandbox.constant_contact.bulk_jobs import mark_deleted
from cix_sandbox.constant_contact.contact_body import SOURCES, BodyReader, EmailPart, stored
from cix_sandbox.constant_contact.contact_query import read_filters, read_includes
from cix_sandbox.constant_contact.contact_view import ContactView
from cix_sandbox.constant_contact.field_store import fields_of
from cix_sandbox.constant_contact.gate import Call, Endpoint
from cix_sandbox.constant_contact.ids import is_id
from cix_sandbox.constant_contact.import_rows import email_key
from cix_sandbox.constant_contact.lists import all_lists
from cix_sandbox.store import transaction

if TYPE_CHECKING:
    import sqlite3

    from starlette.responses import Response

_READ = "contacts:read"
_WRITE = "contacts:write"
_BODY_PARTS = ["custom_fields", "list_memberships", "phone_numbers", "street_addresses"]
_IDENTITY = ("first_name", "last_name", "email_address")


def _read_all(call: Call) -> Response:
    query = paging.read(call)
    filters = read_filters(call.connection, call.account_id, query, call.text("email_match"))
    view = ContactView(call.connection, call.account_id, read_includes(query))
    after = None
    if "next" in query:
        last = contact_store.by_id(call.connection, call.account_id, query["next"])
        if last is None:
            raise answers.invalid_value("cursor")
        after = last["contact_seq"]
    page = paging.page(filters.page(call.connection, after, int(query["limit"])), "contact_id", query)
    body: dict[str, Any] = {"contacts": [view.show(row) for row in page.rows]}
    if query.get("include_count") == "true":
        body["contacts_count"] = filters.count(call.connection)
    return answers.answer({**body, **page.links("/v3/contacts")})


def _read_one(call: Call) -> Response:
    view = ContactView(call.connection, call.account_id, read_includes(call.query))
    return answers.answer(view.show(_row(call)))


def _counts(call: Call) -> Response:
    rows = call.connection.execute(
        """SELECT permission, count(*) FROM cc_contacts WHERE +account_id = ? AND deleted_at IS NULL
           GROUP BY permission""",
        (call.account_id,),
    )
    counts = dict(rows.fetchall())
    body = {
        "total": sum(counts.values()),
        "explicit": counts.get("explicit", 0),
        "implicit": counts.get("implicit", 0),
        "pending": counts.get("pending_confirmation", 0),
        "unsubscribed": counts.get("unsubscribed", 0),
    }
    return answers.answer(body)


def _create(call: Call) -> Response:
    reader = _reader(call)
    source = reader.one_of("create_source", SOURCES)
    email = reader.email()
    values = _sent(reader, reader.scalars())
    lists = reader.lists()
    if not any(call.json().get(name) for name in _IDENTITY):
        reader.problems.append(f"one of {', '.join(_IDENTITY)} is missing")
    _refuse(reader)
    if email is not None:
        _check_email_is_free(call, email, None)
    with transaction(call.connection):
        row = contact_store.insert(call.connection, call.account_id, source, call.second)
        if email is not None:
            values |= _email_columns(call, email)
            values |= permission.changes(
                row, email.permission, source=source, reason=email.opt_out_reason, at=call.second, new=True
            )
        contact_store.change(call.connection, row["contact_seq"], values)
        _place(call, row["contact_seq"], values.get("permission"), lists)
    return _show(call, row["contact_id"], 201)


def _replace(call: Call) -> Response:
    row, reader = _row(call), _reader(call)
    source = reader.one_of("update_source", SOURCES)
    email = reader.email()
    if email is None:
        reader.problems.append("email_address is missing")
    values = _sent(reader, reader.scalars())
    lists = reader.lists()
    _refuse(reader)
    if email is not None:
        _check_email_is_free(call, email, row["contact_id"])
        values |= _email_columns(call, email)
        try:
            values |= permission.changes(
                row, email.permission, source=source, reason=email.opt_out_reason, at=call.second
            )
        except ValueError as error:
            raise answers.invalid(f"permission_to_send does not have a valid value: {error}") from error
    if source == "Account":
        values["deleted_at"] = None
    elif row["deleted_at"] is not None:
        raise answers.not_found("The contact is deleted.")
    with transaction(call.connection):
        contact_store.change(
            call.connection, row["contact_seq"], {**values, "update_source": source, "updated_at": call.second}
        )
        _place(call, row["contact_seq"], values.get("permission", row["permission"]), lists)
    return _show(call, row["contact_id"], 200)


def _delete(call: Call) -> Response:
    row = _row(call)
    if row["deleted_at"] is not None:
        raise answers.not_found("The contact is already deleted.")
    with transaction(call.connection):
        mark_deleted(call.connection, call.account_id, [row["contact_seq"]], call.second)
    return answers.no_content()


def _reader(call: Call) -> BodyReader:
    return BodyReader(
        call.json(), fields_of(call.connection, call.account_id), all_lists(call.connection, call.account_id)
    )


def _sent(reader: BodyReader, values: dict[str, Any]) -> dict[str, Any]:
    """Add the arrays of a body to its scalars; an array that is absent leaves what is stored."""
    parts = {"custom": reader.custom(), "phones": reader.phones(), "addresses": reader.addresses()}
    return {**values, **{name: stored(part) for name, part in parts.items() if part is not None}}


def _refuse(reader: BodyReader) -> None:
    if reader.problems:
        raise answers.invalid(*reader.problems)


def _check_email_is_free(call: Call, email: EmailPart, own_id: str | None) -> None:
    key = email_key(email.address, call.text("email_match"))
    other = contact_store.by_email(call.connection, call.account_id, key)
    if other is not None and other["contact_id"] != own_id:
        raise answers.conflict(f"Email already exists for contact {other['contact_id']}")


def _email_columns(call: Call, email: EmailPart) -> dict[str, Any]:
    return {"email": email.address, "email_key": email_key(email.address, call.text("email_match"))}


def _place(call: Call, contact_seq: int, permitted: str | None, lists: list[int] | None) -> None:
    """Put a contact on the lists of a body; who has unsubscribed is on none."""
    if permitted == permission.UNSUBSCRIBED:
        if call.flag("unsubscribe_leaves_lists"):
            memberships.leave_all(call.connection, call.account_id, [contact_seq])
    elif lists is not None:
        memberships.replace(call.connection, call.account_id, contact_seq, lists)


def _row(call: Call) -> sqlite3.Row:
    contact_id = call.path("contact_id")
    if not is_id(contact_id):
        raise answers.malformed_id("contact_id")
    row = contact_store.by_id(call.connection, call.account_id, contact_id)
    if row is None:
        raise answers.not_found("The contact does not exist.")
    return row


def _show(call: Call, contact_id: str, status: int) -> Response:
    row = contact_store.by_id(call.connection, call.account_id, contact_id)
    assert row is not None  # noqa: S101  (it was written a moment ago)
    return answers.answer(ContactView(call.connection, call.account_id, _BODY_PARTS).show(row), status)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/contacts", _read_all, privilege=_READ),
    Endpoint("POST", "/v3/contacts", _create, privilege=_WRITE),
    Endpoint("GET", "/v3/contacts/counts", _counts, privilege=_READ),
    Endpoint("GET", "/v3/contacts/{contact_id}", _read_one, privilege=_READ),
    Endpoint("PUT", "/v3/contacts/{contact_id}", _replace, privilege=_WRITE),
    Endpoint("DELETE", "/v3/contacts/{contact_id}", _delete, privilege=_WRITE),
)
