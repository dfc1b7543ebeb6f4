"""Writing people to a list: who gets in, what is stored about them, and their consent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from cix_sandbox.campaign_monitor import persons
from cix_sandbox.campaign_monitor.call import fields_of
from cix_sandbox.campaign_monitor.roll import Subscriber
from cix_sandbox.campaign_monitor.states import EntryRules, State, Verdict, all_verdicts
from cix_sandbox.campaign_monitor.values import ValueRules, Values, ValueWriter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from cix_sandbox.campaign_monitor.backend import Backend
    from cix_sandbox.campaign_monitor.call import MailingList
    from cix_sandbox.campaign_monitor.forms import Person
    from cix_sandbox.campaign_monitor.roll import Newcomer

_read_fields = msgspec.json.Decoder(Values).decode
_encode = msgspec.json.Encoder().encode


class Entry(msgspec.Struct, frozen=True, gc=False):
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
        self._updates_refused = backend.text("inactive_row_fields") == "update"
        self._lifts_suppression = backend.flag("resubscribe_lifts_suppression")
        self._entry_rules = EntryRules(
            confirmed_opt_in=target.confirmed_opt_in,
            heeds_suppression=target.heeds_suppression,
            suppressed_newcomer_refused=backend.text("suppressed_newcomer") == "204",
            suppressed_first=backend.flag("suppressed_first"),
            unconfirmed_resubscribed=State[backend.text("unconfirmed_resubscribed").upper()],
        )
        rules = ValueRules(
            truncate=backend.text("long_value") == "truncate",
            blank_clears=backend.text("blank_value") == "clear",
        )
        self._values = ValueWriter(fields_of(backend.connection, target.no), rules)

    def judge(self, people: Sequence[tuple[str, Person]], *, resubscribe: bool) -> list[Entry]:
        """Decide about each person, in their order; nothing is written.

        Args:
            people: People with valid addresses, each with the key of it (`persons.make_key`), every key once.
            resubscribe: Whether the write asks to bring back those who left.
        """
        keys = [key for key, _ in people]
        known = self._roll.find_all(self._list.no, keys)
        suppressed = self._suppressed(keys)
        verdicts = all_verdicts(self._entry_rules, resubscribe=resubscribe)
        entries = []
        for key, person in people:
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
        self._roll.store(self._list.no, [self._changed(entry, entry.known) for entry in stored if entry.known])
        self._roll.add(self._list.no, [self._newcomer(entry) for entry in stored if not entry.known])
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
        (entry,) = self.judge([(persons.make_key(person.email_address or ""), person)], resubscribe=resubscribe)
        allowed = msgspec.structs.replace(entry, verdict=Verdict(entry.verdict.state))
        self.write([allowed], resubscribe=resubscribe)

    def _suppressed(self, keys: Collection[str]) -> set[str]:
        if not _any_of(self._connection, "cm_suppressed", self._list.client_no):
            return set()
        rows = self._connection.execute(
            """SELECT key FROM cm_suppressed
            WHERE client_no = ? AND key IN (SELECT value FROM json_each(?))""",
            (self._list.client_no, json.dumps(keys)),
        )
        return {row["key"] for row in rows}

    def _changed(self, entry: Entry, before: Subscriber) -> Subscriber:
        person = entry.person
        state = int(entry.verdict.state or State.ACTIVE)
        mobile = before.mobile if person.mobile_number is None else person.mobile_number
        fields = before.fields
        if person.custom_fields:
            fields = _as_json(self._values.merge(_read_fields(fields), person.custom_fields))
        return Subscriber(
            before.id,
            before.list_no,
            entry.key,
            before.email,
            before.name if person.name is None else person.name,
            mobile,
            _sms_consent(person, before.sms) if mobile else "",
            state,
            before.changed if state == before.state else self._now,
            before.joined,
            fields,
        )

    def _newcomer(self, entry: Entry) -> Newcomer:
        person = entry.person
        mobile = person.mobile_number or ""
        return (
            self._list.no,
            entry.key,
            (person.email_address or "").strip(),
            person.name or "",
            mobile,
            _sms_consent(person, "") if mobile else "",
            int(entry.verdict.state or State.ACTIVE),
            self._now,
            self._now,
            _as_json(self._values.merge({}, person.custom_fields)) if person.custom_fields else "{}",
        )


def _as_json(values: Values) -> str:
    return _encode(values).decode()


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
    connection.executemany(
        "INSERT OR REPLACE INTO cm_no_consent VALUES (?, ?, 'No')",
        [(client_no, key) for key, text in consents if persons.consent(text) == "No"],
    )
    if _any_of(connection, "cm_no_consent", client_no):
        connection.executemany(
            "DELETE FROM cm_no_consent WHERE client_no = ? AND key = ?",
            [(client_no, key) for key, text in consents if persons.consent(text) == "Yes"],
        )


def _any_of(connection: sqlite3.Connection, table: str, client_no: int) -> bool:
    """Say whether a table has rows of a client; mostly it has none, and nobody need be looked up in it."""
    query = f"SELECT 1 FROM {table} WHERE client_no = ? LIMIT 1"  # noqa: S608  (one of our tables)
    return connection.execute(query, (client_no,)).fetchone() is not None
