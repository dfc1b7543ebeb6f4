"""Writing people to a list: who gets in, what is stored about them, and their consent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cix_sandbox.campaign_monitor import persons
from cix_sandbox.campaign_monitor.call import fields_of
from cix_sandbox.campaign_monitor.roll import Subscriber
from cix_sandbox.campaign_monitor.states import EntryRules, State, Verdict, all_verdicts
from cix_sandbox.campaign_monitor.values import ValueRules, Values, merge

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from cix_sandbox.campaign_monitor.backend import Backend
    from cix_sandbox.campaign_monitor.call import MailingList
    from cix_sandbox.campaign_monitor.forms import Person

_NO_STATE = -1
_read_fields = msgspec.json.Decoder(Values).decode
_write_fields = msgspec.json.Encoder().encode


class Entry(NamedTuple):
    """A person of a write and what is decided about them."""

    person: Person
    key: str
    known: Subscriber | None
    verdict: Verdict


class Enrolment:
    """One write to one list, of any number of people with different addresses.

    Args:
        backend: What the stand-in works on.
        target: The list to write to.
        now: The time, in whole seconds since 1970.
    """

    def __init__(self, backend: Backend, target: MailingList, now: int) -> None:
        self._connection = backend.connection
        self._roll = backend.roll
        self._list = target
        self._now = now
        self._fields = fields_of(backend.connection, target.no)
        self._updates_refused = backend.text("inactive_row_fields") == "update"
        self._lifts_suppression = backend.flag("resubscribe_lifts_suppression")
        self._entry_rules = EntryRules(
            confirmed_opt_in=target.confirmed_opt_in,
            heeds_suppression=target.heeds_suppression,
            suppressed_newcomer_refused=backend.text("suppressed_newcomer") == "204",
            suppressed_first=backend.flag("suppressed_first"),
            unconfirmed_resubscribed=State[backend.text("unconfirmed_resubscribed").upper()],
        )
        self._value_rules = ValueRules(
            truncate=backend.text("long_value") == "truncate",
            blank_clears=backend.text("blank_value") == "clear",
        )

    def judge(self, people: Sequence[Person], *, resubscribe: bool) -> list[Entry]:
        """Decide about each person, in their order; nothing is written.

        Args:
            people: People with valid addresses, each address once.
            resubscribe: Whether the write asks to bring back those who left.
        """
        keys = [persons.make_key(person.email_address or "") for person in people]
        known = self._roll.find_all(self._list.no, keys)
        suppressed = self._suppressed(keys)
        verdicts = all_verdicts(self._entry_rules, resubscribe=resubscribe)
        entries = []
        for person, key in zip(people, keys, strict=True):
            before = known.get(key)
            verdict = verdicts[None if before is None else before.state, key in suppressed]
            entries.append(Entry(person, key, before, verdict))
        return entries

    def write(self, entries: Sequence[Entry], *, resubscribe: bool) -> None:
        """Store the people who get in."""
        accepted = [entry for entry in entries if entry.verdict.refusal is None]
        stored = accepted
        if self._updates_refused:
            stored = [entry for entry in entries if entry.verdict.state is not None]
        self._roll.store(self._list.no, [self._subscriber(entry) for entry in stored])
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

    def _subscriber(self, entry: Entry) -> Subscriber:
        person, key, known, (state, _) = entry
        before = known or self._newcomer(person, key)
        mobile = before.mobile if person.mobile_number is None else person.mobile_number
        fields = before.fields
        if person.custom_fields:
            values = merge(_read_fields(fields), person.custom_fields, self._fields, self._value_rules)
            fields = _write_fields(values).decode()
        return Subscriber(
            before.id,
            before.list_no,
            key,
            before.email,
            before.name if person.name is None else person.name,
            mobile,
            _sms_consent(person, before.sms) if mobile else "",
            int(state or State.ACTIVE),
            before.changed if state == before.state else self._now,
            before.joined,
            fields,
        )

    def _newcomer(self, person: Person, key: str) -> Subscriber:
        email = (person.email_address or "").strip()
        return Subscriber(0, self._list.no, key, email, "", "", "", _NO_STATE, self._now, self._now, "{}")


def _sms_consent(person: Person, before: str) -> str:
    wanted = persons.consent(person.consent_to_send_sms)
    return before if wanted is None or wanted == "Unchanged" else wanted


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
