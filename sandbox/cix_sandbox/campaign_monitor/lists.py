"""The calls about lists."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor import errors
from cix_sandbox.campaign_monitor.call import (
    ALL_CLIENT_LISTS,
    ONLY_THIS_LIST,
    find_client,
    find_list,
    lists_of,
)
from cix_sandbox.campaign_monitor.errors import ApiError
from cix_sandbox.campaign_monitor.forms import ListSettings
from cix_sandbox.campaign_monitor.states import State
from cix_sandbox.campaign_monitor.wire import Answer

if TYPE_CHECKING:
    import sqlite3

    from cix_sandbox.campaign_monitor.call import Call, MailingList

UNSUBSCRIBE_SETTINGS = (ALL_CLIENT_LISTS, ONLY_THIS_LIST)
_SUBJECT = "list"


def create_list(call: Call) -> Answer:
    """Make a list for the client that the path names."""
    client = find_client(call)
    settings = call.decode(ListSettings, _SUBJECT)
    _check(settings, lists_of(call.connection, client.no))
    list_id = secrets.token_hex(16)
    insert_list(call.connection, client.no, list_id, settings)
    return Answer(list_id, 201)


def insert_list(connection: sqlite3.Connection, client_no: int, list_id: str, settings: ListSettings) -> None:
    """Store a new list."""
    connection.execute(
        """INSERT INTO cm_list (client_no, list_id, title, confirmed_opt_in, unsubscribe_setting,
        unsubscribe_page, confirmation_success_page) VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (client_no, list_id, *_columns(settings)),
    )


def read_list(call: Call) -> Answer:
    """Tell the settings of a list."""
    target = find_list(call)
    return Answer(
        {
            "ConfirmedOptIn": bool(target.confirmed_opt_in),
            "Title": target.title,
            "UnsubscribePage": target.unsubscribe_page,
            "ListID": target.list_id,
            "ConfirmationSuccessPage": target.confirmation_success_page,
            "UnsubscribeSetting": target.unsubscribe_setting,
        }
    )


def update_list(call: Call) -> Answer:
    """Change the settings of a list, and align it with the suppression list when asked to."""
    target = find_list(call)
    settings = call.decode(ListSettings, _SUBJECT)
    siblings = lists_of(call.connection, target.client_no)
    _check(settings, [other for other in siblings if other.no != target.no])
    call.connection.execute(
        """UPDATE cm_list SET title = ?, confirmed_opt_in = ?, unsubscribe_setting = ?,
        unsubscribe_page = ?, confirmation_success_page = ? WHERE no = ?""",
        (*_columns(settings), target.no),
    )
    if settings.unsubscribe_setting == ALL_CLIENT_LISTS:
        if settings.add_unsubscribes_to_supp_list:
            _suppress_unsubscribed(call, target)
        if settings.scrub_active_with_supp_list:
            _unsubscribe_suppressed(call, target)
    return Answer()


def delete_list(call: Call) -> Answer:
    """Delete a list and all that is on it."""
    target = find_list(call)
    if target.in_draft:
        raise ApiError(errors.LIST_IN_USE)
    call.connection.execute("DELETE FROM cm_subscriber WHERE list_no = ?", (target.no,))
    call.connection.execute("DELETE FROM cm_field WHERE list_no = ?", (target.no,))
    call.connection.execute("DELETE FROM cm_list WHERE no = ?", (target.no,))
    return Answer()


def read_segments(call: Call) -> Answer:
    """Tell the segments of a list: none, as the stand-in has no segments."""
    find_list(call)
    return Answer([])


def _check(settings: ListSettings, others: list[MailingList]) -> None:
    settings.title = settings.title.strip()
    if not settings.title:
        raise ApiError(errors.LIST_TITLE_EMPTY)
    if any(other.title.lower() == settings.title.lower() for other in others):
        raise ApiError(errors.LIST_TITLE_TAKEN)
    setting = settings.unsubscribe_setting or ALL_CLIENT_LISTS
    if setting not in UNSUBSCRIBE_SETTINGS:
        raise ApiError(errors.INVALID_UNSUBSCRIBE_SETTING)
    settings.unsubscribe_setting = setting


def _columns(settings: ListSettings) -> tuple[object, ...]:
    return (
        settings.title,
        settings.confirmed_opt_in,
        settings.unsubscribe_setting,
        settings.unsubscribe_page,
        settings.confirmation_success_page,
    )


def _suppress_unsubscribed(call: Call, target: MailingList) -> None:
    call.connection.execute(
        """INSERT OR IGNORE INTO cm_suppressed
        SELECT ?, key, email, 'Unsubscribed', ? FROM cm_subscriber
        WHERE list_no = ? AND state = ?""",
        (target.client_no, call.now, target.no, State.UNSUBSCRIBED),
    )


def _unsubscribe_suppressed(call: Call, target: MailingList) -> None:
    call.connection.execute(
        """UPDATE cm_subscriber SET state = ?, changed = ? WHERE list_no = ? AND state = ?
        AND key IN (SELECT key FROM cm_suppressed WHERE client_no = ?)""",
        (State.UNSUBSCRIBED, call.now, target.no, State.ACTIVE, target.client_no),
    )
