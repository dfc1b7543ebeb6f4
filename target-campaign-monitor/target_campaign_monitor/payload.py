"""Campaign Monitor's rows: a contact as an element of `Subscribers`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from audience_sdk.destination import EncodedRow, find_custom_fields
from audience_sdk.errors import SETTING_INVALID, CixError

from target_campaign_monitor.customfields import fold_key
from target_campaign_monitor.values import fit_mobile, fitter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from audience_sdk.contact import Contact
    from audience_sdk.destination import CustomField
    from audience_sdk.mapping import FieldMapping

CONSENT_WORDS = {"yes": "Yes", "no": "No", "unchanged": "Unchanged"}
_CONSENT_VALUES = {"yes": "Yes", "true": "Yes", "1": "Yes", "no": "No", "false": "No", "0": "No"}


class _Element(msgspec.Struct, rename="pascal", gc=False):
    """A value of a custom field; what has no value here does not stand in the JSON."""

    key: str
    value: str
    clear: bool | msgspec.UnsetType = msgspec.UNSET


class _Subscriber(msgspec.Struct, rename="pascal", gc=False):
    """An element of `Subscribers`, its members in the order of the JSON: the hash of a contact is over these bytes."""

    email_address: str
    consent_to_track: str
    name: str | msgspec.UnsetType = msgspec.UNSET
    mobile_number: str | msgspec.UnsetType = msgspec.UNSET
    consent_to_send_sms: str | msgspec.UnsetType = msgspec.UNSET
    custom_fields: list[_Element] | msgspec.UnsetType = msgspec.UNSET


def row_encoder(
    available: Collection[CustomField], mapping: FieldMapping, consent: str | None, *, options_grow: bool = False
) -> Callable[[Contact], EncodedRow]:
    """Return the function from a contact to its row.

    Args:
        available: The list's custom fields.
        mapping: The field mapping.
        consent: `Yes`, `No` or `Unchanged` for everybody, or None to take it from the mapped column.
        options_grow: Whether fields of choices get the options that they lack.

    Raises:
        CixError: `FIELD_UNKNOWN` if the mapping names a custom field that the list does not have; `SETTING_INVALID` if
            it maps the consent to text messages without the number.
    """
    custom_fields = find_custom_fields(mapping.custom_fields, available, fold=fold_key)
    named = any(field in mapping.fields for field in ("name", "first_name", "last_name"))
    mobile, texted = "mobile_number" in mapping.fields, "consent_to_send_sms" in mapping.fields
    if texted and not mobile:
        message = (
            "Setting `field_mapping.consent_to_send_sms` needs `mobile_number`: it is recorded with a number only."
        )
        raise CixError(SETTING_INVALID, message)
    fitters = [(name, field.key, fitter(field, options_grow=options_grow)) for name, field in custom_fields.items()]
    to_json = msgspec.json.Encoder().encode

    def encode(contact: Contact) -> EncodedRow:
        warnings: list[str] = []
        row = _Subscriber(contact.email, consent or consent_of("consent_to_track", contact, warnings))
        if named:
            row.name = name_of(contact)
        if mobile:
            number = row.mobile_number = fit_mobile(contact.fields.get("mobile_number", ""), warnings)
            if texted and number:
                row.consent_to_send_sms = consent_of("consent_to_send_sms", contact, warnings)
        if fitters:
            elements = row.custom_fields = []
            texts = contact.custom_fields
            for name, key, fit in fitters:
                values = fit(texts[name], warnings) if name in texts else ()
                for value in values:
                    elements.append(_Element(key, value))  # noqa: PERF401 - mostly one, and a list costs more
                if not values:
                    # An empty value clears the field at the platform.
                    elements.append(_Element(key, "", clear=True))
        return EncodedRow(to_json(row), warnings)

    return encode


def values_of(payload: bytes) -> Iterator[tuple[str, str]]:
    """Yield the keys and values of the custom fields in a row.

    Args:
        payload: The row.
    """
    for element in msgspec.json.decode(payload).get("CustomFields", ()):
        yield element["Key"], element["Value"]


def name_of(contact: Contact) -> str:
    """Return the one name that Campaign Monitor holds: `name`, or first and last name joined.

    Args:
        contact: The contact.
    """
    fields = contact.fields
    return fields.get("name") or " ".join(filter(None, (fields.get("first_name"), fields.get("last_name"))))


def consent_of(field: str, contact: Contact, warnings: list[str]) -> str:
    """Return the consent that a column's value means.

    Anything but a clear yes counts as no: `Unchanged` would mean consent for an address that is new to the account.

    Args:
        field: The standard field: `consent_to_track` or `consent_to_send_sms`.
        contact: The contact.
        warnings: Gets a sentence if the value is neither yes nor no.
    """
    consent = _CONSENT_VALUES.get(contact.fields.get(field, "").casefold())
    if consent is None:
        warnings.append(f"`{field}`: the value is neither yes nor no, sent as no.")
    return consent or "No"
