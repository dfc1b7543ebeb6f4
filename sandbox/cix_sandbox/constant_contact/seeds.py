"""What tests put into the ready account, and what they read back from its lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from cix_sandbox.clock import Clock
from cix_sandbox.constant_contact import contact_store, field_rules, memberships
from cix_sandbox.constant_contact.bulk_jobs import mark_deleted
from cix_sandbox.constant_contact.contact_body import PERMISSIONS, stored
from cix_sandbox.constant_contact.field_store import fields_of, insert_field
from cix_sandbox.constant_contact.ids import is_id, new_id
from cix_sandbox.constant_contact.import_rows import email_key
from cix_sandbox.constant_contact.lists import all_lists, insert_list
from cix_sandbox.constant_contact.machine import settle
from cix_sandbox.constant_contact.permission import UNSUBSCRIBED
from cix_sandbox.constant_contact.ready import READY_ACCOUNT
from cix_sandbox.problems import ControlError, unknown

if TYPE_CHECKING:
    import sqlite3

_decode_custom = msgspec.json.Decoder(dict[str, str]).decode


class SeedContact(msgspec.Struct, forbid_unknown_fields=True):
    """A person in a seed; what is absent stays as it is."""

    email: str
    first_name: str | None = None
    last_name: str | None = None
    permission: str | None = None
    lists: list[str] | None = None
    deleted: bool = False
    custom_fields: dict[str, str] = {}
    opt_out_source: str = "Contact"


class SeedField(msgspec.Struct, forbid_unknown_fields=True):
    """A custom field in a seed."""

    label: str
    type: str = "string"
    metadata: dict[str, Any] | None = None
    choices: list[dict[str, Any]] | None = None


class SeedList(msgspec.Struct, forbid_unknown_fields=True):
    """A list in a seed."""

    name: str
    list_id: str | None = None


class Seed(msgspec.Struct, forbid_unknown_fields=True):
    """The platform's part of a seed; everything goes into the ready account."""

    lists: list[SeedList] = []
    custom_fields: list[SeedField] = []
    contacts: list[SeedContact] = []


def seed(connection: sqlite3.Connection, body: dict[str, Any]) -> None:
    """Put lists, custom fields and people into the ready account; who is there already is changed.

    Raises:
        ControlError: The body does not fit.
    """
    try:
        wanted = msgspec.convert(body, Seed)
    except msgspec.ValidationError as error:
        raise ControlError(f"the seed of constant_contact does not fit: {error}") from error
    at = int(Clock(connection).now().timestamp())
    for new_list in wanted.lists:
        _seed_list(connection, new_list, at)
    for field in wanted.custom_fields:
        _seed_field(connection, field, at)
    for person in wanted.contacts:
        _seed_contact(connection, person, at)


def members(connection: sqlite3.Connection, list_id: str) -> list[dict[str, Any]]:
    """Return the people on a list, of whichever account, sorted by e-mail.

    Raises:
        ControlError: There is no such list.
    """
    settle(connection, Clock(connection).now().timestamp())
    row = connection.execute(
        "SELECT list_seq, account_id FROM cc_lists WHERE list_id = ? AND deleted_at IS NULL", (list_id,)
    ).fetchone()
    if row is None:
        known = connection.execute("SELECT list_id FROM cc_lists WHERE deleted_at IS NULL")
        raise unknown("list", list_id, [other["list_id"] for other in known])
    fields = {str(field.seq): field for field in fields_of(connection, row["account_id"])}
    people = connection.execute(
        """SELECT email, permission, first_name, last_name, custom
           FROM cc_memberships JOIN cc_contacts USING (contact_seq)
           WHERE list_seq = ? ORDER BY email_key, contact_seq""",
        (row["list_seq"],),
    )
    return [
        {
            "email": email,
            "state": permission,
            "first_name": first_name or None,
            "last_name": last_name or None,
            "fields": _shown_fields(custom, fields),
        }
        for email, permission, first_name, last_name, custom in people
    ]


def _shown_fields(custom: str, fields: dict[str, field_rules.Field]) -> dict[str, str | list[str]]:
    shown: dict[str, str | list[str]] = {}
    for key, text in _decode_custom(custom).items():
        field = fields.get(key)
        if field is not None and text:
            shown[field.name] = field_rules.split_choices(text) if field.type == "multi_select" else text
    return shown


def _seed_list(connection: sqlite3.Connection, wanted: SeedList, at: int) -> None:
    list_id = wanted.list_id or new_id()
    if not is_id(list_id):
        raise ControlError(f"list_id {list_id!r} is no UUID")
    owner = connection.execute("SELECT account_id FROM cc_lists WHERE list_id = ?", (list_id,)).fetchone()
    if owner is None:
        insert_list(connection, READY_ACCOUNT, list_id, wanted.name, at)
    elif owner["account_id"] != READY_ACCOUNT:
        raise ControlError(f"list {list_id} belongs to another account", status=409)
    else:
        connection.execute(
            "UPDATE cc_lists SET name = ?, updated_at = ?, deleted_at = NULL WHERE list_id = ?",
            (wanted.name, at, list_id),
        )


def _seed_field(connection: sqlite3.Connection, wanted: SeedField, at: int) -> None:
    problems = field_rules.problems(wanted.label, wanted.type, wanted.metadata, wanted.choices)
    if problems:
        raise ControlError(f"custom field {wanted.label!r}: {', '.join(problems)}")
    if field_rules.slug(wanted.label) not in {field.name for field in fields_of(connection, READY_ACCOUNT)}:
        insert_field(connection, READY_ACCOUNT, new_id(), msgspec.structs.asdict(wanted), at)


def _seed_contact(connection: sqlite3.Connection, wanted: SeedContact, at: int) -> None:
    if wanted.permission is not None and wanted.permission not in PERMISSIONS:
        raise unknown("permission", wanted.permission, PERMISSIONS, status=400)
    lists = None if wanted.lists is None else _list_seqs(connection, wanted.lists)
    custom = _custom_values(connection, wanted.custom_fields)
    key = email_key(wanted.email.strip(), "insensitive")
    row = contact_store.by_email(connection, READY_ACCOUNT, key)
    if row is None:
        row = contact_store.insert(connection, READY_ACCOUNT, "Account", at)
        implicit = {"permission": "implicit", "confirm_status": "off", "opt_in_source": "Account", "opt_in_date": at}
        contact_store.change(
            connection, row["contact_seq"], {"email": wanted.email.strip(), "email_key": key, **implicit}
        )
    values: dict[str, Any] = {
        name: text
        for name, text in (("first_name", wanted.first_name), ("last_name", wanted.last_name))
        if text is not None
    }
    values["custom"] = stored({**json.loads(row["custom"]), **custom})
    if wanted.permission is not None:
        values["permission"] = wanted.permission
        left = wanted.permission == UNSUBSCRIBED
        values |= {"opt_out_source": wanted.opt_out_source if left else None, "opt_out_date": at if left else None}
    contact_store.change(connection, row["contact_seq"], {**values, "updated_at": at, "deleted_at": None})
    if lists is not None:
        memberships.replace(connection, READY_ACCOUNT, row["contact_seq"], lists)
    elif wanted.permission == UNSUBSCRIBED:
        memberships.leave_all(connection, READY_ACCOUNT, [row["contact_seq"]])
    if wanted.deleted:
        mark_deleted(connection, READY_ACCOUNT, [row["contact_seq"]], at)


def _list_seqs(connection: sqlite3.Connection, list_ids: list[str]) -> list[int]:
    known = all_lists(connection, READY_ACCOUNT)
    for list_id in list_ids:
        if list_id not in known:
            raise unknown("list", list_id, known, status=400)
    return [known[list_id] for list_id in list_ids]


def _custom_values(connection: sqlite3.Connection, wanted: dict[str, str]) -> dict[str, str]:
    """Return values by the number of the field, which a seed calls by its label or its name."""
    fields = fields_of(connection, READY_ACCOUNT)
    by_name = {field.label: field for field in fields} | {field.name: field for field in fields}
    for name in wanted:
        if name not in by_name:
            raise unknown("custom field", name, by_name, status=400)
    return {str(by_name[name].seq): text for name, text in wanted.items()}
