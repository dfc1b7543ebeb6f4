"""The work of an export: contacts as a CSV file."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from cix_sandbox.constant_contact.bulk_jobs import Source, select
from cix_sandbox.constant_contact.field_store import fields_of
from cix_sandbox.constant_contact.ids import new_id, stamp
from cix_sandbox.constant_contact.job import Done, Job

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from cix_sandbox.constant_contact.field_rules import Field


class ExportOrder(msgspec.Struct):
    """What is to be exported.

    Attributes:
        source: The contacts; None for everybody.
        status: Only contacts with this status.
        fields: Columns; all when there are none.
    """

    source: Source | None
    status: Literal["active", "unsubscribed", "removed"] | None
    fields: list[str]


_STATUSES = {
    None: "deleted_at IS NULL",
    "active": "deleted_at IS NULL AND permission IN ('implicit', 'explicit')",
    "unsubscribed": "deleted_at IS NULL AND permission = 'unsubscribed'",
    "removed": "deleted_at IS NOT NULL",
}


def _text(column: str) -> Callable[[sqlite3.Row], Any]:
    return lambda row: row[column]


def _time(column: str) -> Callable[[sqlite3.Row], Any]:
    return lambda row: None if row[column] is None else stamp(row[column])


def _address(part: str) -> Callable[[sqlite3.Row], Any]:
    return lambda row: json.loads(row["addresses"]).get("home", {}).get(part)


def _birthday(row: sqlite3.Row) -> str | None:
    return f"{row['birthday_month']}/{row['birthday_day']}" if row["birthday_month"] else None


COLUMNS: dict[str, tuple[str, Callable[[sqlite3.Row], Any]]] = {
    "email_address": ("Email address", _text("email")),
    "first_name": ("First name", _text("first_name")),
    "last_name": ("Last name", _text("last_name")),
    "company_name": ("Company", _text("company_name")),
    "job_title": ("Job title", _text("job_title")),
    "email_optin_source": ("Email permission status", _text("permission")),
    "email_optin_date": ("Email opt-in date", _time("opt_in_date")),
    "email_optout_source": ("Email opt-out source", _text("opt_out_source")),
    "email_optout_date": ("Email opt-out date", _time("opt_out_date")),
    "email_optout_reason": ("Email opt-out reason", _text("opt_out_reason")),
    "email_lists": ("Email Lists", _text("lists")),
    "phone_number": ("Phone - home", lambda row: json.loads(row["phones"]).get("home")),
    "street": ("Street address line 1 - Home", _address("street")),
    "city": ("City - Home", _address("city")),
    "state": ("State/Province - Home", _address("state")),
    "zip": ("Zip/Postal Code - Home", _address("postal_code")),
    "country": ("Country - Home", _address("country")),
    "birthday": ("Birthday", _birthday),
    "anniversary": ("Anniversary", _text("anniversary")),
    "source_name": ("Source Name", _text("create_source")),
    "created_at": ("Created At", _time("created_at")),
    "updated_at": ("Updated At", _time("updated_at")),
}
"""Columns of an export by their name in a request: heading and content."""


def run(connection: sqlite3.Connection, job: Job) -> Done:
    """Write the CSV file of an export into the store."""
    order = msgspec.json.decode(job.order, type=ExportOrder)
    known = fields_of(connection, job.account_id)
    columns = {**COLUMNS, **{f"cf:{field.name}": _custom_column(field) for field in known}}
    shown = [columns[name] for name in order.fields or columns if name in columns]
    rows = _contacts(connection, job.account_id, order)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([heading for heading, _ in shown])
    writer.writerows([content(row) or "" for _, content in shown] for row in rows)
    export_id = new_id()
    connection.execute("INSERT INTO cc_exports VALUES (?, ?, ?)", (export_id, job.account_id, file.getvalue()))
    counts = {"items_total_count": len(rows), "items_completed_count": len(rows)}
    return Done(counts, result=f"/v3/contact_exports/{export_id}")


def _custom_column(field: Field) -> tuple[str, Callable[[sqlite3.Row], Any]]:
    return field.label, lambda row: json.loads(row["custom"]).get(str(field.seq))


def _contacts(connection: sqlite3.Connection, account_id: int, order: ExportOrder) -> list[sqlite3.Row]:
    chosen = "" if order.source is None else "AND contact_seq IN (SELECT value FROM json_each(:chosen))"
    selected = [] if order.source is None else select(connection, account_id, order.source)
    return connection.execute(
        f"""SELECT *, (SELECT group_concat(name, ', ') FROM cc_lists CROSS JOIN cc_memberships USING (list_seq)
                       WHERE account_id = c.account_id AND contact_seq = c.contact_seq) AS lists
            FROM cc_contacts AS c WHERE account_id = :account AND {_STATUSES[order.status]} {chosen}
            ORDER BY contact_seq""",  # noqa: S608  (constants)
        {"account": account_id, "chosen": json.dumps(selected)},
    ).fetchall()
