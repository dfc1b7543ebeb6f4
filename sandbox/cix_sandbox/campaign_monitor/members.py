"""Everyone that a list knows, for the control API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cix_sandbox.campaign_monitor import pending
from cix_sandbox.campaign_monitor.backend import open_backend
from cix_sandbox.campaign_monitor.call import fields_of, list_by_id, list_ids
from cix_sandbox.campaign_monitor.states import State
from cix_sandbox.campaign_monitor.values import Values
from cix_sandbox.clock import Clock
from cix_sandbox.problems import unknown
from cix_sandbox.store import transaction

if TYPE_CHECKING:
    import sqlite3


def members(connection: sqlite3.Connection, list_id: str) -> list[dict[str, Any]]:
    """Return everyone that a list knows, in any state, sorted by e-mail.

    Args:
        connection: The store.
        list_id: The list, of any account.

    Returns:
        E-mail, state, name, consent to tracking, and the custom fields by `[key]`.

    Raises:
        ControlError: There is no such list.
    """
    target = list_by_id(connection, list_id)
    if target is None:
        raise unknown("list", list_id, list_ids(connection))
    with transaction(connection):
        now = int(Clock(connection).now().timestamp())
        pending.carry_out(open_backend(connection), now)
    keys = {field.no: field.key for field in fields_of(connection, target.no).values()}
    decoder = msgspec.json.Decoder(Values)
    rows = connection.execute(
        """SELECT email, state, name, fields, COALESCE(track, 'Yes') FROM cm_subscriber AS person
        LEFT JOIN cm_no_consent AS consent ON client_no = ? AND consent.key = person.key
        WHERE list_no = ? ORDER BY person.key""",
        (target.client_no, target.no),
    )
    return [
        {
            "email": email,
            "state": State(state).label,
            "name": name,
            "consent_to_track": track,
            "fields": {keys[no]: value for no, value in decoder.decode(fields).items() if no in keys},
        }
        for email, state, name, fields, track in rows
    ]
