"""What an account at Campaign Monitor holds: clients, their lists, and the lists' custom fields."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.destination import PlatformList
from audience_sdk.directory import Account, Directory, KnownList
from audience_sdk.errors import SETTING_INVALID, CixError
from audience_sdk.mapping import nearest
from singer_sdk import typing as th

from target_campaign_monitor.answers import code_of, error_of
from target_campaign_monitor.connection import SCOPE
from target_campaign_monitor.customfields import read_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from audience_sdk.destination import CustomField
    from audience_sdk.http import Api
    from audience_sdk.oauth import RefreshingToken

_ID = re.compile(r"[0-9a-fA-F]{32}")
_AT_ONCE = 4
_TITLE_TAKEN = 250
_NAMED_CLIENTS = 5

SETTINGS: tuple[th.Property[Any], ...] = (
    th.Property(
        "new_list_client",
        th.StringType,
        description="Client, by id or name, whose lists `create_list` makes; needed if the account has several. If it"
        " is set, names in `list_id` and `lists` mean lists of this client alone.",
    ),
    th.Property(
        "new_list_unsubscribe_setting",
        th.StringType,
        allowed_values=["AllClientLists", "OnlyThisList"],
        default="AllClientLists",
        description="For lists that `create_list` makes: whether who unsubscribes from one leaves all lists of the"
        " client and is suppressed, or this list alone, which then ignores the client's suppression list.",
    ),
)


@dataclass(frozen=True)
class NewLists:
    """How lists are made.

    Attributes:
        client: Whose lists they are, by id or name; None for the account's only client.
        unsubscribe_setting: What unsubscribing from one does.
    """

    client: str | None = None
    unsubscribe_setting: str = "AllClientLists"


class CampaignMonitorDirectory(Directory):
    """Looks around in an account.

    Args:
        api: The API.
        token: What opens it, unless an API key does.
        new_lists: How lists are made.
        connection: What the connection is called.
    """

    def __init__(self, api: Api, token: RefreshingToken | None, new_lists: NewLists, connection: str) -> None:
        # Each client has its own names.
        self.place = f"{connection} {(new_lists.client or '').strip().casefold()}"
        self._api = api
        self._token = token
        self._new_lists = new_lists

    def account(self) -> Account:
        """See `Directory.account`; the platform knows an account by its clients."""
        names = [str(client["Name"]) for client in self._clients()]
        shown = ", ".join(names[:_NAMED_CLIENTS]) + (", …" if len(names) > _NAMED_CLIENTS else "")
        name = f"Campaign Monitor ({shown or 'no clients'})"
        scopes = self._token.scopes() if self._token is not None else None
        if scopes is None:
            return Account(name)
        missing = [scope for scope in SCOPE.split(",") if scope not in scopes]
        return Account(name, permissions=sorted(scopes), missing=missing)

    def lists(self) -> Sequence[KnownList]:
        """See `Directory.lists`."""
        clients = self._clients()
        return [
            KnownList(each["ListID"], each["Name"], client["Name"] if len(clients) > 1 else None)
            for client in clients
            for each in self._lists_of(client["ClientID"])
        ]

    def nameable(self) -> Sequence[KnownList]:
        """See `Directory.nameable`; another client's list of the name is not the one that is missing here."""
        if self._new_lists.client is None:
            return self.lists()
        return [KnownList(each["ListID"], each["Name"]) for each in self._lists_of(self._client_of_new_lists())]

    def sizes(self, list_ids: Collection[str]) -> dict[str, int]:
        """See `Directory.sizes`."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(list_ids, pool.map(self._size, list_ids), strict=True))

    def custom_fields(self, list_id: str | None) -> Sequence[CustomField]:
        """See `Directory.custom_fields`; every list has its own."""
        return read_fields(self._api, str(list_id))

    def id_of(self, text: str) -> str | None:
        """See `Directory.id_of`."""
        return text.strip().lower() if _ID.fullmatch(text.strip()) else None

    def create_list(self, name: str) -> str:
        """See `Directory.create_list`; without confirmed opt-in, which would mail everybody who joins."""
        client_id = self._client_of_new_lists()
        settings = {
            "Title": name,
            "UnsubscribePage": "",
            "UnsubscribeSetting": self._new_lists.unsubscribe_setting,
            "ConfirmedOptIn": False,
            "ConfirmationSuccessPage": "",
        }
        reply = self._api.call("POST", f"/lists/{client_id}.json", body=msgspec.json.encode(settings))
        list_id = reply.json()
        if reply.ok and isinstance(list_id, str):
            return list_id
        if code_of(reply) == _TITLE_TAKEN:
            # Another export has made it, or an attempt of ours whose answer was lost.
            for each in self._lists_of(client_id):
                if each["Name"].strip().casefold() == name.strip().casefold():
                    return str(each["ListID"])
        raise error_of(reply, f"Making list `{name}`")

    def planned_list(self, name: str) -> PlatformList:
        """See `Directory.planned_list`."""
        self._client_of_new_lists()
        return PlatformList(name, name)

    def _size(self, list_id: str) -> int:
        stats = self._read(f"/lists/{list_id}/stats.json", f"List {list_id}", dict)
        return int(stats.get("TotalActiveSubscribers") or 0)

    def _clients(self) -> list[Mapping[str, Any]]:
        clients: list[Mapping[str, Any]] = self._read("/clients.json", "Clients of the account", list)
        return clients

    def _lists_of(self, client_id: str) -> list[Mapping[str, Any]]:
        lists: list[Mapping[str, Any]] = self._read(f"/clients/{client_id}/lists.json", "Lists", list)
        return lists

    def _client_of_new_lists(self) -> str:
        clients, wanted = self._clients(), self._new_lists.client
        if wanted is None and len(clients) == 1:
            return str(clients[0]["ClientID"])
        folded = (wanted or "").strip().casefold()
        fitting = [each for each in clients if folded in {each["ClientID"].casefold(), each["Name"].strip().casefold()}]
        if len(fitting) == 1:
            return str(fitting[0]["ClientID"])
        if wanted is None:
            message = f"The account has {len(clients)} clients, and `new_list_client` does not say whose a new list is."
            raise CixError(SETTING_INVALID, message, "Set `new_list_client`.")
        near = nearest(wanted, [each["Name"] for each in clients])
        raise CixError(SETTING_INVALID, f"Setting `new_list_client`: no one client is `{wanted}`{near}.")

    def _read(self, path: str, what: str, kind: type) -> Any:
        reply = self._api.call("GET", path)
        body = reply.json()
        if not reply.ok or not isinstance(body, kind):
            raise error_of(reply, what)
        return body
