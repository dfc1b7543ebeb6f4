"""Reading people back: what was sent against what the platform tells. Pure, but for the one call."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.contact import email_key_of

from target_campaign_monitor.answers import code_of, error_of
from target_campaign_monitor.codes import NOT_ON_LIST
from target_campaign_monitor.customfields import fold_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from audience_sdk.contact import StagedRow
    from audience_sdk.http import Api

_STANDARD = ("Name", "MobileNumber")
_ON_LIST = {"active", "unconfirmed"}


def differences_of(api: Api, list_id: str, rows: Sequence[StagedRow]) -> Iterator[str]:
    """Read people back and yield a sentence for each difference to what was sent.

    Args:
        api: The API.
        list_id: The list.
        rows: Confirmed rows.

    Raises:
        CixError: If the platform refuses to tell.
    """
    for row in rows:
        query = {"email": row.email, "includetrackingpreference": "true"}
        reply = api.call("GET", f"/subscribers/{list_id}.json", params=query)
        if code_of(reply) == NOT_ON_LIST:
            yield "the list does not hold the person."
            continue
        person = reply.json()
        if not reply.ok or not isinstance(person, dict):
            raise error_of(reply, "Reading a person back")
        yield from differences(msgspec.json.decode(row.payload), person)


def differences(sent: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each difference, naming the field and no value.

    Args:
        sent: The row of the import.
        told: The person as the platform tells it; keys of custom fields may come with or without brackets, or as names.
    """
    if email_key_of(str(told.get("EmailAddress", ""))) != email_key_of(sent["EmailAddress"]):
        yield "another person was told."
        return
    if str(told.get("State", "")).casefold() not in _ON_LIST:
        yield "the person is not active on the list."
    for name in _STANDARD:
        if name in sent:
            yield from _difference(name, {sent[name]} - {""}, {told.get(name) or ""} - {""})
    if sent["ConsentToTrack"] != "Unchanged" and told.get("ConsentToTrack"):
        yield from _difference("ConsentToTrack", {sent["ConsentToTrack"]}, {told["ConsentToTrack"]})
    held = _by_key(told.get("CustomFields") or ())
    names = {fold_key(each["Key"]): each["Key"] for each in sent.get("CustomFields", ())}
    for key, values in _by_key(sent.get("CustomFields", ())).items():
        yield from _difference(names[key], values, held.get(key, set()))


def _by_key(elements: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the values of custom fields by folded key; a field that is empty has none."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    for each in elements:
        values[fold_key(str(each["Key"]))] |= {str(each.get("Value") or "")} - {""}
    return values


def _difference(name: str, sent: set[str], told: set[str]) -> Iterator[str]:
    if {_alike(value) for value in sent} == {_alike(value) for value in told}:
        return
    if not told:
        yield f"`{name}`: the value was not kept."
    elif not sent:
        yield f"`{name}`: the value was not cleared."
    else:
        yield f"`{name}`: another value is held."


def _alike(text: str) -> str | Decimal:
    """Return what two writings of one value have in common: blanks around it, case, slashes in dates, zeros."""
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return text.strip().casefold().replace("/", "-")
