"""Reading one row of an import: which values it brings, or why it cannot be taken."""

from __future__ import annotations

import functools
import re
import sys
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from cix_sandbox.constant_contact.field_rules import FIELDS_PER_CONTACT, VALUE_LENGTH, Field, is_birthday, is_date

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

Scalar = str | int | float | bool | None
Row = dict[str, Scalar]

PHONES_PER_CONTACT = 3
# One @, a full domain, and none of the characters that the service's support names as refused.
_MAILBOX = re.compile(r"[^\s@,;:()<>\[\]\\\"]+")
_DOMAIN = re.compile(r"(?:[^\s@,;:()<>\[\]\\\".]+\.)+[^\W\d_]{2,}")

# Where a column of an import goes: a column of the store, or a key of one that holds JSON.
# E-mail and birthday are never shortened: that would make the e-mail another's and the birthday another day.
_TEXTS = {"email": sys.maxsize, **dict.fromkeys(("first_name", "last_name", "job_title", "company_name"), 50)}
_BIRTHDAY = ("birthday_month", "birthday_day")
_CHECKED_TEXTS = {
    "anniversary": 50,
    "sms_number": 16,
    "sms_consent_date": 16,
    **dict.fromkeys(_BIRTHDAY, sys.maxsize),
}
_PHONES = {
    "phone": "other",
    "other_phone": "other",
    "home_phone": "home",
    "work_phone": "work",
    "mobile_phone": "mobile",
}
_PHONE_LENGTH = 50
_ADDRESS_PREFIXES = {"": "home", "home_": "home", "work_": "work", "other_": "other"}
_ADDRESS_PARTS = {"street": 255, "street2": 50, "city": 50, "state": 50, "country": 50}
_POSTAL_CODE_LENGTH = 50


class ImportRules(msgspec.Struct, frozen=True):
    """How an import treats what the documentation leaves open; see the switches of these names."""

    blank: Literal["ignore", "clear"]
    unknown_field: Literal["ignore", "row_error"]
    long_value: Literal["truncate", "row_error"]
    many_fields: Literal["truncate", "row_error"]
    wrong_value: Literal["row_error", "drop", "store"]
    email_length: int
    duplicates: Literal["last_wins", "first_wins", "row_error"]
    deleted: Literal["revive", "skip"]
    email_match: Literal["insensitive", "sensitive"]
    sms_permission: Literal["explicit", "not_set"]


class RowFault(Exception):  # noqa: N818  (an outcome of a row, not a fault of the program)
    """A row that is not imported.

    Attributes:
        reason: Why, as activity_errors says it.
        correctable: Whether a person could repair it in the service's own pages.
    """

    def __init__(self, reason: str, *, correctable: bool = False) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason
        self.correctable = correctable


class ImportedPerson(msgspec.Struct, gc=False):
    """What one row says about one person; None where it says nothing.

    Attributes:
        key: What the e-mail is matched by.
        texts: Values of columns of the store, by column.
        phones: Phone numbers by kind.
        addresses: Parts of street addresses by kind.
        custom: Values of custom fields by the field's number, as text.
    """

    key: str | None
    texts: dict[str, str | int]
    phones: dict[str, str] | None
    addresses: dict[str, dict[str, str]] | None
    custom: dict[str, str] | None

    def followed_by(self, later: ImportedPerson) -> ImportedPerson:
        """Return what both rows say, the later one prevailing."""
        addresses = {**(self.addresses or {})}
        for kind, parts in (later.addresses or {}).items():
            addresses[kind] = {**addresses.get(kind, {}), **parts}
        return ImportedPerson(
            self.key,
            {**self.texts, **later.texts},
            {**(self.phones or {}), **(later.phones or {})},
            addresses,
            {**(self.custom or {}), **(later.custom or {})},
        )


def email_key(email: str, match: str) -> str:
    """Return what an e-mail is matched by."""
    return email if match == "sensitive" else email.lower()


def is_email(text: str, longest: int) -> bool:
    """Say whether a text is an e-mail address that the service takes."""
    mailbox, _, domain = text.partition("@")
    return len(text) <= longest and _is_domain(domain) and _is_mailbox(mailbox)


def _is_mailbox(text: str) -> bool:
    # Letters and digits with dots are told faster than by the pattern.
    return text.replace(".", "").isalnum() or _MAILBOX.fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def _is_domain(text: str) -> bool:
    return _DOMAIN.fullmatch(text) is not None


class _Place(NamedTuple):
    """Where the value of a column goes.

    Attributes:
        group: `text`, `checked` (a text that is judged together with others), `phone`, `custom`, or the kind of an
            address.
        key: Column of the store, or key within the group.
        limit: Longest value, in characters.
        takes: What says whether a value fits; None if every value does.
    """

    group: str
    key: str
    limit: int
    takes: Callable[[str], bool] | None = None


def _fixed_places() -> dict[str, _Place]:
    places = {name: _Place("text", name, limit) for name, limit in _TEXTS.items()}
    places |= {name: _Place("checked", name, limit) for name, limit in _CHECKED_TEXTS.items()}
    places |= {name: _Place("phone", kind, _PHONE_LENGTH) for name, kind in _PHONES.items()}
    places |= {
        prefix + part: _Place(kind, part, limit)
        for prefix, kind in _ADDRESS_PREFIXES.items()
        for part, limit in _ADDRESS_PARTS.items()
    }
    places |= {
        f"{prefix}zip": _Place(kind, "postal_code", _POSTAL_CODE_LENGTH) for prefix, kind in _ADDRESS_PREFIXES.items()
    }
    return places


class RowReader:
    """Reads the rows of one import."""

    def __init__(self, fields: Collection[Field], rules: ImportRules) -> None:
        """Prepare for the custom fields of an account."""
        self._rules = rules
        self._keeps_blank = rules.blank == "clear"
        self._ignores_case = rules.email_match == "insensitive"
        self._email_length = rules.email_length
        self._places = _fixed_places()
        self._labels = {str(field.seq): field.label for field in fields}
        for field in fields:
            takes = None if rules.wrong_value == "store" else field.check()
            self._places[f"cf:{field.name}"] = _Place("custom", str(field.seq), VALUE_LENGTH, takes)

    def read(self, row: Row) -> ImportedPerson:
        """Return what a row says.

        Raises:
            RowFault: The row cannot be imported.
        """
        texts: dict[str, str | int] = {}
        custom: dict[str, str] = {}
        rest: dict[str, dict[str, str]] = {}
        places = self._places
        for column, value in row.items():
            place = places.get(column)
            if place is None:
                self._check_unknown(column)
                continue
            group, key, limit, takes = place
            text = value if isinstance(value, str) else _as_text(value)
            if not text or text.isspace():
                if not self._keeps_blank:
                    continue
                text = ""
            elif len(text) > limit:
                text = self._shorten(column, text, limit)
            if takes is None or not text or takes(text):
                into = texts if group == "text" else custom if group == "custom" else rest.setdefault(group, {})
                into[key] = text
            elif self._rules.wrong_value == "row_error":
                raise RowFault(f"Invalid value for {self._labels[key]}")
        checked = rest.pop("checked", None)
        if checked:
            texts |= checked
        email = self._check_identity(texts)
        if checked:
            _check_dates(texts)
            self._check_sms(texts)
        phones = rest.pop("phone", None)
        return ImportedPerson(
            email,
            texts,
            self._limit(phones, PHONES_PER_CONTACT, "phone numbers") if phones else None,
            _join_streets(rest) if rest else None,
            self._limit(custom, FIELDS_PER_CONTACT, "custom fields") if custom else None,
        )

    def _check_unknown(self, column: str) -> None:
        if column.startswith("cf:") and self._rules.unknown_field == "row_error":
            raise RowFault(f"Unknown custom field {column[3:]}")

    def _shorten(self, column: str, text: str, limit: int) -> str:
        if self._rules.long_value == "row_error":
            raise RowFault(f"{column} is longer than {limit} characters")
        return text[:limit]

    def _check_identity(self, texts: dict[str, str | int]) -> str | None:
        """Return the key of the row's e-mail; None for a person who has none but a number or name."""
        email = texts.get("email")
        if email:
            texts["email"] = email = str(email).strip()
            if not is_email(email, self._email_length):
                raise RowFault("Invalid email address", correctable=True)
            return email.lower() if self._ignores_case else email
        texts.pop("email", None)
        if not (texts.get("sms_number") or texts.get("first_name") or texts.get("last_name")):
            raise RowFault("Missing email address and name", correctable=True)
        return None

    def _check_sms(self, texts: dict[str, str | int]) -> None:
        consent = texts.pop("sms_consent_date", None)
        if self._rules.sms_permission == "explicit" and texts.get("sms_number") and not consent:
            raise RowFault("Missing SMS consent date")

    def _limit(self, values: dict[str, str], most: int, what: str) -> dict[str, str]:
        if len(values) <= most:
            return values
        if self._rules.many_fields == "row_error":
            raise RowFault(f"More than {most} {what}")
        return dict(list(values.items())[:most])


def _as_text(value: float | bool | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _join_streets(addresses: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Append the second line of each street to the first, as the service does."""
    for address in addresses.values():
        second = address.pop("street2", "")
        if second:
            address["street"] = f"{address.get('street', '')} {second}".strip()
    return addresses


def _check_dates(texts: dict[str, str | int]) -> None:
    anniversary = texts.get("anniversary")
    if anniversary and not is_date(str(anniversary)):
        raise RowFault("Invalid anniversary", correctable=True)
    if "birthday_month" in texts or "birthday_day" in texts:
        month, day = (str(texts.get(name) or "") for name in _BIRTHDAY)
        if not month and not day:
            return
        if not is_birthday(month, day):
            raise RowFault("Invalid birthday", correctable=True)
        texts["birthday_month"], texts["birthday_day"] = int(month), int(day)
