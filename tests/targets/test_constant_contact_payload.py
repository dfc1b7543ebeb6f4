"""Constant Contact's rows and request bodies: what stands here is what goes over the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from audience_sdk.contact import Action, Contact, StagedRow
from audience_sdk.destination import Batch, CustomField, Job, PlatformList
from audience_sdk.errors import CixError
from audience_sdk.http import Reply
from audience_sdk.mapping import FieldMapping
from target_constant_contact.destination import ConstantContact
from target_constant_contact.fields import Field
from target_constant_contact.payload import row_encoder
from target_constant_contact.vocabulary import STANDARD_FIELDS

FIELDS = (
    CustomField("City", "cf:city", "string"),
    CustomField("About", "cf:about", "text_area"),
    CustomField("Loyalty Points", "cf:loyalty_points", "number"),
    CustomField("Spent", "cf:spent", "currency"),
    CustomField("Vip", "cf:vip", "boolean"),
    CustomField("Last Purchase", "cf:last_purchase", "date"),
    CustomField("Size", "cf:size", "single_select", ("Small", "Large")),
    CustomField("Interests", "cf:interests", "multi_select", ("Sailing", "Cooking", "Arts, crafts")),
    CustomField("Seen", "cf:seen", "datetime"),
    Field("Debt", "cf:debt", "number", decimal_places=2),
    Field("Visits", "cf:visits", "number", integer=True, allow_negative=False),
)


LIST = PlatformList("L1", "Newsletter", FIELDS)


def contact(custom: dict[str, str] | None = None, **fields: str) -> Contact:
    return Contact("c1", "Anna.Ærø@Example.com", "anna.ærø@example.com", fields, custom or {})


def mapping(*names: str, custom: tuple[str, ...] = ()) -> FieldMapping:
    setting = {"email": "EMail", **dict.fromkeys(names, "X"), "custom_fields": dict.fromkeys(custom, "X")}
    return FieldMapping.parse(setting, STANDARD_FIELDS)


def encoded(a_contact: Contact) -> tuple[dict[str, Any], list[str]]:
    return payload_of(a_contact, explicit_sms=False)


def payload_of(a_contact: Contact, *, explicit_sms: bool) -> tuple[dict[str, Any], list[str]]:
    a_mapping = mapping(*a_contact.fields, custom=tuple(a_contact.custom_fields))
    encoded_row = row_encoder(LIST, a_mapping, explicit_sms=explicit_sms)(a_contact)
    payload, warnings = encoded_row.payload, encoded_row.warnings
    return json.loads(payload), list(warnings)


def test_a_row_of_every_kind_of_field() -> None:
    custom = {
        "City": "Århus",
        "About": "Likes “quotes”\nand lines",
        "Loyalty Points": "120",
        "Spent": "99.90",
        "Vip": "true",
        "Last Purchase": "2026-10-01T23:59:59Z",
        "Size": "large",
        "Interests": "cooking; Sailing",
    }
    fields = {
        "first_name": "恵美",
        "last_name": "Ærø",
        "job_title": "Captain",
        "company_name": "Bådværft A/S",
        "birthday_month": "2",
        "birthday_day": "29",
        "anniversary": "2001-06-30",
        "mobile_phone": "+45 55 55 01 00",
        "street": "Example Street 1",
        "city": "Ribe",
        "zip": "6760",
        "country": "Denmark",
        "work_city": "Esbjerg",
    }
    assert encoded(contact(custom, **fields)) == (
        {
            "email": "anna.ærø@example.com",
            "first_name": "恵美",
            "last_name": "Ærø",
            "job_title": "Captain",
            "company_name": "Bådværft A/S",
            "birthday_month": 2,
            "birthday_day": 29,
            "anniversary": "2001-06-30",
            "mobile_phone": "+45 55 55 01 00",
            "street": "Example Street 1",
            "city": "Ribe",
            "zip": "6760",
            "country": "Denmark",
            "work_city": "Esbjerg",
            "cf:city": "Århus",
            "cf:about": "Likes “quotes”\nand lines",
            "cf:loyalty_points": "120",
            "cf:spent": "99.90",
            "cf:vip": "true",
            "cf:last_purchase": "2026-10-01",
            "cf:size": "Large",
            "cf:interests": "Cooking,Sailing",
        },
        [],
    )


def test_an_empty_field_is_left_out_since_a_blank_clears_nothing_at_this_platform() -> None:
    a_mapping = mapping("first_name", custom=("City",))
    assert json.loads(row_encoder(LIST, a_mapping)(contact()).payload) == {"email": "anna.ærø@example.com"}


@pytest.mark.parametrize(
    ("field", "text", "value", "warned"),
    [
        ("first_name", "x" * 50, "x" * 50, ""),
        ("first_name", "恵" * 51, "恵" * 50, "cut to 50"),
        ("street", "x" * 255, "x" * 255, ""),
        ("home_street2", "x" * 256, "x" * 255, "cut to 255"),
        ("anniversary", "2026-02-29", None, "no date"),
        ("anniversary", "1850-01-31 10:00", "1850-01-31", ""),
    ],
)
def test_a_standard_value_is_fitted_to_its_field(field: str, text: str, value: object, warned: str) -> None:
    row, warnings = encoded(contact(**{field: text}))
    assert row.get(field) == value
    assert [warned in warning for warning in warnings] == ([True] if warned else [])


@pytest.mark.parametrize(
    ("field", "text", "value", "warned"),
    [
        ("City", "x" * 255, "x" * 255, ""),
        ("City", "恵" * 256, "恵" * 255, "cut to 255"),
        ("Loyalty Points", "-3.25", "-3.25", ""),
        ("Loyalty Points", "1,5", None, "no number"),
        ("Spent", "free", None, "no number"),
        ("Loyalty Points", "1e3", "1000", ""),
        ("Loyalty Points", "+.5", "0.5", ""),
        ("Loyalty Points", "NaN", None, "no number"),
        ("Loyalty Points", "1e999", None, "no number"),
        ("Loyalty Points", "1_000", None, "no number"),
        ("Loyalty Points", "1" * 18, None, "no number"),
        ("Loyalty Points", "9" * 17 + "." + "9" * 30, "1" + "0" * 17 + "." + "0" * 10, "rounded to 10"),
        ("Loyalty Points", "0." + "3" * 300, "0.3333333333", "rounded to 10"),
        ("Vip", "Yes", "true", ""),
        ("Vip", "0", "false", ""),
        ("Vip", "perhaps", None, "neither true nor false"),
        ("Seen", "2026-10-01T23:59:59.1234567+02:00", "2026-10-01T21:59:59Z", ""),
        ("Seen", "2026-10-01", "2026-10-01T00:00:00Z", ""),
        ("Seen", "soon", None, "no date and time"),
        ("Interests", "Arts, crafts", None, "comma"),
        ("Last Purchase", "2026-13-01", None, "no date"),
        ("Size", "Huge", None, "not among"),
        ("Size", "small,large", "Small", "the first of several"),
        ("Interests", "Chess, Sailing", "Sailing", "not among"),
        ("Interests", "Chess", None, "not among"),
        ("Debt", "-3.257", "-3.26", "rounded to 2"),
        ("Visits", "-3", None, "no negative"),
        ("Visits", "3.5", "4", "rounded to 0"),
    ],
)
def test_a_custom_value_is_fitted_to_its_field(field: str, text: str, value: object, warned: str) -> None:
    row, warnings = encoded(contact({field: text}))
    key = next(each.key for each in FIELDS if each.name == field)
    assert row.get(key) == value
    assert [warned in warning for warning in warnings] == ([True] if warned else [])
    assert all(text not in warning for warning in warnings)


@pytest.mark.parametrize(
    ("month", "day"),
    [("2", ""), ("", "29"), ("13", "1"), ("0", "1"), ("12", "32"), ("12", "0"), ("May", "1"), ("1.5", "1")],
)
def test_a_birthday_is_sent_only_with_both_its_month_and_its_day(month: str, day: str) -> None:
    given = {"birthday_month": month, "birthday_day": day}
    row, warnings = encoded(contact(**{name: text for name, text in given.items() if text}))
    assert row == {"email": "anna.ærø@example.com"}
    assert "month and day go together" in warnings[-1]


@pytest.mark.parametrize(("month", "day", "there_is"), [("2", "29", True), ("2", "30", False), ("4", "31", False)])
def test_a_birthday_is_a_day_that_its_month_has(month: str, day: str, there_is: bool) -> None:
    row, warnings = encoded(contact(birthday_month=month, birthday_day=day))
    assert ("birthday_day" in row, bool(warnings)) == (there_is, not there_is)


def test_at_most_three_phone_numbers_go_out_and_the_others_are_counted() -> None:
    numbers = {"home_phone": "1", "work_phone": "2", "mobile_phone": "3", "other_phone": "4"}
    row, warnings = encoded(contact(**numbers))
    assert set(row) == {"email", "home_phone", "work_phone", "mobile_phone"}
    assert warnings == ["`other_phone`: left out, a contact has at most 3 phone numbers."]


@pytest.mark.parametrize(("one", "other"), [("phone", "other_phone"), ("city", "home_city")])
def test_two_fields_that_are_one_to_the_platform_are_refused(one: str, other: str) -> None:
    with pytest.raises(CixError, match=f"`field_mapping.{one}` and `field_mapping.{other}`") as caught:
        row_encoder(LIST, mapping(one, other))
    assert caught.value.code.code == "CIX-101"


@pytest.mark.parametrize(
    ("number", "day", "explicit", "sent"),
    [
        ("+1 (555) 010-0199", "2026-01-31", True, {"sms_number": "5550100199", "sms_consent_date": "2026-01-31"}),
        ("555-010-0199", "", False, {"sms_number": "5550100199"}),
        ("555-010-0199", "", True, {}),
        ("+45 55 55 01 00", "2026-01-31", True, {}),
        ("", "2026-01-31", True, {}),
    ],
)
def test_a_number_for_text_messages_is_one_in_the_united_states_with_its_consent(
    number: str, day: str, explicit: bool, sent: dict[str, str]
) -> None:
    given = {name: text for name, text in {"sms_number": number, "sms_consent_date": day}.items() if text}
    row, _ = payload_of(contact(**given), explicit_sms=explicit)
    assert row == {"email": "anna.ærø@example.com", **sent}


def test_an_option_that_a_field_is_about_to_get_is_sent() -> None:
    growing = PlatformList("L1", "Newsletter", FIELDS, options_grow=True)
    a_contact = contact({"Interests": "chess; sailing", "Size": "Huge"})
    encoded_row = row_encoder(growing, mapping(custom=("Interests", "Size")))(a_contact)
    payload, warnings = encoded_row.payload, encoded_row.warnings
    row = json.loads(payload)
    assert (row["cf:interests"], row["cf:size"], warnings) == ("chess,Sailing", "Huge", [])


@pytest.mark.parametrize("name", ["Loyalty Points", "loyalty points", "cf:loyalty_points"])
def test_a_custom_field_is_found_by_its_label_and_by_its_key_and_sent_by_its_key(name: str) -> None:
    row, _ = encoded(contact({name: "7"}))
    assert row["cf:loyalty_points"] == "7"


def test_a_custom_field_that_the_account_does_not_have_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(CixError, match=r"`Sise`.*did you mean `Size`") as caught:
        row_encoder(LIST, mapping(custom=("Sise",)))
    assert caught.value.code.code == "CIX-104"


def test_more_custom_fields_than_a_contact_can_have_are_refused() -> None:
    names = tuple(f"Field {number}" for number in range(26))
    available = tuple(CustomField(name, f"cf:field_{number}", "string") for number, name in enumerate(names))
    with pytest.raises(CixError, match="26 fields; a contact has at most 25") as caught:
        row_encoder(PlatformList("L1", "Newsletter", available), mapping(custom=names))
    assert caught.value.code.code == "CIX-101"
    row_encoder(PlatformList("L1", "Newsletter", available), mapping(custom=names[:25]))


def test_of_more_options_than_a_value_can_hold_the_last_are_left_out_whole() -> None:
    options = tuple(f"Option number {number:02}" for number in range(20))
    field = CustomField("Interests", "cf:interests", "multi_select", options)
    encode = row_encoder(PlatformList("L1", "Newsletter", (field,)), mapping(custom=("Interests",)))
    encoded_row = encode(contact({"Interests": ";".join(options)}))
    payload, warnings = encoded_row.payload, encoded_row.warnings
    assert json.loads(payload)["cf:interests"] == ",".join(options[:15])
    assert len(warnings) == 1


class Recorder:
    """An API that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes | None]] = []

    def call(self, method: str, path: str, *, body: bytes | None = None, **_: Any) -> Reply:
        self.sent.append((method, path, body))
        return Reply(201, {}, b'{"activity_id": "job-1"}')


def test_the_body_of_an_import_names_its_one_list_and_no_permission() -> None:
    encode = row_encoder(LIST, mapping("first_name", custom=("City",)))
    rows = [
        StagedRow("a@example.com", "a@example.com", "c1", (0,), encode(contact(first_name="Ann")).payload),
        StagedRow("b@example.com", "b@example.com", "c2", (0,), encode(contact({"City": "Ribe"})).payload),
    ]
    api = Recorder()
    assert ConstantContact(api, 60).send(Batch("L1", Action.CREATE, rows, 0.0)) == Job("job-1")
    [(method, path, body)] = [each for each in api.sent if each[0] != "GET"]
    assert (method, path) == ("POST", "/activities/contacts_json_import")
    assert json.loads(body) == {
        "import_data": [
            {"email": "anna.ærø@example.com", "first_name": "Ann"},
            {"email": "anna.ærø@example.com", "cf:city": "Ribe"},
        ],
        "list_ids": ["L1"],
    }
    assert len(body) == ConstantContact(api, 60).body_overhead("L1") + sum(len(row.payload) for row in rows) + 1
