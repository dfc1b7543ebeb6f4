"""Single contacts of Constant Contact: looked up by address, and unsubscribed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.contact import Outcome, RowProblem, email_key_of
from audience_sdk.errors import ROW_UNCONFIRMED

from target_constant_contact.answers import error_of
from target_constant_contact.paging import pages

if TYPE_CHECKING:
    from audience_sdk.contact import StagedRow
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


def look_up(api: Api, email_key: str) -> dict[str, Any] | None:
    """Return the contact of an address, with its lists, or None.

    Args:
        api: The API.
        email_key: The address in lower case.
    """
    query = {"email": email_key, "status": "all", "include": "list_memberships", "limit": 1}
    for contact in pages(api, "/contacts", "contacts", query):
        # A filter that the service does not know is ignored, so the address is compared here as well.
        if address_of(contact) == email_key:
            return contact
    return None


def id_on_list(api: Api, email_key: str, list_id: str) -> str | None:
    """Return the id of the contact of an address if the list holds it.

    Args:
        api: The API.
        email_key: The address in lower case.
        list_id: The list.
    """
    contact = look_up(api, email_key)
    if contact is None or list_id not in contact.get("list_memberships", ()):
        return None
    return str(contact["contact_id"])


def unsubscribe(api: Api, row: StagedRow) -> RowProblem | None:
    """Unsubscribe a person from everything, leaving all else about the contact as it is.

    Args:
        api: The API.
        row: The person.

    Returns:
        Why the person is not unsubscribed, or None.

    Raises:
        CixError: If the run cannot go on.
    """
    contact = look_up(api, row.email_key)
    if contact is None or is_unsubscribed(contact):
        return None
    body = {
        **{name: contact[name] for name in _SCALARS if name in contact},
        "email_address": {"address": contact["email_address"]["address"], "permission_to_send": "unsubscribed"},
        "update_source": "Account",
    }
    reply = api.call("PUT", f"/contacts/{contact['contact_id']}", body=msgspec.json.encode(body))
    if reply.ok:
        return None
    error = error_of(reply, "Unsubscribing a person")
    if reply.status in {400, 404, 409}:
        return RowProblem(Outcome.FAILED, ROW_UNCONFIRMED, error.message)
    raise error
