"""The transit list: how changes reach people without putting anybody back on a list that they have left.

Every import adds its people to the lists that it names, and it must name one. A changed profile is therefore imported
into a list of our own, which is emptied afterwards: the contact's data changes, its other memberships do not. Reading
the membership first would leave a gap between the reading and the import, and cost a request for every 500 people.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from target_constant_contact.activities import Order, RefusedError
from target_constant_contact.answers import error_of
from target_constant_contact.paging import pages

if TYPE_CHECKING:
    from audience_sdk.http import Api

    from target_constant_contact.activities import Activities

TRANSIT_LIST_NAME = "Changes in transit to {list_id} (emptied by target-constant-contact)"
"""One for each list that exports fill: two runs at the same time then never empty each other's."""

_DEADLINE_SECONDS = 600.0


class TransitList:
    """A list of our own that changed contacts pass through.

    Args:
        api: The API.
        activities: Begins activities.
    """

    def __init__(self, api: Api, activities: Activities) -> None:
        self._api = api
        self._activities = activities
        self._lock = threading.Lock()
        self._list_ids: dict[str, str] = {}

    def list_id(self, to_list: str) -> str:
        """Return the list's id; it is looked up, or made, when it is first needed. Safe to call from threads.

        Args:
            to_list: The list whose contacts change.

        Raises:
            CixError: If the list can neither be found nor made.
        """
        with self._lock:
            if to_list not in self._list_ids:
                self._list_ids[to_list] = self._find(to_list) or self._make(to_list)
            return self._list_ids[to_list]

    def empty(self, to_list: str) -> None:
        """Take everybody off the list: whom this run has put on it, or an earlier one that was killed before this.

        Args:
            to_list: The list whose contacts change.

        Raises:
            CixError: If the platform does not empty it in time; a later run will.
        """
        with self._lock:
            list_id = self._list_ids.pop(to_list, None) or self._left_over(to_list)
        if list_id is None:
            return
        body = msgspec.json.encode({"source": {"list_ids": [list_id]}, "list_ids": [list_id]})
        try:
            begun = self._activities.begin(Order("remove_list_memberships", body, "list_count"))
        except RefusedError as refused:
            raise error_of(refused.reply, "Emptying the list of changes in transit") from refused
        self._activities.wait_for(begun.activity_id, _DEADLINE_SECONDS, "which empties the list of changes in transit")

    def _left_over(self, to_list: str) -> str | None:
        """Return the list's id if there is anybody on it."""
        found = self._look_up(to_list)
        return str(found["list_id"]) if found and found.get("membership_count") else None

    def _find(self, to_list: str) -> str | None:
        found = self._look_up(to_list)
        return str(found["list_id"]) if found else None

    def _look_up(self, to_list: str) -> dict[str, Any] | None:
        name = TRANSIT_LIST_NAME.format(list_id=to_list)
        query = {"name": name, "include_membership_count": "all", "limit": 500}
        for each in pages(self._api, "/contact_lists", "lists", query):
            # A filter that the service does not know is ignored, so the name is compared here as well.
            if each["name"] == name:
                return each
        return None

    def _make(self, to_list: str) -> str:
        name = TRANSIT_LIST_NAME.format(list_id=to_list)
        description = "Changed contacts pass through this list; do not use it. It may be deleted between exports."
        body = msgspec.json.encode({"name": name, "favorite": False, "description": description})
        reply = self._api.call("POST", "/contact_lists", body=body)
        if reply.status == HTTPStatus.CONFLICT:
            found = self._find(to_list)
            if found is not None:
                return found
        if not reply.ok:
            raise error_of(reply, "Making the list of changes in transit")
        return str(reply.json()["list_id"])
