"""The work of an import: its rows become contacts, or are counted with the reason why not."""

from __future__ import annotations

import gc
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

import msgspec

from cix_sandbox.constant_contact import emails, memberships
from cix_sandbox.constant_contact.field_rules import FIELDS_PER_CONTACT
from cix_sandbox.constant_contact.field_store import fields_of
from cix_sandbox.constant_contact.ids import new_ids
from cix_sandbox.constant_contact.import_rows import (
    ImportedPerson,
    ImportRules,
    Row,
    RowFault,
    RowReader,
)
from cix_sandbox.constant_contact.job import Done, Job
from cix_sandbox.store import insert_rows

if TYPE_CHECKING:
    import sqlite3

    from cix_sandbox.constant_contact.field_rules import Field

_FIRST_LINE = 2
"""Rows are counted as lines of a file whose first line is the heading."""
_encode = msgspec.json.Encoder().encode


class ImportBody(msgspec.Struct):
    """Body of an import."""

    import_data: list[Row]
    list_ids: list[str]
    sms_permission_to_send: Literal["explicit", "not_set"] = "not_set"


class ImportOrder(msgspec.Struct):
    """What an import is to do.

    Attributes:
        lists: Numbers of the lists.
        rules: What to do where the documentation leaves it open.
        counts_header: Whether the total counts a heading.
        error_form: Form of `activity_errors`.
        broken_share: Share of the rows that is stored if the activity is to fail.
    """

    lists: list[int]
    rules: ImportRules
    counts_header: bool
    error_form: Literal["line", "object", "none"]
    broken_share: float


class _Faults:
    """Rows that were not imported."""

    def __init__(self) -> None:
        self._reasons: dict[int, RowFault] = {}

    def add(self, index: int, fault: RowFault) -> None:
        self._reasons[index] = fault

    def count(self, *, correctable: bool) -> int:
        return sum(fault.correctable == correctable for fault in self._reasons.values())

    def errors(self, form: str) -> list[str] | list[dict[str, str]]:
        texts = [f"Line {index + _FIRST_LINE}: {fault.reason}" for index, fault in sorted(self._reasons.items())]
        if form == "object":
            return [{"message": text} for text in texts]
        return texts if form == "line" else []


class _Known(msgspec.Struct):
    """What is known of a contact that an import names."""

    seq: int
    unsubscribed: bool
    deleted: bool


def run(connection: sqlite3.Connection, job: Job) -> Done:
    """Import the rows of an activity."""
    # Tens of thousands of objects that live until the end: the collector would look through them
    # again and again, and find nothing.
    gc.disable()
    try:
        return _import(connection, job)
    finally:
        gc.enable()


def _import(connection: sqlite3.Connection, job: Job) -> Done:
    order = msgspec.json.decode(job.order, type=ImportOrder)
    rows = msgspec.json.decode(job.payload, type=ImportBody).import_data
    total = len(rows)
    if job.broken:
        rows = rows[: int(total * order.broken_share)]
    faults = _Faults()
    fields = fields_of(connection, job.account_id)
    people = _read(rows, fields, order.rules, faults)
    known = _known(connection, job, people)
    if order.rules.deleted == "skip":
        for index, contact in known.items():
            if contact.deleted:
                faults.add(index, RowFault("Contact was deleted"))
                del people[index]
    if len(fields) > FIELDS_PER_CONTACT:
        _fit_fields(connection, people, known, order.rules, faults)
    created = _create(connection, job, [person for i, person in people.items() if i not in known])
    updated = [(known[i], person) for i, person in people.items() if i in known]
    _update(connection, job.at, updated)
    joining = created + [contact.seq for contact, _ in updated if not contact.unsubscribed]
    crowded = memberships.add(connection, job.account_id, order.lists, joining)
    return Done(
        {
            "items_total_count": total + order.counts_header,
            "person_count": len(people),
            "error_count": faults.count(correctable=False),
            "correctable_count": faults.count(correctable=True),
            "cannot_add_to_list_count": crowded + len(people) - len(joining),
        },
        faults.errors(order.error_form),
    )


def _read(rows: list[Row], fields: list[Field], rules: ImportRules, faults: _Faults) -> dict[int, ImportedPerson]:
    """Return the people in the rows by the index of the row; rows of one person become one."""
    reader = RowReader(fields, rules)
    people: dict[int, ImportedPerson] = {}
    seen: dict[str, int] = {}
    for index, row in enumerate(rows):
        try:
            person = reader.read(row)
        except RowFault as fault:
            faults.add(index, fault)
            continue
        # A number is never the same as an e-mail, which has an @; a mere name is nobody's twice.
        identity = person.key or person.texts.get("sms_number")
        first = seen.setdefault(str(identity), index) if identity else index
        if first == index:
            people[index] = person
        elif rules.duplicates == "last_wins":
            people[first] = people[first].followed_by(person)
        elif rules.duplicates == "row_error":
            faults.add(index, RowFault("Duplicate contact"))
    return people


def _known(connection: sqlite3.Connection, job: Job, people: dict[int, ImportedPerson]) -> dict[int, _Known]:
    """Return what the account knows of the people, by the index of their row."""
    by_key = {person.key: index for index, person in people.items() if person.key is not None}
    numbers = emails.find_all(connection, job.account_id, by_key)
    rows = connection.execute(
        """SELECT email_key, contact_seq, permission, deleted_at
           FROM json_each(?) CROSS JOIN cc_contacts ON contact_seq = value""",
        (_encode(list(numbers.values())).decode(),),
    )
    known = {by_key[row["email_key"]]: _contact(row) for row in rows}
    for index, person in people.items():
        if person.key is None and "sms_number" in person.texts:
            row = connection.execute(
                "SELECT * FROM cc_contacts WHERE account_id = ? AND sms_number = ?",
                (job.account_id, person.texts["sms_number"]),
            ).fetchone()
            if row:
                known[index] = _contact(row)
    return known


def _contact(row: sqlite3.Row) -> _Known:
    return _Known(row["contact_seq"], row["permission"] == "unsubscribed", row["deleted_at"] is not None)


def _fit_fields(
    connection: sqlite3.Connection,
    people: dict[int, ImportedPerson],
    known: dict[int, _Known],
    rules: ImportRules,
    faults: _Faults,
) -> None:
    """See to it that no known contact comes to hold more custom fields than a contact can."""
    for index in people.keys() & known.keys():
        person = people[index]
        (stored,) = connection.execute(
            "SELECT custom FROM cc_contacts WHERE contact_seq = ?", (known[index].seq,)
        ).fetchone()
        held = msgspec.json.decode(stored, type=dict[str, str])
        new = [key for key in person.custom or {} if key not in held]
        room = max(FIELDS_PER_CONTACT - len(held), 0)
        if len(new) > room and rules.many_fields == "row_error":
            faults.add(index, RowFault(f"More than {FIELDS_PER_CONTACT} custom fields"))
            del people[index]
        elif len(new) > room:
            kept = {key: text for key, text in (person.custom or {}).items() if key not in new[room:]}
            people[index] = msgspec.structs.replace(person, custom=kept)


def _create(connection: sqlite3.Connection, job: Job, people: list[ImportedPerson]) -> list[int]:
    """Store new contacts and return their numbers."""
    # Numbered here and not by the store: who joins a list need not be looked up again.
    (last,) = connection.execute("SELECT coalesce(max(contact_seq), 0) FROM cc_contacts").fetchone()
    contacts = range(last + 1, last + 1 + len(people))
    columns = _Columns(people)
    names = columns.texts + columns.parts
    opened = f"{job.account_id}, 'Account', 'Account', {job.at}, {job.at}"
    opted_in = f"'implicit', 'off', 'Account', {job.at}"
    rows = list(zip(contacts, new_ids(len(people)), people, strict=True))
    for has_email, permission in ((True, opted_in), (False, "NULL, NULL, NULL, NULL")):
        insert_rows(
            connection,
            f"""cc_contacts (account_id, create_source, update_source, created_at, updated_at, permission,
                confirm_status, opt_in_source, opt_in_date, contact_seq, contact_id, email_key
                {"".join(f", {name}" for name in names)})""",
            f"({opened}, {permission}, ?, ?, ?{', ?' * len(names)})",
            [
                (seq, contact_id, person.key, *columns.values(person))
                for seq, contact_id, person in rows
                if (person.key is not None) == has_email
            ],
        )
    emails.add(
        connection,
        job.account_id,
        {person.key: seq for seq, person in zip(contacts, people, strict=True) if person.key is not None},
    )
    return list(contacts)


def _update(connection: sqlite3.Connection, at: int, people: list[tuple[_Known, ImportedPerson]]) -> None:
    """Change what the rows name of known contacts; nothing else of them."""
    columns = _Columns([person for _, person in people])
    texts = "".join(f", {name} = coalesce(?, {name})" for name in columns.texts)
    parts = "".join(f", {name} = json_patch({name}, ?)" for name in columns.parts)
    connection.executemany(
        f"""UPDATE cc_contacts SET update_source = 'Account', updated_at = ?, deleted_at = NULL {texts} {parts}
            WHERE contact_seq = ?""",  # noqa: S608  (our columns)
        [(at, *columns.values(person), contact.seq) for contact, person in people],
    )


class _Columns:
    """The columns that an import's rows have values for; binding the others would take most of the time."""

    def __init__(self, people: list[ImportedPerson]) -> None:
        self.texts = sorted(set().union(*[person.texts for person in people]))
        self.parts = [name for name in ("phones", "addresses", "custom") if any(map(attrgetter(name), people))]
        self._parts = [attrgetter(name) for name in self.parts]

    def values(self, person: ImportedPerson) -> list[object]:
        values: list[object] = [*map(person.texts.get, self.texts)]
        for read in self._parts:
            part = read(person)
            values.append(_encode(part).decode() if part else "{}")
        return values
