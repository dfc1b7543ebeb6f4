"""Values that have become empty: the import leaves what it is not given, so they are cleared one contact at a time.

What a changed contact holds is read from the platform, as the ledger keeps no values. Whoever holds a value in a mapped
field that is empty now is read once more and written whole, without it. That costs two requests for each of them, so
there is a bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_constant_contact.answers import error_of
from target_constant_contact.contacts import (
    address_of,
    is_deleted,
    is_unsubscribed,
    look_up,
    whole_contact,
)
from target_constant_contact.paging import pages
from target_constant_contact.vocabulary import STANDARD_FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from audience_sdk.contact import StagedRow
    from audience_sdk.http import Api

_FEW, _SINGLE_LOOK_UPS = 5, 100
"""So few people are looked up one by one at once, and so many of those whom the listing did not show."""

_INCLUDE = "custom_fields,phone_numbers,street_addresses,list_memberships"
_FAILED = {400, 404, 409}
_STOPPED = "Values that are empty now may be there still: the run was stopped."


class Clearing:
    """Clears values of changed contacts that have become empty.

    Args:
        api: The API.
        most: How many contacts are cleared at most in a run; 0 to look at nobody.
    """

    def __init__(self, api: Api, most: int) -> None:
        self._api = api
        self._most = self._left = most

    def clear(
        self,
        rows: Sequence[StagedRow],
        mapped: frozenset[str],
        field_ids: Mapping[str, str],
        *,
        list_id: str,
        since: datetime,
    ) -> list[str]:
        """Clear what has become empty.

        Args:
            rows: Rows that have landed.
            mapped: The keys that a row of this export can have.
            field_ids: The platform's id of each mapped custom field, by its key.
            list_id: A list that holds all of them.
            since: When the platform began to write them.

        Returns:
            A sentence for each value that stays though it is empty now.

        Raises:
            CixError: If the platform does not answer.
        """
        if not self._most:
            return []
        empty = {}
        for row in rows:
            missing = mapped - msgspec.json.decode(row.payload, type=dict[str, Any]).keys()
            if missing:
                empty[row.email_key] = missing
        warnings: list[str] = []
        for email_key, listed in self._people(list(empty), list_id, since, warnings):
            if self._api.stop.is_set():
                warnings += [_STOPPED] * len(empty)
                break
            missing = empty.pop(email_key)
            contact = listed
            if contact is None or (self._left > 0 and _emptied(contact, missing, field_ids)):
                # By now a listing may be minutes old, and what is written carries the permission to send too.
                contact = look_up(self._api, email_key, _INCLUDE)
            emptied = _emptied(contact, missing, field_ids)
            if contact is None or not emptied:
                continue
            if self._left <= 0:
                warnings += _each(emptied, "is empty now, the platform keeps the old value (`max_cleared`).")
                continue
            self._left -= 1
            warnings += self._write(contact, emptied, field_ids)
        return warnings

    def _people(
        self, email_keys: Collection[str], list_id: str, since: datetime, warnings: list[str]
    ) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """Yield people whose rows have empty fields: whom a listing shows that the import has touched, then others."""
        rest = set(email_keys)
        if len(rest) > _FEW:
            query = {
                "lists": list_id,
                "status": "all",
                "include": _INCLUDE,
                "updated_after": f"{since:%Y-%m-%dT%H:%M:%SZ}",
                "limit": 500,
            }
            for contact in pages(self._api, "/contacts", "contacts", query):
                if address_of(contact) in rest:
                    rest.discard(address_of(contact))
                    yield address_of(contact), contact
        if len(rest) > _SINGLE_LOOK_UPS:
            warnings += ["Values that are empty now may be there still: the person was not found."] * len(rest)
            return
        for email_key in sorted(rest):
            yield email_key, None

    def _write(self, contact: dict[str, Any], emptied: set[str], field_ids: Mapping[str, str]) -> list[str]:
        body = whole_contact(contact)
        for name in emptied:
            _remove(body, contact, name, field_ids.get(name, ""))
        reply = self._api.call("PUT", f"/contacts/{contact['contact_id']}", body=msgspec.json.encode(body))
        if reply.ok:
            return []
        if reply.status in _FAILED:
            return _each(emptied, f"is empty now, and could not be cleared (HTTP {reply.status}).")
        raise error_of(reply, "Clearing values of a contact")


def _each(names: Iterable[str], text: str) -> list[str]:
    return [f"`{name}`: {text}" for name in sorted(names)]


def _emptied(contact: dict[str, Any] | None, missing: Iterable[str], field_ids: Mapping[str, str]) -> set[str]:
    """Return the empty fields of a row in which the contact has a value; none of a contact that must not be written."""
    if contact is None or is_unsubscribed(contact) or is_deleted(contact):
        return set()
    return {name for name in missing if _holds(contact, name, field_ids.get(name, ""))}


def _holds(contact: Mapping[str, Any], name: str, field_id: str) -> bool:
    """Say whether a contact has a value in a field of the import's vocabulary."""
    if field_id:
        return any(
            each["custom_field_id"] == field_id and each.get("value") for each in _part(contact, "custom_fields")
        )
    place = STANDARD_FIELDS[name].place
    if place.part == "scalar":
        return bool(contact.get(place.name))
    if place.part == "phone":
        return any(each.get("kind") == place.kind for each in _part(contact, "phone_numbers"))
    if place.part == "address":
        # The second line is no value of its own: it is appended to the street.
        return any(
            each.get("kind") == place.kind and each.get(place.name) for each in _part(contact, "street_addresses")
        )
    return False


def _remove(body: dict[str, Any], contact: Mapping[str, Any], name: str, field_id: str) -> None:
    """Take a value out of a body; an array that is sent replaces the one that is there."""
    if field_id:
        values = body.setdefault("custom_fields", _copied(_part(contact, "custom_fields"), "custom_field_id", "value"))
        body["custom_fields"] = [each for each in values if each["custom_field_id"] != field_id]
        return
    place = STANDARD_FIELDS[name].place
    if place.part == "scalar":
        body.pop(place.name, None)
    elif place.part == "phone":
        numbers = body.setdefault("phone_numbers", _copied(_part(contact, "phone_numbers"), "phone_number", "kind"))
        body["phone_numbers"] = [each for each in numbers if each["kind"] != place.kind]
    else:
        parts = ("kind", "street", "city", "state", "postal_code", "country")
        addresses = body.setdefault("street_addresses", _copied(_part(contact, "street_addresses"), *parts))
        for each in addresses:
            if each["kind"] == place.kind:
                each.pop(place.name, None)
        body["street_addresses"] = [each for each in addresses if each.keys() != {"kind"}]


def _part(contact: Mapping[str, Any], name: str) -> Sequence[dict[str, Any]]:
    part: Sequence[dict[str, Any]] = contact.get(name) or ()
    return part


def _copied(items: Iterable[Mapping[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{name: item[name] for name in names if name in item} for item in items]
