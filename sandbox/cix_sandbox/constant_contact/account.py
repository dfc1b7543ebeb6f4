"""The account: what a connection test asks for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cix_sandbox.constant_contact import answers
from cix_sandbox.constant_contact.gate import Call, Endpoint, privileges

if TYPE_CHECKING:
    from starlette.responses import Response

_EXTRA_FIELDS = ("physical_address", "company_logo")


def _summary(call: Call) -> Response:
    (text,) = call.connection.execute(
        "SELECT summary FROM cc_accounts WHERE account_id = ?", (call.account_id,)
    ).fetchone()
    wanted = [name for name in call.query.get("extra_fields", "").split(",") if name]
    if not set(wanted) <= set(_EXTRA_FIELDS):
        raise answers.invalid_value("extra_fields")
    summary = json.loads(text)
    hidden = [name for name in _EXTRA_FIELDS if name not in wanted]
    return answers.answer({name: value for name, value in summary.items() if name not in hidden})


def _privileges(call: Call) -> Response:
    granted = privileges(call.text("privileges"))
    return answers.answer([{"privilege_id": number, "privilege_name": name} for name, number in granted.items()])


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/account/summary", _summary, scope="account_read", privilege="account:read"),
    Endpoint("GET", "/v3/account/user/privileges", _privileges, scope=None),
)
