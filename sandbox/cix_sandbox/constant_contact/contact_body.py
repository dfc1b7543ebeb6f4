"""Reading the body of a request that writes one contact, and what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from cix_sandbox.constant_contact.field_rules import FIELDS_PER_CONTACT, VALUE_LENGTH, Field, is_birthday, is_date
from cix_sandbox.constant_contact.import_rows import PHONES_PER_CONTACT, is_email
from cix_sandbox.constant_contact.memberships import LISTS_PER_CONTACT
from cix_sandbox.constant_contact.places import with_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SOURCES = ("Account", "Contact")
PERMISSIONS = ("explicit", "implicit", "not_set", "pending_confirmation", "temp_hold", "unsubscribed")
EMAIL_LENGTH = 80
SCALARS = (
    "first_name",
    "last_name",
    "job_title",
    "company_name",
    "birthday_month",
    "birthday_day",
    "anniversary",
)
_TEXT_LENGTH = 50
_PHONE_LENGTH = 25
_PHONE_KINDS = ("home", "work", "mobile", "other")
_ADDRESSES_PER_CONTACT = 3
_ADDRESS_KINDS = ("home", "work", "other")
_ADDRESS_PARTS = {"street": 255, "city": 50, "state": 50, "postal_code": 50, "country": 50}
_REASON_LENGTH = 255


class EmailPart(NamedTuple):
    """The e-mail of a contact, as a body gives it."""

    address: str
    permission: str | None
    opt_out_reason: str | None


class BodyReader:
    """Reads parts of a body and collects what is wrong with them in `problems`."""

    def __init__(self, body: dict[str, Any], fields: list[Field], lists: Mapping[str, int]) -> None:
        """Prepare for the custom fields and the lists of an account.

        Args:
            body: The body.
            fields: The account's custom fields.
            lists: The account's lists, identifier to number.
        """
        self._body = body
        self._fields = {field.id: field for field in fields}
        self._lists = lists
        self.problems: list[str] = []

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """Return a required text that is one of the choices."""
        value = self._body.get(name)
        if value is None:
            self.problems.append(f"{name} is missing")
        if value not in choices:
            self._invalid(name)
        return str(value)

    def scalars(self) -> dict[str, Any]:
        """Return names, birthday and the like; what is absent is None."""
        values = {name: self._body.get(name) for name in SCALARS}
        for name in SCALARS[:4]:
            if values[name] is not None and not _is_text(values[name], _TEXT_LENGTH):
                self._invalid(name)
        if values["anniversary"] is not None and not is_date(str(values["anniversary"])):
            self._invalid("anniversary")
        birthday = (values["birthday_month"], values["birthday_day"])
        if birthday != (None, None) and not is_birthday(*birthday):
            self._invalid("birthday_month")
        return values

    def email(self) -> EmailPart | None:
        """Return the e-mail object, if there is one."""
        part = self._body.get("email_address")
        if part is None:
            return None
        if not isinstance(part, dict):
            self._invalid("email_address")
            return None
        address, permission = part.get("address"), part.get("permission_to_send")
        reason = part.get("opt_out_reason")
        if address is None:
            self.problems.append("email_address[address] is missing")
        elif not isinstance(address, str) or not is_email(address.strip(), EMAIL_LENGTH):
            self._invalid("email_address[address]")
        if permission is not None and permission not in PERMISSIONS:
            self._invalid("email_address[permission_to_send]")
        if reason is not None and not _is_text(reason, _REASON_LENGTH):
            self._invalid("email_address[opt_out_reason]")
        return EmailPart(str(address).strip(), permission, reason)

    def plain_email(self) -> str:
        """Return the e-mail of a sign-up, which is a plain text."""
        address = self._body.get("email_address")
        if address is None:
            self.problems.append("email_address is missing")
        elif not isinstance(address, str) or not is_email(address.strip(), EMAIL_LENGTH):
            self._invalid("email_address")
        return str(address).strip()

    def lists(self, *, required: bool = False) -> list[int] | None:
        """Return the numbers of the lists; None when the body does not name any."""
        ids = self._body.get("list_memberships")
        if ids is None:
            if required:
                self.problems.append("list_memberships is missing")
            return None
        if (
            not isinstance(ids, list)
            or len(ids) > LISTS_PER_CONTACT
            or (required and not ids)
            or not all(isinstance(item, str) and item in self._lists for item in ids)
        ):
            self._invalid("list_memberships")
            return None
        return [self._lists[item] for item in dict.fromkeys(ids)]

    def custom(self) -> dict[str, str] | None:
        """Return values of custom fields by the field's number; None when the body has none."""
        items = self._items("custom_fields", FIELDS_PER_CONTACT)
        if items is None:
            return None
        values = {}
        for item in items:
            field, value = self._fields.get(item.get("custom_field_id", "")), item.get("value")
            text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
            if field is None:
                self._invalid("custom_fields[custom_field_id]")
            elif len(text) > VALUE_LENGTH or (text and not field.takes(text)):
                self._invalid("custom_fields[value]")
            else:
                values[str(field.seq)] = text
        return values

    def phones(self) -> dict[str, str] | None:
        """Return phone numbers by kind; None when the body has none."""
        items = self._items("phone_numbers", PHONES_PER_CONTACT)
        return None if items is None else self._by_kind(items, _PHONE_KINDS, "phone_numbers", self._phone)

    def addresses(self) -> dict[str, dict[str, str]] | None:
        """Return street addresses by kind; None when the body has none."""
        items = self._items("street_addresses", _ADDRESSES_PER_CONTACT)
        return None if items is None else self._by_kind(items, _ADDRESS_KINDS, "street_addresses", self._address)

    def single_phone(self) -> dict[str, str] | None:
        """Return the one phone number of a sign-up."""
        number = self._body.get("phone_number")
        return None if number is None else {"other": self._phone({"phone_number": number})}

    def single_address(self) -> dict[str, dict[str, str]] | None:
        """Return the one street address of a sign-up."""
        part = self._body.get("street_address")
        if part is None:
            return None
        if not isinstance(part, dict):
            self._invalid("street_address")
            return None
        return self._by_kind([part], _ADDRESS_KINDS, "street_address", self._address)

    def _items(self, name: str, most: int) -> list[dict[str, Any]] | None:
        items = self._body.get(name)
        if items is None:
            return None
        if not isinstance(items, list) or len(items) > most or not all(isinstance(item, dict) for item in items):
            self._invalid(name)
            return None
        return items

    def _by_kind(
        self,
        items: list[dict[str, Any]],
        kinds: tuple[str, ...],
        name: str,
        read: Callable[[dict[str, Any]], Any],
    ) -> dict[str, Any]:
        found = {}
        for item in items:
            kind = item.get("kind", kinds[0])
            if kind not in kinds:
                self._invalid(f"{name}[kind]")
            found[kind] = read(item)
        return found

    def _phone(self, item: dict[str, Any]) -> str:
        number = item.get("phone_number")
        if not _is_text(number, _PHONE_LENGTH):
            self._invalid("phone_number")
        return str(number)

    def _address(self, item: dict[str, Any]) -> dict[str, str]:
        parts = {name: item[name] for name in _ADDRESS_PARTS if item.get(name) is not None}
        for name, value in parts.items():
            if not _is_text(value, _ADDRESS_PARTS[name]):
                self._invalid(f"street_address[{name}]")
        return with_names(parts)

    def _invalid(self, name: str) -> None:
        self.problems.append(f"{name} does not have a valid value")


def stored(parts: dict[str, Any]) -> str:
    """Return parts of a contact as the store keeps them."""
    return json.dumps(parts, ensure_ascii=False)


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest
