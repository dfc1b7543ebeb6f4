"""One authenticated request on its way to a handler, and the things that it names."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, TypeVar

from cix_sandbox.campaign_monitor import wire
from cix_sandbox.campaign_monitor.errors import INVALID_CLIENT_ID, INVALID_LIST_ID, ApiError
from cix_sandbox.campaign_monitor.values import Field, make_key

if TYPE_CHECKING:
    import sqlite3

    import msgspec

    from cix_sandbox.campaign_monitor.auth import Identity
    from cix_sandbox.campaign_monitor.backend import Backend
    from cix_sandbox.campaign_monitor.wire import Query

_Form = TypeVar("_Form", bound="msgspec.Struct")

ALL_CLIENT_LISTS: Final = "AllClientLists"
ONLY_THIS_LIST: Final = "OnlyThisList"


@dataclass
class Call:
    """A request after authentication and routing.

    Attributes:
        backend: What the stand-in works on.
        identity: Who asks.
        params: Parts of the path by name.
        query: Query parameters.
        body: The body as it came.
        now: Time of the request, whole seconds since 1970.
        rows: Number of subscribers that the request is about, for the request log.
    """

    backend: Backend
    identity: Identity
    params: dict[str, str]
    query: Query
    body: bytes
    now: int
    rows: int | None = field(default=None)

    @property
    def connection(self) -> sqlite3.Connection:
        """The store."""
        return self.backend.connection

    def flag(self, name: str) -> bool:
        """Return a switch that is true or false."""
        return self.backend.flag(name)

    def text(self, name: str) -> str:
        """Return a switch with named choices."""
        return self.backend.text(name)

    def number(self, name: str) -> float:
        """Return a switch that is a number."""
        return self.backend.number(name)

    def decode(self, form: type[_Form], subject: str) -> _Form:
        """Read the body into a form; see `wire.decode`."""
        convert = self.text("non_string_value") == "convert"
        return wire.decode(self.body, form, subject, convert_values=convert)


@dataclass(frozen=True)
class Client:
    """A client of an account, as stored."""

    no: int
    client_id: str
    name: str
    api_key: str
    country: str
    time_zone: str


@dataclass(frozen=True)
class MailingList:
    """A list, as stored: its attributes are the columns of the table, in that order."""

    no: int
    client_no: int
    list_id: str
    title: str
    confirmed_opt_in: bool
    unsubscribe_setting: str
    unsubscribe_page: str
    confirmation_success_page: str
    in_draft: bool

    @property
    def heeds_suppression(self) -> bool:
        """Whether it consults and feeds the client's suppression list."""
        return self.unsubscribe_setting == ALL_CLIENT_LISTS


def find_client(call: Call) -> Client:
    """Return the client that the path names.

    Raises:
        ApiError: Code 102, when it is unknown or not the caller's.
    """
    row = call.connection.execute(
        """SELECT no, client_id, name, api_key, country, time_zone FROM cm_client
        WHERE client_id = ? AND account_no = ? AND no = COALESCE(?, no)""",
        (call.params["client_id"], call.identity.account_no, call.identity.client_no),
    ).fetchone()
    if row is None:
        raise ApiError(INVALID_CLIENT_ID)
    return Client(*row)


def find_list(call: Call) -> MailingList:
    """Return the list that the path names.

    Raises:
        ApiError: Code 101, when it is unknown or not the caller's.
    """
    row = call.connection.execute(
        """SELECT cm_list.* FROM cm_list JOIN cm_client ON cm_client.no = client_no
        WHERE list_id = ? AND account_no = ? AND client_no = COALESCE(?, client_no)""",
        (call.params["list_id"], call.identity.account_no, call.identity.client_no),
    ).fetchone()
    if row is None:
        raise ApiError(INVALID_LIST_ID)
    return MailingList(*row)


def lists_of(connection: sqlite3.Connection, client_no: int) -> list[MailingList]:
    """Return the lists of a client in the order in which they were made."""
    rows = connection.execute("SELECT * FROM cm_list WHERE client_no = ? ORDER BY no", (client_no,))
    return [MailingList(*row) for row in rows]


def list_by_no(connection: sqlite3.Connection, list_no: int) -> MailingList | None:
    """Return a list by its number, or None when it is gone."""
    row = connection.execute("SELECT * FROM cm_list WHERE no = ?", (list_no,)).fetchone()
    return None if row is None else MailingList(*row)


def list_by_id(connection: sqlite3.Connection, list_id: str) -> MailingList | None:
    """Return a list of any account by its id, or None when there is none."""
    row = connection.execute("SELECT * FROM cm_list WHERE list_id = ?", (list_id,)).fetchone()
    return None if row is None else MailingList(*row)


def list_ids(connection: sqlite3.Connection) -> list[str]:
    """Return the ids of all lists of all accounts."""
    return [row["list_id"] for row in connection.execute("SELECT list_id FROM cm_list")]


def fields_of(connection: sqlite3.Connection, list_no: int) -> dict[str, Field]:
    """Return the custom fields of a list by `values.spelled` key, oldest first."""
    rows = connection.execute(
        """SELECT spelled, no, name, type, options, visible FROM cm_field
        WHERE list_no = ? ORDER BY no""",
        (list_no,),
    )
    return {
        row["spelled"]: Field(
            no=str(row["no"]),
            name=row["name"],
            key=make_key(row["name"]),
            type=row["type"],
            options=tuple(json.loads(row["options"])),
            visible=bool(row["visible"]),
        )
        for row in rows
    }


def stamp(seconds: int) -> str:
    """Return a time as the service writes it, without an offset."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
