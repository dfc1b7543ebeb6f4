"""Writing people to a list: who gets in, what is stored about them, and their consent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cix_sandbox.campaign_monitor import persons
from cix_sandbox.campaign_monitor.call import fields_of
from cix_sandbox.campaign_monitor.states import EntryRules, State, Verdict, enter
from cix_sandbox.campaign_monitor.switches import NAME
from cix_sandbox.campaign_monitor.values import ValueRules, Values, merge

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from cix_sandbox.campaign_monitor.call import MailingList
    from cix_sandbox.campaign_monitor.forms import Person
    from cix_sandbox.switches import Switches

_read_fields = msgspec.json.Decoder(Values).decode
_write_fields = msgspec.json.Encoder().encode

UPSERT = """INSERT INTO cm_subscriber
    (list_no, key, email, name, mobile, sms, state, changed, joined, fields)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (list_no, key) DO UPDATE SET name = excluded.name, mobile = excluded.mobile,
    sms = excluded.sms, state = excluded.state, changed = excluded.changed,
    fields = excluded.fields"""


class Known(NamedTuple):
    """What a list knows about someone."""

    key: str
    email: str
    name: str
    mobile: str
    sms: str
    state: int
    changed: int
    joined: int
    fields: str


def known_people(connection: sqlite3.Connection, list_no: int, keys: Collection[str]) -> dict[str, Known]:
    """Return those of some people whom a list knows, by key."""
    rows = connection.execute(
        """SELECT key, email, name, mobile, sms, state, changed, joined, fields
        FROM cm_subscriber WHERE list_no = ? AND key IN (SELECT value FROM json_each(?))""",
        (list_no, json.dumps(keys)),
    )
    return {row["key"]: Known(*row) for row in rows}


class Entry(NamedTuple):
    """A person of a write and what is decided about them."""

    person: Person
    key: str
    known: Known | None
    verdict: Verdict


class Enrolment:
    """One write to one list, of any number of people with different addresses."""

    def __init__(self, connection: sqlite3.Connection, switches: Switches, target: MailingList, now: int) -> None:
        """Read the list's rules and fields.

        Args:
            connection: The store.
            switches: The switches.
            target: The list to write to.
            now: The time, in whole seconds since 1970.
        """
        self._connection = connection
        self._list = target
        self._now = now
        self._fields = fields_of(connection, target.no)
        self._updates_refused = switches.text(f"{NAME}.inactive_row_fields") == "update"
        self._lifts_suppression = switches.flag(f"{NAME}.resubscribe_lifts_suppression")
        unconfirmed = switches.text(f"{NAME}.unconfirmed_resubscribed")
        self._entry_rules = EntryRules(
            confirmed_opt_in=target.confirmed_opt_in,
            heeds_suppression=target.heeds_suppression,
            suppressed_newcomer_refused=switches.text(f"{NAME}.suppressed_newcomer") == "204",
            suppressed_first=switches.flag(f"{NAME}.suppressed_first"),
            unconfirmed_resubscribed=State[unconfirmed.upper()],
        )
        self._value_rules = ValueRules(
            truncate=switches.text(f"{NAME}.long_value") == "truncate",
            blank_clears=switches.text(f"{NAME}.blank_value") == "clear",
        )

    def judge(self, people: Sequence[Person], *, resubscribe: bool) -> list[Entry]:
        """Decide about each person, in their order; nothing is written.

        Args:
            people: People with valid addresses, each address once.
            resubscribe: Whether the write asks to bring back those who left.
        """
        keys = [persons.make_key(person.email_address or "") for person in people]
        known = known_people(self._connection, self._list.no, keys)
        suppressed = self._suppressed(keys)
        entries = []
        for person, key in zip(people, keys, strict=True):
            before = known.get(key)
            verdict = enter(
                None if before is None else State(before.state),
                suppressed=key in suppressed,
                resubscribe=resubscribe,
                rules=self._entry_rules,
            )
            entries.append(Entry(person, key, before, verdict))
        return entries

    def write(self, entries: Sequence[Entry], *, resubscribe: bool) -> None:
        """Store the people who get in."""
        accepted = [entry for entry in entries if entry.verdict.refusal is None]
        stored = accepted
        if self._updates_refused:
            stored = [entry for entry in entries if entry.verdict.state is not None]
        self._connection.executemany(UPSERT, [self._row(entry) for entry in stored])
        keep_consents(
            self._connection,
            self._list.client_no,
            [(entry.key, entry.person.consent_to_track) for entry in accepted],
        )
        if resubscribe and self._list.heeds_suppression and self._lifts_suppression:
            self._connection.executemany(
                "DELETE FROM cm_suppressed WHERE client_no = ? AND key = ?",
                [(self._list.client_no, entry.key) for entry in accepted],
            )

    def change(self, person: Person, *, resubscribe: bool) -> None:
        """Store what is new about someone known; without `resubscribe` their state stays."""
        (entry,) = self.judge([person], resubscribe=resubscribe)
        allowed = entry._replace(verdict=Verdict(entry.verdict.state))
        self.write([allowed], resubscribe=resubscribe)

    def _suppressed(self, keys: Collection[str]) -> set[str]:
        rows = self._connection.execute(
            """SELECT key FROM cm_suppressed
            WHERE client_no = ? AND key IN (SELECT value FROM json_each(?))""",
            (self._list.client_no, json.dumps(keys)),
        )
        return {row["key"] for row in rows}

    def _row(self, entry: Entry) -> tuple[object, ...]:
        person, key, known, (state, _) = entry
        email = (person.email_address or "").strip()
        name, mobile, sms, changed, joined = "", "", "", self._now, self._now
        current: Values = {}
        if known is not None:
            email, name, mobile, sms, joined = (
                known.email,
                known.name,
                known.mobile,
                known.sms,
                known.joined,
            )
            current = _read_fields(known.fields)
            if state == known.state:
                changed = known.changed
        if person.name is not None:
            name = person.name
        if person.mobile_number is not None:
            mobile = person.mobile_number
        sms = _sms_consent(person, mobile, sms)
        values = merge(current, person.custom_fields or (), self._fields, self._value_rules)
        fields = _write_fields(values).decode()
        return self._list.no, key, email, name, mobile, sms, state, changed, joined, fields


def _sms_consent(person: Person, mobile: str, before: str) -> str:
    wanted = persons.consent(person.consent_to_send_sms)
    if not mobile:
        return ""
    return before if wanted in (None, "Unchanged") else str(wanted)


def keep_consents(connection: sqlite3.Connection, client_no: int, consents: Sequence[tuple[str, str | None]]) -> None:
    """Remember consents to tracking; they hold for all lists of the client.

    Args:
        connection: The store.
        client_no: The client.
        consents: Key of the address and what was said; None and "Unchanged" change nothing.
    """
    said = [(key, persons.consent(text)) for key, text in consents]
    connection.executemany(
        "INSERT OR REPLACE INTO cm_no_consent VALUES (?, ?, 'No')",
        [(client_no, key) for key, consent in said if consent == "No"],
    )
    # Few rows are there to delete, mostly none: the look-up spares a statement per person.
    if connection.execute("SELECT 1 FROM cm_no_consent WHERE client_no = ? LIMIT 1", (client_no,)).fetchone():
        connection.executemany(
            "DELETE FROM cm_no_consent WHERE client_no = ? AND key = ?",
            [(client_no, key) for key, consent in said if consent == "Yes"],
        )
