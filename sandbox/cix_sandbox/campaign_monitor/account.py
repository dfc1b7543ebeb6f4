"""The calls about the account and its clients."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cix_sandbox.campaign_monitor import errors, persons
from cix_sandbox.campaign_monitor.call import find_client, lists_of, stamp
from cix_sandbox.campaign_monitor.errors import ApiError, malformed
from cix_sandbox.campaign_monitor.forms import NewClient
from cix_sandbox.campaign_monitor.places import COUNTRIES, TIME_ZONES
from cix_sandbox.campaign_monitor.states import State
from cix_sandbox.campaign_monitor.wire import Answer

if TYPE_CHECKING:
    from cix_sandbox.campaign_monitor.call import Call

_CLIENT_LIMIT = 5
_CLIENT_WINDOW_SECONDS = 30 * 60


def read_clients(call: Call) -> Answer:
    """Tell the clients that the credential may touch."""
    rows = call.connection.execute(
        """SELECT client_id, name FROM cm_client
        WHERE account_no = ? AND no = COALESCE(?, no) ORDER BY name""",
        (call.identity.account_no, call.identity.client_no),
    )
    return Answer([{"ClientID": row["client_id"], "Name": row["name"]} for row in rows])


def create_client(call: Call) -> Answer:
    """Make a client, which only agencies may, and only a few at a time."""
    _demand_agency(call)
    wanted = call.decode(NewClient, "client")
    if not wanted.company_name.strip():
        raise malformed("client")
    recent = call.connection.execute(
        "SELECT COUNT(*) FROM cm_client WHERE account_no = ? AND created > ?",
        (call.identity.account_no, call.now - _CLIENT_WINDOW_SECONDS),
    ).fetchone()[0]
    if recent >= _CLIENT_LIMIT:
        raise ApiError(errors.TOO_MANY_CLIENTS)
    client_id = secrets.token_hex(16)
    call.connection.execute(
        """INSERT INTO cm_client (account_no, client_id, name, api_key, country, time_zone, created)
        VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (
            call.identity.account_no,
            client_id,
            wanted.company_name.strip(),
            secrets.token_hex(24),
            wanted.country,
            wanted.time_zone,
            call.now,
        ),
    )
    return Answer(client_id, 201)


def read_client(call: Call) -> Answer:
    """Tell the details of a client, its API key among them."""
    client = find_client(call)
    return Answer(
        {
            "ApiKey": client.api_key,
            "BasicDetails": {
                "ClientID": client.client_id,
                "CompanyName": client.name,
                "ContactName": "",
                "EmailAddress": "",
                "Country": client.country,
                "TimeZone": client.time_zone,
            },
            "BillingDetails": {"CanPurchaseCredits": False, "Credits": 0, "Currency": "USD"},
        }
    )


def read_lists(call: Call) -> Answer:
    """Tell the lists of a client."""
    client = find_client(call)
    lists = lists_of(call.connection, client.no)
    return Answer([{"ListID": each.list_id, "Name": each.title} for each in lists])


def read_lists_for_email(call: Call) -> Answer:
    """Tell the lists of a client that know an address, whatever the state."""
    client = find_client(call)
    email = call.query.text("email")
    if not persons.valid_email(email.strip()):
        raise ApiError(errors.INVALID_EMAIL)
    key = persons.make_key(email)
    known = [(each, call.backend.roll.find(each.no, key)) for each in lists_of(call.connection, client.no)]
    return Answer(
        [
            {
                "ListID": each.list_id,
                "ListName": each.title,
                "SubscriberState": State(there.state).label,
                "DateSubscriberAdded": stamp(there.joined),
            }
            for each, there in known
            if there is not None
        ]
    )


def read_nothing_of_client(call: Call) -> Answer:
    """Tell a client's segments or tags: none, as the stand-in has neither."""
    find_client(call)
    return Answer([])


def read_system_date(call: Call) -> Answer:
    """Tell the account's time, without an offset."""
    return Answer({"SystemDate": stamp(call.now)})


def read_billing(call: Call) -> Answer:
    """Tell the credits of an agency."""
    _demand_agency(call)
    return Answer({"Credits": 0})


def read_primary_contact(call: Call) -> Answer:
    """Tell the address of the account's owner."""
    return Answer({"EmailAddress": _owner(call)["email"]})


def read_admins(call: Call) -> Answer:
    """Tell the administrators: the owner."""
    owner = _owner(call)
    return Answer([{"EmailAddress": owner["email"], "Name": owner["contact"], "Status": "Active"}])


def read_countries(_: Call) -> Answer:
    """Tell the countries that the service knows."""
    return Answer(COUNTRIES)


def read_time_zones(_: Call) -> Answer:
    """Tell the time zones that the service knows."""
    return Answer(TIME_ZONES)


def _demand_agency(call: Call) -> None:
    if call.identity.client_no is not None or not call.flag("agency"):
        raise ApiError(errors.NOT_AN_AGENCY)


def _owner(call: Call) -> dict[str, str]:
    row = call.connection.execute(
        "SELECT contact, email FROM cm_account WHERE no = ?", (call.identity.account_no,)
    ).fetchone()
    return dict(row)
