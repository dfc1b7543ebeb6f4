"""Custom fields in the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cix_sandbox.constant_contact.field_rules import Field, slug

if TYPE_CHECKING:
    import sqlite3


def fields_of(connection: sqlite3.Connection, account_id: int) -> list[Field]:
    """Return the custom fields of an account, oldest first."""
    rows = connection.execute("SELECT * FROM cc_fields WHERE account_id = ? ORDER BY field_seq", (account_id,))
    return [
        Field(
            row["field_seq"],
            row["field_id"],
            row["label"],
            row["name"],
            row["type"],
            json.loads(row["metadata"] or "{}"),
            tuple(choice["choice_label"] for choice in json.loads(row["choices"] or "[]")),
        )
        for row in rows
    ]


def insert_field(connection: sqlite3.Connection, account_id: int, field_id: str, body: dict[str, Any], at: int) -> None:
    """Store a new custom field; its label and type have been checked."""
    connection.execute(
        """INSERT INTO cc_fields (field_id, account_id, label, name, type, version, metadata, choices,
               created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            field_id,
            account_id,
            body["label"],
            slug(body["label"]),
            body["type"],
            body.get("version", 1),
            as_json(body.get("metadata")),
            as_json(body.get("choices")),
            at,
            at,
        ),
    )


def as_json(value: object) -> str | None:
    """Return a value as the store keeps it; None stays None."""
    return None if value is None else json.dumps(value)
