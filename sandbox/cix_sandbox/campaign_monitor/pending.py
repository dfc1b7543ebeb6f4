"""Additions that the service has accepted but not yet carried out (`add_delay_seconds`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cix_sandbox.campaign_monitor import persons
from cix_sandbox.campaign_monitor.call import list_by_no
from cix_sandbox.campaign_monitor.enrolment import Enrolment
from cix_sandbox.campaign_monitor.forms import OnePerson

if TYPE_CHECKING:
    import sqlite3

    from cix_sandbox.campaign_monitor.backend import Backend


def put_off(connection: sqlite3.Connection, list_no: int, person: OnePerson, due: int) -> None:
    """Queue an addition until a time, in whole seconds since 1970."""
    connection.execute(
        "INSERT INTO cm_pending (due, list_no, body) VALUES (?, ?, ?)",
        (due, list_no, msgspec.json.encode(person)),
    )


def carry_out(backend: Backend, now: int) -> None:
    """Do what is due; what is refused by now vanishes without a word, as at the service."""
    connection = backend.connection
    due = connection.execute("SELECT id, list_no, body FROM cm_pending WHERE due <= ? ORDER BY id", (now,)).fetchall()
    for row in due:
        person = msgspec.json.decode(row["body"], type=OnePerson)
        target = list_by_no(connection, row["list_no"])
        if target is not None:
            enrolment = Enrolment(backend, target, now)
            key = persons.make_key(person.email_address or "")
            entries = enrolment.judge([(key, person)], resubscribe=person.resubscribe)
            enrolment.write(entries, resubscribe=person.resubscribe)
        connection.execute("DELETE FROM cm_pending WHERE id = ?", (row["id"],))
