"""Contacts that were deleted: a change must not bring them back, as any import does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from target_constant_contact.addresses import AddressSet
from target_constant_contact.answers import error_of
from target_constant_contact.contacts import address_of, is_deleted, look_up
from target_constant_contact.paging import pages

if TYPE_CHECKING:
    from collections.abc import Collection

    from audience_sdk.http import Api

_PAGE = 500
_NOT_WORTH_A_COUNT = 2


class DeletedContacts:
    """Says which of the people whose profiles have changed were deleted at the platform.

    They are looked up one by one, or, as soon as that takes more requests, read in one listing for the whole run.

    Args:
        api: The API.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._all: AddressSet | None = None

    def among(self, email_keys: Collection[str]) -> set[str]:
        """Return those of some people who were deleted.

        Args:
            email_keys: Addresses in lower case.

        Raises:
            CixError: If the platform does not answer.
        """
        with self._lock:
            if self._all is None:
                if len(email_keys) <= _NOT_WORTH_A_COUNT or len(email_keys) < self._pages():
                    return {email_key for email_key in email_keys if self._is_deleted(email_key)}
                listing = pages(self._api, "/contacts", "contacts", {"status": "deleted", "limit": _PAGE})
                # A filter that the service does not know is ignored, so it is compared here as well.
                self._all = AddressSet(map(address_of, filter(is_deleted, listing)))
            return {email_key for email_key in email_keys if email_key in self._all}

    def _pages(self) -> int:
        """Return how many requests the listing takes."""
        query = {"status": "deleted", "limit": 1, "include_count": "true"}
        reply = self._api.call("GET", "/contacts", params=query)
        if not reply.ok:
            raise error_of(reply, "Counting deleted contacts")
        return -(-int(reply.json().get("contacts_count") or 0) // _PAGE)

    def _is_deleted(self, email_key: str) -> bool:
        contact = look_up(self._api, email_key)
        return contact is not None and is_deleted(contact)
