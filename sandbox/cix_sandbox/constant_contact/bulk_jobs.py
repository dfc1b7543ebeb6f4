"""The work of activities on contacts and lists that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from cix_sandbox.constant_contact import memberships
from cix_sandbox.constant_contact.job import Done, Job

if TYPE_CHECKING:
    import sqlite3


class Source(msgspec.Struct):
    """Which contacts an activity is about.

    Attributes:
        kind: What the contacts are chosen by.
        contact_ids: Identifiers of contacts.
        lists: Numbers of lists.
        exclude: Identifiers of contacts that are left out.
    """

    kind: Literal["contacts", "lists", "active", "none"]
    contact_ids: list[str] = []
    lists: list[int] = []
    exclude: list[str] = []


class MembershipOrder(msgspec.Struct):
    """Contacts that are to join or leave lists.

    Attributes:
        source: The contacts.
        lists: Numbers of the lists.
        bumps_updated_at: Whether it counts as a change of the contact.
    """

    source: Source
    lists: list[int]
    bumps_updated_at: bool


class DeleteOrder(msgspec.Struct):
    """Contacts that are to be deleted."""

    source: Source


class ListOrder(msgspec.Struct):
    """Lists that are to be deleted, by number."""

    lists: list[int]


class FieldOrder(msgspec.Struct):
    """Custom fields that are to be deleted, by identifier."""

    field_ids: list[str]


_CHOICES = {
    "contacts": """SELECT contact_seq FROM json_each(:contact_ids) CROSS JOIN cc_contacts ON contact_id = value
                   WHERE account_id = :account""",
    "lists": """SELECT DISTINCT contact_seq FROM cc_memberships
                WHERE list_seq IN (SELECT value FROM json_each(:lists))""",
    "active": """SELECT contact_seq FROM cc_contacts WHERE account_id = :account AND deleted_at IS NULL
                 AND permission IN ('implicit', 'explicit')""",
    "none": "SELECT contact_seq FROM cc_contacts WHERE 0",
}


def select(connection: sqlite3.Connection, account_id: int, source: Source) -> list[int]:
    """Return the numbers of the contacts that a source names; who does not exist is left out."""
    rows = connection.execute(
        f"""SELECT contact_seq FROM ({_CHOICES[source.kind]}) WHERE contact_seq NOT IN (
                SELECT contact_seq FROM cc_contacts
                WHERE contact_id IN (SELECT value FROM json_each(:exclude)))""",  # noqa: S608  (constants)
        {
            "account": account_id,
            "contact_ids": msgspec.json.encode(source.contact_ids).decode(),
            "lists": msgspec.json.encode(source.lists).decode(),
            "exclude": msgspec.json.encode(source.exclude).decode(),
        },
    )
    return [row["contact_seq"] for row in rows]


def add_memberships(connection: sqlite3.Connection, job: Job) -> Done:
    """Put contacts on lists; deleted ones come back, unsubscribed ones stay off."""
    order = msgspec.json.decode(job.order, type=MembershipOrder)
    selected = select(connection, job.account_id, order.source)
    joining = [seq for seq in selected if not _is_unsubscribed(connection, seq)]
    connection.executemany(
        "UPDATE cc_contacts SET deleted_at = NULL WHERE contact_seq = ?", [(seq,) for seq in joining]
    )
    crowded = memberships.add(connection, job.account_id, order.lists, joining)
    _bump(connection, job, order, joining)
    return _counted(order, len(selected), len(joining) - crowded)


def remove_memberships(connection: sqlite3.Connection, job: Job) -> Done:
    """Take contacts off lists; who is not on them is no error."""
    order = msgspec.json.decode(job.order, type=MembershipOrder)
    selected = select(connection, job.account_id, order.source)
    for list_seq in order.lists:
        connection.executemany(
            "DELETE FROM cc_memberships WHERE list_seq = ? AND contact_seq = ?", [(list_seq, seq) for seq in selected]
        )
    _bump(connection, job, order, selected)
    return _counted(order, len(selected), len(selected))


def delete_contacts(connection: sqlite3.Connection, job: Job) -> Done:
    """Delete contacts: they leave every list, and can be revived."""
    order = msgspec.json.decode(job.order, type=DeleteOrder)
    selected = select(connection, job.account_id, order.source)
    mark_deleted(connection, job.account_id, selected, job.at)
    counts = {"items_total_count": len(selected), "items_completed_count": len(selected)}
    return Done({"list_count": len(order.source.lists), **counts})


def mark_deleted(connection: sqlite3.Connection, account_id: int, contacts: list[int], at: int) -> None:
    """Delete contacts, by number; who is deleted already keeps the time of the first deletion."""
    memberships.leave_all(connection, account_id, contacts)
    connection.executemany(
        "UPDATE cc_contacts SET deleted_at = ?, updated_at = ? WHERE contact_seq = ? AND deleted_at IS NULL",
        [(at, at, seq) for seq in contacts],
    )


def delete_lists(connection: sqlite3.Connection, job: Job) -> Done:
    """Delete lists; the contacts stay."""
    order = msgspec.json.decode(job.order, type=ListOrder)
    for list_seq in order.lists:
        connection.execute("DELETE FROM cc_memberships WHERE list_seq = ?", (list_seq,))
        connection.execute(
            "UPDATE cc_lists SET deleted_at = coalesce(deleted_at, ?) WHERE list_seq = ?", (job.at, list_seq)
        )
    return Done({"list_count": len(order.lists)})


def delete_fields(connection: sqlite3.Connection, job: Job) -> Done:
    """Delete custom fields; the values go with them."""
    order = msgspec.json.decode(job.order, type=FieldOrder)
    for field_id in order.field_ids:
        connection.execute("DELETE FROM cc_fields WHERE field_id = ? AND account_id = ?", (field_id, job.account_id))
    return Done({"items_total_count": len(order.field_ids), "items_completed_count": len(order.field_ids)})


def _is_unsubscribed(connection: sqlite3.Connection, contact_seq: int) -> bool:
    (permission,) = connection.execute(
        "SELECT permission FROM cc_contacts WHERE contact_seq = ?", (contact_seq,)
    ).fetchone()
    return bool(permission == "unsubscribed")


def _bump(connection: sqlite3.Connection, job: Job, order: MembershipOrder, contacts: list[int]) -> None:
    if order.bumps_updated_at:
        connection.executemany(
            "UPDATE cc_contacts SET updated_at = ? WHERE contact_seq = ?", [(job.at, seq) for seq in contacts]
        )


def _counted(order: MembershipOrder, selected: int, done: int) -> Done:
    total = len(order.source.contact_ids) if order.source.kind == "contacts" else selected
    counts = {"items_total_count": total, "items_completed_count": done}
    return Done({**counts, "list_count": len(order.lists)})
