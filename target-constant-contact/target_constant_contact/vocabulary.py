"""The vocabulary of Constant Contact's import: its fields, their bounds, and where a contact holds them. Data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from audience_sdk.errors import SETTING_INVALID, CixError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MAX_PHONES = 3
"""Phone numbers of one contact (vendor's API contract); of street addresses there are as many as kinds."""


class Place(NamedTuple):
    """Where a contact holds a value.

    Attributes:
        part: `scalar`, `phone`, `address` or `sms`.
        kind: Kind of the phone number or of the address.
        name: Property of the contact or of the address.
    """

    part: str
    kind: str
    name: str


@dataclass(frozen=True)
class StandardField:
    """A property of an import row.

    Attributes:
        description: What it holds, for the settings table.
        place: Where the contact holds it.
        max_length: Most characters of a text.
        kind: `text`, `date`, `integer`, or `sms`, a number in the United States.
        bounds: Smallest and largest integer.
    """

    description: str
    place: Place
    max_length: int = 50
    kind: str = "text"
    bounds: tuple[int, int] = (0, 0)


def _scalar(
    name: str, description: str, kind: str = "text", bounds: tuple[int, int] = (0, 0)
) -> dict[str, StandardField]:
    return {name: StandardField(description, Place("scalar", "", name), kind=kind, bounds=bounds)}


def _phone(name: str, kind: str, description: str) -> dict[str, StandardField]:
    return {name: StandardField(description, Place("phone", kind, "phone_number"))}


def _address(prefix: str, kind: str, called: str) -> dict[str, StandardField]:
    lengths = {"street": 255, "street2": 255}
    parts = {
        "street": ("street", "Street"),
        "street2": ("street2", "Second line"),
        "city": ("city", "City"),
        "state": ("state", "State"),
        "zip": ("postal_code", "Postal code"),
        "country": ("country", "Country"),
    }
    return {
        prefix + name: StandardField(
            f"{text} of the {called} address.", Place("address", kind, part), lengths.get(name, 50)
        )
        for name, (part, text) in parts.items()
    }


STANDARD_FIELDS: Mapping[str, StandardField] = {
    **_scalar("first_name", "Column of the first name."),
    **_scalar("last_name", "Column of the last name."),
    **_scalar("job_title", "Job title."),
    **_scalar("company_name", "Company."),
    **_scalar("birthday_month", "Month of birth; only with `birthday_day`.", "integer", (1, 12)),
    **_scalar("birthday_day", "Day of birth; only with `birthday_month`.", "integer", (1, 31)),
    **_scalar("anniversary", "Anniversary.", "date"),
    **_phone("phone", "other", "Phone number, of no stated kind; the same as `other_phone`."),
    **_phone("home_phone", "home", "Phone number at home."),
    **_phone("work_phone", "work", "Phone number at work."),
    **_phone("mobile_phone", "mobile", "Mobile number."),
    **_phone("other_phone", "other", "Another phone number."),
    **_address("", "home", "main"),
    **_address("home_", "home", "home"),
    **_address("work_", "work", "work"),
    **_address("other_", "other", "other"),
    "sms_number": StandardField(
        "Number for text messages, in the United States; see `sms_permission_to_send`.",
        Place("sms", "", "sms_number"),
        kind="sms",
    ),
    "sms_consent_date": StandardField(
        "Day of the consent to text messages.", Place("sms", "", "sms_consent_date"), kind="date"
    ),
}
"""The import's properties and their bounds (vendor's API contract, schema of `contacts_json_import`)."""


def check_places(names: Collection[str]) -> None:
    """Check that no two mapped fields are one and the same to the platform.

    Args:
        names: The standard fields that the field mapping names.

    Raises:
        CixError: `SETTING_INVALID`, naming the two.
    """
    taken: dict[Place, str] = {}
    for name in names:
        other = taken.setdefault(STANDARD_FIELDS[name].place, name)
        if other != name:
            message = f"Settings `field_mapping.{other}` and `field_mapping.{name}` are one field at Constant Contact."
            raise CixError(
                SETTING_INVALID, message, "Map one of them; `phone` is `other_phone`, `city` is `home_city`."
            )
