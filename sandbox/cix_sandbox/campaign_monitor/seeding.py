"""Seeds: people, fields and lists that a test puts in directly."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from cix_sandbox.accounts import CAMPAIGN_MONITOR
from cix_sandbox.campaign_monitor import persons
from cix_sandbox.campaign_monitor.call import (
    ALL_CLIENT_LISTS,
    MailingList,
    fields_of,
    list_by_id,
    list_ids,
)
from cix_sandbox.campaign_monitor.customfields import make_field
from cix_sandbox.campaign_monitor.errors import ApiError
from cix_sandbox.campaign_monitor.forms import ListSettings
from cix_sandbox.campaign_monitor.lists import insert_list
from cix_sandbox.campaign_monitor.roll import Roll, Subscriber
from cix_sandbox.campaign_monitor.states import BY_LABEL, State
from cix_sandbox.campaign_monitor.suppression import suppress_addresses
from cix_sandbox.campaign_monitor.values import Field, ValueRules, Values, read_value, spelled
from cix_sandbox.clock import Clock
from cix_sandbox.problems import ControlError, unknown

if TYPE_CHECKING:
    import sqlite3

_RULES = ValueRules(truncate=False, blank_clears=True)
_Scalar = str | int | float


class SeedPerson(msgspec.Struct, forbid_unknown_fields=True):
    """Someone to put on the list; what is absent stays as it is."""

    email: str
    name: str | None = None
    state: Literal["Active", "Unconfirmed", "Unsubscribed", "Bounced", "Deleted"] | None = None
    fields: dict[str, _Scalar | list[str]] = {}
    consent_to_track: Literal["Yes", "No", ""] | None = None


class SeedSuppressed(msgspec.Struct, forbid_unknown_fields=True):
    """An address to suppress."""

    email: str
    reason: Literal["Unsubscribed", "Bounced", "Reason Unavailable"] = "Reason Unavailable"


class SeedField(msgspec.Struct, forbid_unknown_fields=True):
    """A custom field to make, unless the list has it."""

    name: str
    type: str = "Text"
    options: list[str] = []


class SeedList(msgspec.Struct, forbid_unknown_fields=True):
    """A list of the ready client to make or change."""

    title: str
    list_id: str | None = None
    confirmed_opt_in: bool = False
    unsubscribe_setting: Literal["AllClientLists", "OnlyThisList"] = ALL_CLIENT_LISTS
    in_draft_campaign: bool = False


class Seed(msgspec.Struct, forbid_unknown_fields=True):
    """The platform's part of a seed, written in the order lists, fields, people, suppressed."""

    list_id: str = CAMPAIGN_MONITOR.list_id
    lists: list[SeedList] = []
    custom_fields: list[SeedField] = []
    subscribers: list[SeedPerson] = []
    suppressed: list[SeedSuppressed] = []


def seed(connection: sqlite3.Connection, body: dict[str, Any]) -> None:
    """Write a seed into the store.

    Args:
        connection: The store, within a transaction.
        body: The platform's part of the seed, see `Seed`.

    Raises:
        ControlError: The body does not fit; the text says where.
    """
    try:
        wanted = msgspec.convert(body, Seed)
    except msgspec.ValidationError as error:
        raise ControlError(f"campaign_monitor: {error}") from error
    for each in wanted.lists:
        _seed_list(connection, each)
    target = list_by_id(connection, wanted.list_id)
    if target is None:
        raise unknown("list", wanted.list_id, list_ids(connection), status=400)
    now = int(Clock(connection).now().timestamp())
    _seed_fields(connection, target, wanted.custom_fields)
    _seed_people(connection, target, wanted.subscribers, now)
    for number, entry in enumerate(wanted.suppressed):
        _check_email(entry.email, f"suppressed[{number}]")
        suppress_addresses(connection, target.client_no, [entry.email], entry.reason, now)


def _seed_list(connection: sqlite3.Connection, wanted: SeedList) -> None:
    list_id = wanted.list_id or secrets.token_hex(16)
    if list_by_id(connection, list_id) is None:
        client_no = connection.execute(
            "SELECT no FROM cm_client WHERE client_id = ?", (CAMPAIGN_MONITOR.client_id,)
        ).fetchone()[0]
        insert_list(connection, client_no, list_id, ListSettings(title=wanted.title))
    connection.execute(
        """UPDATE cm_list SET title = ?, confirmed_opt_in = ?, unsubscribe_setting = ?, in_draft = ?
        WHERE list_id = ?""",
        (
            wanted.title,
            wanted.confirmed_opt_in,
            wanted.unsubscribe_setting,
            wanted.in_draft_campaign,
            list_id,
        ),
    )


def _seed_fields(connection: sqlite3.Connection, target: MailingList, wanted: list[SeedField]) -> None:
    present = fields_of(connection, target.no)
    for number, field in enumerate(wanted):
        if spelled(field.name) in present:
            continue
        try:
            make_field(connection, target.no, field.name, field.type, field.options)
        except ApiError as error:
            raise ControlError(f"custom_fields[{number}]: {error.message}") from error


def _seed_people(connection: sqlite3.Connection, target: MailingList, people: list[SeedPerson], now: int) -> None:
    fields = fields_of(connection, target.no)
    roll = Roll(connection)
    for number, person in enumerate(people):
        where = f"subscribers[{number}]"
        _check_email(person.email, where)
        email = person.email.strip()
        key = persons.make_key(email)
        newcomer = Subscriber(0, target.no, key, email, "", "", "", State.ACTIVE, now, now, "{}")
        known = roll.find(target.no, key) or newcomer
        state = BY_LABEL[person.state] if person.state else known.state
        values: Values = msgspec.json.decode(known.fields, type=Values)
        values |= _values(person, fields, where)
        changed = known._replace(
            name=known.name if person.name is None else person.name,
            state=int(state),
            changed=known.changed if state == known.state else now,
            fields=msgspec.json.encode(values).decode(),
        )
        roll.store(target.no, [changed])
        _seed_consent(connection, target.client_no, key, person.consent_to_track)


def _values(person: SeedPerson, fields: dict[str, Field], where: str) -> Values:
    values: Values = {}
    for key, value in person.fields.items():
        field = fields.get(spelled(key))
        if field is None:
            names = [known.name for known in fields.values()]
            raise unknown("custom field", key, names, status=400)
        texts = [str(text) for text in (value if isinstance(value, list) else [value])]
        stored = [read_value(field, text, _RULES) for text in texts]
        if None in stored:
            raise ControlError(f"{where}.fields: {field.name} ({field.type}) cannot hold the value")
        kept = [text for text in stored if text is not None]
        values[field.no] = kept if isinstance(value, list) else kept[0]
    return values


def _seed_consent(connection: sqlite3.Connection, client_no: int, key: str, track: str | None) -> None:
    if track is None:
        return
    connection.execute("DELETE FROM cm_no_consent WHERE client_no = ? AND key = ?", (client_no, key))
    if track != "Yes":
        connection.execute("INSERT INTO cm_no_consent VALUES (?, ?, ?)", (client_no, key, track))


def _check_email(email: str, where: str) -> None:
    if not persons.valid_email(email.strip()):
        raise ControlError(f"{where}.email is not an e-mail address")
