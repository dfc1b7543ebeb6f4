"""Contacts as the API shows them: what is empty is absent."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from cix_sandbox.constant_contact.field_store import fields_of
from cix_sandbox.constant_contact.ids import stamp
from cix_sandbox.constant_contact.memberships import lists_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

INCLUDES = (
    "custom_fields",
    "list_memberships",
    "phone_numbers",
    "street_addresses",
    "taggings",
    "notes",
)
_PLAIN = (
    "first_name",
    "last_name",
    "job_title",
    "company_name",
    "birthday_month",
    "birthday_day",
    "anniversary",
    "update_source",
    "create_source",
)


class ContactView:
    """Shows contacts of one account."""

    def __init__(self, connection: sqlite3.Connection, account_id: int, includes: Collection[str]) -> None:
        """Prepare to show what is included.

        Args:
            connection: The store.
            account_id: The account.
            includes: Parts to show besides the plain ones, of `INCLUDES`.
        """
        self._connection = connection
        self._account_id = account_id
        self._includes = includes
        fields = fields_of(connection, account_id) if "custom_fields" in includes else []
        self._field_ids = {str(field.seq): field.id for field in fields}

    def show(self, row: sqlite3.Row) -> dict[str, Any]:
        """Return one contact, with its included parts."""
        shown: dict[str, Any] = {"contact_id": row["contact_id"]}
        if row["email"]:
            shown["email_address"] = _email_address(row)
        shown |= {name: row[name] for name in _PLAIN if row[name]}
        shown |= {
            name: stamp(row[name]) for name in ("created_at", "updated_at", "deleted_at") if row[name] is not None
        }
        for name in self._includes:
            shown[name] = self._include(name, row)
        return shown

    def _include(self, name: str, row: sqlite3.Row) -> list[Any]:
        if name == "list_memberships":
            return list(lists_of(self._connection, self._account_id, row["contact_seq"]))
        if name == "custom_fields":
            values = json.loads(row["custom"])
            return [
                {"custom_field_id": field_id, "value": values[key]}
                for key, field_id in self._field_ids.items()
                if values.get(key)
            ]
        if name == "phone_numbers":
            return _parts(row, "phones", "phone_number_id", lambda number: {"phone_number": number})
        if name == "street_addresses":
            return _parts(row, "addresses", "street_address_id", dict)
        return []


def _email_address(row: sqlite3.Row) -> dict[str, Any]:
    shown = {
        "address": row["email"],
        "permission_to_send": row["permission"],
        "created_at": stamp(row["created_at"]),
        "updated_at": stamp(row["updated_at"]),
        "opt_in_source": row["opt_in_source"],
        "opt_in_date": _stamp(row["opt_in_date"]),
        "opt_out_source": row["opt_out_source"],
        "opt_out_date": _stamp(row["opt_out_date"]),
        "opt_out_reason": row["opt_out_reason"],
        "confirm_status": row["confirm_status"],
    }
    return {name: value for name, value in shown.items() if value}


def _parts(row: sqlite3.Row, column: str, id_name: str, content: Any) -> list[dict[str, Any]]:
    """Return phone numbers or addresses, which are stored by kind, with an id that never changes."""
    times = {"created_at": stamp(row["created_at"]), "updated_at": stamp(row["updated_at"])}
    contact = uuid.UUID(row["contact_id"])
    parts = []
    for kind, value in json.loads(row[column]).items():
        filled = {name: text for name, text in content(value).items() if text}
        if filled:
            parts.append({id_name: str(uuid.uuid5(contact, column + kind)), "kind": kind, **filled, **times})
    return parts


def _stamp(moment: int | None) -> str | None:
    return None if moment is None else stamp(moment)
