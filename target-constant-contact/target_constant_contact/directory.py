"""What an account at Constant Contact holds: its name, what the connection may do, lists, custom fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from audience_sdk.destination import PlatformList
from audience_sdk.directory import Account, Directory, KnownList
from singer_sdk import typing as th

from target_constant_contact.answers import error_of
from target_constant_contact.fields import field_of
from target_constant_contact.paging import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from audience_sdk.destination import CustomField
    from audience_sdk.http import Api
    from audience_sdk.oauth import RefreshingToken

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NEEDED_SCOPES = ("contact_data", "offline_access")
_NEEDED_PRIVILEGES = ("contacts:read", "contacts:write", "contacts:lists:read", "contacts:lists:write")

SETTINGS: tuple[th.Property[Any], ...] = (
    th.Property(
        "new_list_description", th.StringType, default="", description="Description of lists that `create_list` makes."
    ),
    th.Property(
        "new_list_favorite",
        th.BooleanType,
        default=False,
        description="Whether lists that `create_list` makes are favourites.",
    ),
)


@dataclass(frozen=True)
class NewLists:
    """How lists are made.

    Attributes:
        description: Their description.
        favorite: Whether they are favourites.
    """

    description: str = ""
    favorite: bool = False


class ConstantContactDirectory(Directory):
    """Looks around in an account.

    Args:
        api: The API.
        token: What opens it.
        requests_left: Tells how many requests are left today.
        new_lists: How lists are made.
    """

    shared_fields: ClassVar[bool] = True

    def __init__(
        self, api: Api, token: RefreshingToken, requests_left: Callable[[], int | None], new_lists: NewLists
    ) -> None:
        self.place = token.name()
        self._api = api
        self._token = token
        self._requests_left = requests_left
        self._new_lists = new_lists
        self._sizes: dict[str, int] = {}

    def account(self) -> Account:
        """See `Directory.account`."""
        reply = self._api.call("GET", "/account/summary")
        # The scope `account_read` may be missing; an export can do without it.
        if not reply.ok and reply.status != HTTPStatus.FORBIDDEN:
            raise error_of(reply, "Account")
        summary = _object(reply.json()) if reply.ok else {}
        granted = self._privileges()
        scopes = self._token.scopes()
        missing = [each for each in _NEEDED_SCOPES if scopes is not None and each not in scopes]
        return Account(
            str(summary.get("organization_name") or "Constant Contact"),
            account_id=summary.get("encoded_account_id"),
            permissions=[*sorted(scopes or ()), *(each for each in granted if each.startswith("contacts:"))],
            missing=[*missing, *(each for each in _NEEDED_PRIVILEGES if each not in granted)],
            requests_left=self._requests_left(),
        )

    def lists(self) -> Sequence[KnownList]:
        """See `Directory.lists`."""
        query = {"limit": 500, "include_membership_count": "active"}
        found = list(pages(self._api, "/contact_lists", "lists", query))
        self._sizes = {each["list_id"]: int(each.get("membership_count") or 0) for each in found}
        return [KnownList(each["list_id"], each["name"]) for each in found]

    def sizes(self, list_ids: Collection[str]) -> dict[str, int]:
        """See `Directory.sizes`; one listing tells all."""
        if not self._sizes.keys() >= set(list_ids):
            self.lists()
        return {list_id: self._sizes[list_id] for list_id in list_ids if list_id in self._sizes}

    def custom_fields(self, list_id: str | None) -> Sequence[CustomField]:  # noqa: ARG002 - all lists have the same
        """See `Directory.custom_fields`."""
        return tuple(map(field_of, pages(self._api, "/contact_custom_fields", "custom_fields", {"limit": 100})))

    def id_of(self, text: str) -> str | None:
        """See `Directory.id_of`."""
        folded = text.strip().lower()
        return folded if _ID.fullmatch(folded) else None

    def create_list(self, name: str) -> str:
        """See `Directory.create_list`."""
        settings = {"name": name, "favorite": self._new_lists.favorite}
        if self._new_lists.description:
            settings["description"] = self._new_lists.description
        reply = self._api.call("POST", "/contact_lists", body=msgspec.json.encode(settings))
        if reply.status == HTTPStatus.CONFLICT:
            # Another export has made it, or an attempt of ours whose answer was lost.
            for each in self.lists():
                if each.name == name:
                    return each.list_id
        list_id = _object(reply.json()).get("list_id")
        if not reply.ok or not list_id:
            raise error_of(reply, f"Making list `{name}`")
        return str(list_id)

    def planned_list(self, name: str) -> PlatformList:
        """See `Directory.planned_list`; its contacts can have the fields of the account."""
        return PlatformList(name, name, tuple(self.custom_fields(None)))

    def _privileges(self) -> list[str]:
        reply = self._api.call("GET", "/account/user/privileges")
        granted = reply.json()
        if not reply.ok or not isinstance(granted, list):
            raise error_of(reply, "Privileges of the user who connected")
        return [str(each.get("privilege_name")) for each in granted]


def _object(body: Any) -> Mapping[str, Any]:
    return body if isinstance(body, dict) else {}
