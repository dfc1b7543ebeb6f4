"""Single contacts of Constant Contact: looked up by address, and unsubscribed."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.contact import Outcome, RowProblem, email_key_of
from audience_sdk.errors import ROW_UNCONFIRMED

from target_constant_contact.answers import error_of
from target_constant_contact.paging import pages

if TYPE_CHECKING:
    from audience_sdk.http import Api

_SCALARS = (
    *("first_name", "last_name", "job_title", "company_name"),
    *("birthday_month", "birthday_day", "anniversary"),
)
"""What a PUT sets to null when it is left out; arrays that are left out stay (vendor's API contract)."""


def address_of(contact: dict[str, Any]) -> str:
    """Return a contact's address in lower case; contacts for text messages alone have none.

    Args:
        contact: A contact of a listing.
    """
    return email_key_of(str((contact.get("email_address") or {}).get("address") or ""))


def is_unsubscribed(contact: dict[str, Any]) -> bool:
    """Say whether a contact must not be mailed.

    Args:
        contact: A contact of a listing.
    """
    return (contact.get("email_address") or {}).get("permission_to_send") == "unsubscribed"


def is_on(contact: dict[str, Any], list_id: str) -> bool:
    """Say whether a list mails a contact.

    A filter that the service does not know is ignored, so listings by list are checked with this too; and who has
    unsubscribed may still be on the list.

    Args:
        contact: A contact with its lists.
        list_id: The list.
    """
    return list_id in contact.get("list_memberships", ()) and not is_unsubscribed(contact)


def is_deleted(contact: dict[str, Any]) -> bool:
    """Say whether a contact was deleted; it can still be read, and a write brings it back.

    Args:
        contact: A contact of a listing.
    """
    return bool(contact.get("deleted_at"))


def look_up(api: Api, email_key: str, include: str = "list_memberships") -> dict[str, Any] | None:
    """Return the contact of an address, or None.

    Args:
        api: The API.
        email_key: The address in lower case.
        include: Which arrays of the contact to ask for, with commas between.
    """
    query = {"email": email_key, "status": "all", "include": include, "limit": 1}
    for contact in pages(api, "/contacts", "contacts", query):
        # A filter that the service does not know is ignored, so the address is compared here as well.
        if address_of(contact) == email_key:
            return contact
    return None


def by_id(api: Api, contact_id: str, include: str = "list_memberships") -> dict[str, Any] | None:
    """Return a contact, or None if there is none.

    Args:
        api: The API.
        contact_id: Its id.
        include: As for `look_up`.
    """
    reply = api.call("GET", f"/contacts/{contact_id}", params={"include": include})
    if reply.status == HTTPStatus.NOT_FOUND:
        return None
    contact = reply.json() if reply.ok else None
    if not isinstance(contact, dict):
        raise error_of(reply, "Reading a contact")
    return contact


def contact_of(api: Api, email_key: str, seen_id: str | None = None) -> dict[str, Any] | None:
    """Return the contact of an address, or None.

    Args:
        api: The API.
        email_key: The address in lower case.
        seen_id: The id of the contact that had the address once; it may have another one now.
    """
    contact = by_id(api, seen_id) if seen_id else None
    if contact is None or address_of(contact) != email_key:
        contact = look_up(api, email_key)
    return contact


def id_on_list(contact: dict[str, Any] | None, list_id: str) -> str | None:
    """Return the id of a contact if the list holds it.

    Args:
        contact: The contact, with its lists, if there is one.
        list_id: The list.
    """
    if contact is None or list_id not in contact.get("list_memberships", ()):
        return None
    return str(contact["contact_id"])


def whole_contact(contact: dict[str, Any]) -> dict[str, Any]:
    """Return the body that writes a contact as it is; arrays are left out, as what is left out of them stays.

    Args:
        contact: A contact with an address.
    """
    email = contact["email_address"]
    return {
        **{name: contact[name] for name in _SCALARS if name in contact},
        "email_address": {name: email[name] for name in ("address", "permission_to_send") if name in email},
        "update_source": "Account",
    }


def unsubscribe(api: Api, contact: dict[str, Any]) -> RowProblem | None:
    """Unsubscribe a person from everything, leaving all else about the contact as it is.

    Args:
        api: The API.
        contact: The person, as `look_up` has found them.

    Returns:
        Why the person is not unsubscribed, or None.

    Raises:
        CixError: If the run cannot go on.
    """
    body = whole_contact(contact)
    body["email_address"]["permission_to_send"] = "unsubscribed"
    reply = api.call("PUT", f"/contacts/{contact['contact_id']}", body=msgspec.json.encode(body))
    if reply.ok:
        return None
    error = error_of(reply, "Unsubscribing a person")
    if reply.status in {400, 404, 409}:
        return RowProblem(Outcome.REJECTED, ROW_UNCONFIRMED, error.message)
    raise error
