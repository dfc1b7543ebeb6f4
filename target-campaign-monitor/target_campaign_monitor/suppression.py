"""The suppression list of the client that a list belongs to, read once in a run and only if somebody joins."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from audience_sdk.contact import email_key_of
from audience_sdk.errors import LIST_UNKNOWN, PERMISSION_MISSING, REQUEST_REFUSED, CixError

from target_campaign_monitor.answers import error_of
from target_campaign_monitor.paging import pages

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from audience_sdk.http import Api

_logger = logging.getLogger(__name__)

_NOT_READABLE = {PERMISSION_MISSING, LIST_UNKNOWN, REQUEST_REFUSED}
"""What a credential is told that may fill a list and not look at the client behind it, whichever of them it is."""


class SuppressionList:
    """Who is suppressed by the client of a list. Safe to use from several threads.

    Args:
        api: The API.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._by_list: dict[str, AbstractSet[str] | None] = {}

    def of_list(self, list_id: str) -> AbstractSet[str] | None:
        """Return the suppressed addresses, in lower case, or None if they may not be read.

        Args:
            list_id: A list of the client's.

        Raises:
            CixError: If the client cannot be found or does not tell.
        """
        with self._lock:
            if list_id not in self._by_list:
                try:
                    self._by_list[list_id] = self._read(list_id)
                except CixError as error:
                    if error.code not in _NOT_READABLE:
                        error.in_doubt = False  # reading changes nothing
                        raise
                    _logger.warning(
                        "The suppression list cannot be read (%s); who is on it is left to the platform, and nobody who"
                        " was taken off the list comes back.",
                        error.message,
                    )
                    self._by_list[list_id] = None
            return self._by_list[list_id]

    def _read(self, list_id: str) -> AbstractSet[str]:
        path = f"/clients/{self._client_of(list_id)}/suppressionlist.json"
        return {email_key_of(each["EmailAddress"]) for each in pages(self._api, path)}

    def _client_of(self, list_id: str) -> str:
        for client in self._listed("/clients.json", "Listing clients"):
            path = f"/clients/{client['ClientID']}/lists.json"
            if any(each["ListID"] == list_id for each in self._listed(path, "Listing the lists of a client")):
                return str(client["ClientID"])
        raise CixError(LIST_UNKNOWN, f"No client of this account has list {list_id}.")

    def _listed(self, path: str, what: str) -> list[dict[str, Any]]:
        reply = self._api.call("GET", path)
        listed = reply.json()
        if not reply.ok or not isinstance(listed, list):
            raise error_of(reply, what)
        return listed
