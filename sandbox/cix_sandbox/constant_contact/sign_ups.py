"""The sign-up form: people who ask for mail themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cix_sandbox.constant_contact import answers, contact_store, memberships, permission
from cix_sandbox.constant_contact.contact_body import BodyReader, stored
from cix_sandbox.constant_contact.field_store import fields_of
from cix_sandbox.constant_contact.gate import Call, Endpoint
from cix_sandbox.constant_contact.import_rows import email_key
from cix_sandbox.constant_contact.lists import all_lists
from cix_sandbox.store import transaction

if TYPE_CHECKING:
    import sqlite3

    from starlette.responses import Response

_DAY_SECONDS = 86_400
_REFUSED_SECONDS = 2 * _DAY_SECONDS
_SOURCE = "Contact"


def _sign_up(call: Call) -> Response:
    fields = fields_of(call.connection, call.account_id)
    reader = BodyReader(call.json(), fields, all_lists(call.connection, call.account_id))
    email = reader.plain_email()
    lists = reader.lists(required=True)
    values = {name: value for name, value in reader.scalars().items() if value is not None}
    parts = {"custom": reader.custom(), "phones": reader.single_phone(), "addresses": reader.single_address()}
    if reader.problems:
        raise answers.invalid(*reader.problems)
    key = email_key(email, call.text("email_match"))
    _check_attempts(call, key)
    row = contact_store.by_email(call.connection, call.account_id, key)
    created = row is None
    with transaction(call.connection):
        row = row or contact_store.insert(call.connection, call.account_id, _SOURCE, call.second)
        confirms = call.flag("confirmed_opt_in") and created
        wanted = "pending_confirmation" if confirms else "explicit"
        values |= permission.changes(row, wanted, source=_SOURCE, reason=None, at=call.second, new=created)
        values |= {name: _joined(row, name, part) for name, part in parts.items() if part is not None}
        values |= {"email": email, "email_key": key, "update_source": _SOURCE, "updated_at": call.second}
        contact_store.change(call.connection, row["contact_seq"], {**values, "deleted_at": None})
        crowded = memberships.add(call.connection, call.account_id, lists or [], [row["contact_seq"]])
        if crowded:
            raise answers.invalid(f"a contact can be on at most {memberships.LISTS_PER_CONTACT} lists")
    action = "created" if created else "updated"
    return answers.answer({"contact_id": row["contact_id"], "action": action}, 201 if created else 200)


def _joined(row: sqlite3.Row, column: str, new: dict[str, Any]) -> str:
    return stored({**json.loads(row[column]), **new})


def _check_attempts(call: Call, key: str) -> None:
    """Refuse an address that was signed up too often, as the service does against abuse."""
    most = call.number("sign_ups_per_day")
    if most <= 0:
        return
    recent, blocked_until = call.connection.execute(
        """SELECT count(*) FILTER (WHERE at > ?), coalesce(max(blocked_until), 0) FROM cc_sign_ups
           WHERE account_id = ? AND email_key = ?""",
        (call.now - _DAY_SECONDS, call.account_id, key),
    ).fetchone()
    if call.now < blocked_until:
        raise answers.invalid_value("email_address")
    blocked_until = call.now + _REFUSED_SECONDS if recent >= most else 0
    call.connection.execute(
        "INSERT INTO cc_sign_ups VALUES (?, ?, ?, ?)", (call.account_id, key, call.now, blocked_until)
    )
    if blocked_until:
        raise answers.invalid_value("email_address")


ENDPOINTS: tuple[Endpoint, ...] = (Endpoint("POST", "/v3/contacts/sign_up_form", _sign_up, privilege="contacts:write"),)
