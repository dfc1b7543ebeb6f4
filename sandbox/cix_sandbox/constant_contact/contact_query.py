"""The filters of GET /contacts, as SQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from cix_sandbox.constant_contact import answers, emails
from cix_sandbox.constant_contact.contact_view import INCLUDES
from cix_sandbox.constant_contact.ids import is_id, parse_time
from cix_sandbox.constant_contact.import_rows import email_key
from cix_sandbox.constant_contact.lists import lists_by_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

MOST_LISTS = 25
MOST_TAGS = 50
STATUSES = {
    "all": "1",
    "active": "(deleted_at IS NULL AND permission IN ('implicit', 'explicit'))",
    "deleted": "deleted_at IS NOT NULL",
    "not_set": "(deleted_at IS NULL AND permission = 'not_set')",
    "pending_confirmation": "(deleted_at IS NULL AND permission = 'pending_confirmation')",
    "temp_hold": "(deleted_at IS NULL AND permission = 'temp_hold')",
    "unsubscribed": "(deleted_at IS NULL AND permission = 'unsubscribed')",
}
_TIMES = {
    "updated_after": "updated_at >= ?",
    "updated_before": "updated_at <= ?",
    "created_after": "created_at >= ?",
    "created_before": "created_at <= ?",
    "optout_after": "opt_out_date >= ?",
    "optout_before": "opt_out_date <= ?",
}
SMS_STATUSES = {"all", "explicit", "not_set", "pending", "unsubscribed"}


class Filters(NamedTuple):
    """Which contacts are wanted.

    Attributes:
        source: Tables that they are read from.
        order: Column that numbers them.
        conditions: Conditions with `?`.
        values: Values of the conditions.
    """

    source: str
    order: str
    conditions: list[str]
    values: list[Any]

    def page(self, connection: sqlite3.Connection, after: int | None, limit: int) -> list[sqlite3.Row]:
        """Return contacts, newest first, with one more than the limit if there are more.

        Args:
            connection: The store.
            after: Number of the last contact on the page before.
            limit: Length of a page.
        """
        conditions, values = [*self.conditions], [*self.values]
        if after is not None:
            conditions.append(f"{self.order} < ?")
            values.append(after)
        return connection.execute(
            f"""SELECT cc_contacts.* FROM {self.source} WHERE {" AND ".join(conditions)}
                ORDER BY {self.order} DESC LIMIT ?""",  # noqa: S608  (constants and placeholders)
            [*values, limit + 1],
        ).fetchall()

    def count(self, connection: sqlite3.Connection) -> int:
        """Return how many contacts there are."""
        (count,) = connection.execute(
            f"SELECT count(*) FROM {self.source} WHERE {' AND '.join(self.conditions)}",  # noqa: S608  (same)
            self.values,
        ).fetchone()
        return int(count)


def read_filters(
    connection: sqlite3.Connection, account_id: int, query: Mapping[str, str], email_match: str
) -> Filters:
    """Read the filters of a query; parameters that do not exist are ignored.

    Args:
        connection: The store.
        account_id: The account.
        query: The query.
        email_match: Whether e-mails are matched `sensitive` or `insensitive` to case.

    Raises:
        Refusal: A value is not valid.
    """
    if "segment_id" in query:
        raise answers.not_found("segment_id does not exist.")
    filters = _of_lists(connection, account_id, query.get("lists"))
    filters.conditions.append(_status(query.get("status")))
    if "email" in query:
        filters.conditions.append("contact_seq = ?")
        filters.values.append(emails.find(connection, account_id, email_key(query["email"].strip(), email_match)))
    for name in _TIMES.keys() & query.keys():
        moment = parse_time(query[name])
        if moment is None:
            raise answers.invalid_value(name)
        filters.conditions.append(_TIMES[name])
        filters.values.append(moment)
    if "tags" in query:
        _ids("tags", query["tags"], MOST_TAGS)
        # There are no tags here, so nobody has one.
        filters.conditions.append("0")
    if "sms_status" in query:
        if not set(_split(query["sms_status"])) <= SMS_STATUSES:
            raise answers.invalid_value("sms_status")
        filters.conditions.append("sms_number IS NOT NULL")
    return filters


def read_includes(query: Mapping[str, str]) -> list[str]:
    """Return the parts of contacts that a query includes.

    Raises:
        Refusal: There is no such part.
    """
    includes = _split(query.get("include", ""))
    if not set(includes) <= set(INCLUDES):
        raise answers.invalid_value("include")
    return includes


def _of_lists(connection: sqlite3.Connection, account_id: int, lists: str | None) -> Filters:
    if lists is None:
        # The plus keeps SQLite from collecting and sorting the whole account for every page.
        return Filters("cc_contacts", "contact_seq", ["+account_id = ?"], [account_id])
    wanted = _ids("lists", lists, MOST_LISTS)
    found = lists_by_id(connection, account_id, wanted)
    if len(found) < len(set(wanted)):
        raise answers.invalid_value("lists")
    if len(found) == 1:
        # The members of one list are stored in the order of the page: no sorting, whatever its size.
        source = "cc_memberships CROSS JOIN cc_contacts USING (contact_seq)"
        return Filters(source, "cc_memberships.contact_seq", ["list_seq = ?"], list(found.values()))
    members = "SELECT contact_seq FROM cc_memberships WHERE list_seq IN (SELECT value FROM json_each(?))"
    return Filters("cc_contacts", "contact_seq", [f"contact_seq IN ({members})"], [json.dumps(list(found.values()))])


def _status(status: str | None) -> str:
    """Return the condition on the status; deleted contacts are only shown to who asks for them."""
    if status is None:
        return "deleted_at IS NULL"
    wanted = _split(status)
    if not wanted or not set(wanted) <= set(STATUSES):
        raise answers.invalid_value("status")
    return f"({' OR '.join(STATUSES[name] for name in wanted)})"


def _ids(name: str, text: str, most: int) -> list[str]:
    ids = _split(text)
    if not 1 <= len(ids) <= most or not all(map(is_id, ids)):
        raise answers.invalid_value(name)
    return ids


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
