"""Constant Contact's rows and request bodies: what stands here is what goes over the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from audience_sdk.contact import Action, Contact, StagedRow
from audience_sdk.destination import Batch, CustomField, Job
from audience_sdk.errors import CixError
from audience_sdk.http import Reply
from audience_sdk.mapping import FieldMapping
from target_constant_contact.destination import ConstantContact
from target_constant_contact.payload import STANDARD_FIELDS, row_encoder

FIELDS = (
    CustomField("City", "cf:city", "string"),
    CustomField("About", "cf:about", "text_area"),
    CustomField("Loyalty Points", "cf:loyalty_points", "number"),
    CustomField("Spent", "cf:spent", "currency"),
    CustomField("Vip", "cf:vip", "boolean"),
    CustomField("Last Purchase", "cf:last_purchase", "date"),
    CustomField("Size", "cf:size", "single_select", ("Small", "Large")),
    CustomField("Interests", "cf:interests", "multi_select", ("Sailing", "Cooking")),
)


def contact(custom: dict[str, str] | None = None, **fields: str) -> Contact:
    return Contact("c1", "Anna.Ærø@Example.com", "anna.ærø@example.com", fields, custom or {})


def mapping(*names: str, custom: tuple[str, ...] = ()) -> FieldMapping:
    setting = {"email": "EMail", **dict.fromkeys(names, "X"), "custom_fields": dict.fromkeys(custom, "X")}
    return FieldMapping.parse(setting, STANDARD_FIELDS)


def encoded(a_contact: Contact) -> tuple[dict[str, Any], list[str]]:
    a_mapping = mapping(*a_contact.fields, custom=tuple(a_contact.custom_fields))
    payload, warnings = row_encoder(FIELDS, a_mapping)(a_contact)
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
    assert json.loads(row_encoder(FIELDS, a_mapping)(contact()).payload) == {"email": "anna.ærø@example.com"}


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
        ("Last Purchase", "2026-13-01", None, "no date"),
        ("Size", "Huge", None, "not among"),
        ("Size", "small,large", "Small", ""),
        ("Interests", "Chess, Sailing", "Sailing", "not among"),
        ("Interests", "Chess", None, "not among"),
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


@pytest.mark.parametrize("name", ["Loyalty Points", "loyalty points", "cf:loyalty_points"])
def test_a_custom_field_is_found_by_its_label_and_by_its_key_and_sent_by_its_key(name: str) -> None:
    row, _ = encoded(contact({name: "7"}))
    assert row["cf:loyalty_points"] == "7"


def test_a_custom_field_that_the_account_does_not_have_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(CixError, match=r"`Sise`.*did you mean `Size`") as caught:
        row_encoder(FIELDS, mapping(custom=("Sise",)))
    assert caught.value.code.code == "CIX-104"


def test_more_custom_fields_than_a_contact_can_have_are_refused() -> None:
    names = tuple(f"Field {number}" for number in range(26))
    available = [CustomField(name, f"cf:field_{number}", "string") for number, name in enumerate(names)]
    with pytest.raises(CixError, match="26 fields; a contact has at most 25") as caught:
        row_encoder(available, mapping(custom=names))
    assert caught.value.code.code == "CIX-101"
    row_encoder(available, mapping(custom=names[:25]))


class Recorder:
    """An API that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes | None]] = []

    def call(self, method: str, path: str, *, body: bytes | None = None, **_: Any) -> Reply:
        self.sent.append((method, path, body))
        return Reply(201, {}, b'{"activity_id": "job-1"}')


def test_the_body_of_an_import_names_its_one_list_and_no_permission() -> None:
    encode = row_encoder(FIELDS, mapping("first_name", custom=("City",)))
    rows = [
        StagedRow("a@example.com", "a@example.com", "c1", "S", encode(contact(first_name="Ann")).payload),
        StagedRow("b@example.com", "b@example.com", "c2", "S", encode(contact({"City": "Ribe"})).payload),
    ]
    api = Recorder()
    assert ConstantContact(api, 60).send(Batch("L1", Action.CREATE, rows, 0.0)) == Job("job-1")
    [(method, path, body)] = api.sent
    assert (method, path) == ("POST", "/activities/contacts_json_import")
    assert json.loads(body) == {
        "import_data": [
            {"email": "anna.ærø@example.com", "first_name": "Ann"},
            {"email": "anna.ærø@example.com", "cf:city": "Ribe"},
        ],
        "list_ids": ["L1"],
    }
    assert len(body) == ConstantContact(api, 60).body_overhead("L1") + sum(len(row.payload) for row in rows) + 1
