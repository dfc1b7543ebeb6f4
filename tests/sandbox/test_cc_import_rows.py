"""Constant Contact: what the rows of an import may hold."""

from __future__ import annotations

from typing import Any

import pytest
from cc_application import Application, counts

# Rows that do not fit


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"email": "nonsense"}, "Invalid email address"),
        ({"email": "a@b"}, "Invalid email address"),
        ({"email": "a b@example.com"}, "Invalid email address"),
        ({"email": "a,b@example.com"}, "Invalid email address"),
        ({"email": "a@b@example.com"}, "Invalid email address"),
        ({"email": "<a@example.com>"}, "Invalid email address"),
        ({"email": "a@example..com"}, "Invalid email address"),
        ({"email": "@example.com"}, "Invalid email address"),
        ({"email": "x" * 39 + "@example.com"}, "Invalid email address"),
        ({}, "Missing email address and name"),
        ({"email": ""}, "Missing email address and name"),
        ({"email": None, "cf:city": "Berlin"}, "Missing email address and name"),
        ({"email": "a@example.com", "birthday_month": 2, "birthday_day": 30}, "Invalid birthday"),
        ({"email": "a@example.com", "birthday_month": 13, "birthday_day": 1}, "Invalid birthday"),
        ({"email": "a@example.com", "birthday_month": 5}, "Invalid birthday"),
        ({"email": "a@example.com", "birthday_month": "May", "birthday_day": 1}, "Invalid birthday"),
        ({"email": "a@example.com", "birthday_month": 10**30, "birthday_day": 1}, "Invalid birthday"),
        ({"email": "a@example.com", "anniversary": "31.01.2026"}, "Invalid anniversary"),
    ],
)
def test_a_row_that_could_be_corrected_is_counted_so(cc: Application, row: dict[str, Any], reason: str) -> None:
    activity = cc.import_rows({"email": "ok@example.com"}, row)
    assert counts(activity, rows=2, people=1, correctable=1)
    # Line 1 is the heading, line 2 the first row.
    assert activity["activity_errors"] == [f"Line 3: {reason}"]
    assert cc.emails() == ["ok@example.com"]


@pytest.mark.parametrize(
    "email",
    [
        "a@example.com",
        "first.last+tag@sub.example.org",
        "o'brien@example.com",
        "x" * 38 + "@example.com",
        "1@example.co.uk",
    ],
)
def test_an_email_that_fits_is_taken(cc: Application, email: str) -> None:
    assert counts(cc.import_rows({"email": email}), rows=1, people=1)


def test_the_longest_email_of_an_import_can_be_changed(cc: Application) -> None:
    email = "x" * 68 + "@example.com"
    assert counts(cc.import_rows({"email": email}), rows=1, people=0, correctable=1)
    cc.switch(import_email_length=80)
    assert counts(cc.import_rows({"email": email}), rows=1, people=1)


def test_a_birthday_and_an_anniversary_are_kept(cc: Application) -> None:
    cc.import_rows(
        {"email": "a@example.com", "birthday_month": 2, "birthday_day": "29", "anniversary": "2020-05-01"},
        {"email": "b@example.com", "birthday_month": "", "birthday_day": None},
    )
    contact = cc.contact("a@example.com")
    assert (contact["birthday_month"], contact["birthday_day"], contact["anniversary"]) == (2, 29, "2020-05-01")
    assert len(cc.members()) == 2


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ("line", ["Line 2: Invalid email address"]),
        ("object", [{"message": "Line 2: Invalid email address"}]),
        ("none", []),
    ],
)
def test_errors_take_the_form_of_the_switch(cc: Application, form: str, errors: list[Any]) -> None:
    cc.switch(activity_errors=form)
    assert cc.import_rows({"email": "nonsense"})["activity_errors"] == errors


def test_the_heading_can_be_left_out_of_the_total(cc: Application) -> None:
    cc.switch(import_counts_header=False)
    assert cc.import_rows({"email": "a@example.com"})["status"]["items_total_count"] == 1


# Values


def test_every_column_finds_its_place(cc: Application) -> None:
    cc.import_rows(
        {
            "email": "a@example.com",
            "job_title": "Head",
            "company_name": "Example",
            "work_phone": "1",
            "mobile_phone": "2",
            "street": "1 Main Street",
            "street2": "Flat 2",
            "zip": "10115",
            "state": "Berlin",
            "work_street": "2 Side Street",
            "other_country": "France",
        }
    )
    contact = cc.contact("a@example.com", include="phone_numbers,street_addresses,taggings,notes")
    assert (contact["job_title"], contact["company_name"]) == ("Head", "Example")
    assert {part["kind"]: part["phone_number"] for part in contact["phone_numbers"]} == {"work": "1", "mobile": "2"}
    addresses = {part["kind"]: part for part in contact["street_addresses"]}
    assert addresses["home"]["street"] == "1 Main Street Flat 2"
    assert (addresses["home"]["postal_code"], addresses["home"]["state"]) == ("10115", "Berlin")
    assert addresses["work"]["street"] == "2 Side Street"
    assert addresses["other"]["country"] == "France"
    assert (contact["taggings"], contact["notes"]) == ([], [])


def test_numbers_and_truth_values_become_text(cc: Application) -> None:
    cc.field("Vip", type="boolean")
    cc.import_rows({"email": "a@example.com", "cf:loyalty_points": 12, "cf:vip": True, "cf:city": 1.5})
    assert cc.members()[0]["fields"] == {"loyalty_points": "12", "vip": "true", "city": "1.5"}


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_blank_leaves_the_old_value(cc: Application, blank: str | None) -> None:
    cc.import_rows({"email": "a@example.com", "first_name": "Ann", "cf:city": "Berlin", "phone": "1"})
    cc.import_rows({"email": "a@example.com", "first_name": blank, "cf:city": blank, "phone": blank})
    assert cc.members()[0]["first_name"] == "Ann"
    assert cc.members()[0]["fields"] == {"city": "Berlin"}
    assert len(cc.contact("a@example.com", "phone_numbers")["phone_numbers"]) == 1


@pytest.mark.parametrize("blank", ["", None])
def test_a_blank_can_clear(cc: Application, blank: str | None) -> None:
    cc.switch(import_blank="clear")
    cc.import_rows({"email": "a@example.com", "first_name": "Ann", "cf:loyalty_points": "1", "phone": "1"})
    cc.import_rows({"email": "a@example.com", "first_name": blank, "cf:loyalty_points": blank, "phone": blank})
    contact = cc.contact("a@example.com", "custom_fields,phone_numbers")
    assert "first_name" not in contact
    assert (contact["custom_fields"], contact["phone_numbers"]) == ([], [])


def test_an_unknown_field_is_ignored_or_an_error(cc: Application) -> None:
    row = {"email": "a@example.com", "cf:nonsense": "1", "cf:city": "Berlin"}
    assert counts(cc.import_rows(row), rows=1, people=1)
    assert cc.members()[0]["fields"] == {"city": "Berlin"}
    cc.switch(import_unknown_field="row_error")
    activity = cc.import_rows(row)
    assert counts(activity, rows=1, people=0, errors=1)
    assert activity["activity_errors"] == ["Line 2: Unknown custom field nonsense"]


@pytest.mark.parametrize(
    ("column", "limit"),
    [("first_name", 50), ("company_name", 50), ("cf:city", 255)],
)
def test_a_long_value_is_cut_or_an_error(cc: Application, column: str, limit: int) -> None:
    row = {"email": "a@example.com", column: "x" * (limit + 1)}
    assert counts(cc.import_rows(row), rows=1, people=1)
    member = cc.members()[0]
    stored = member["fields"]["city"] if column == "cf:city" else cc.contact("a@example.com")[column]
    assert stored == "x" * limit
    cc.switch(import_long_value="row_error")
    assert counts(cc.import_rows(row), rows=1, people=0, errors=1)
    assert counts(cc.import_rows({**row, column: "x" * limit}), rows=1, people=1)


def test_a_row_has_room_for_25_fields(cc: Application) -> None:
    cc.seed(custom_fields=[{"label": f"f{number}"} for number in range(30)])
    row = {"email": "a@example.com", **{f"cf:f{number}": "x" for number in range(26)}}
    assert counts(cc.import_rows(row), rows=1, people=1)
    assert set(cc.members()[0]["fields"]) == {f"f{number}" for number in range(25)}
    cc.switch(import_many_fields="row_error")
    assert counts(cc.import_rows(row), rows=1, people=0, errors=1)


def test_a_contact_has_room_for_25_fields(cc: Application) -> None:
    cc.seed(custom_fields=[{"label": f"f{number}"} for number in range(30)])
    cc.import_rows({"email": "a@example.com", **{f"cf:f{number}": "x" for number in range(24)}})
    more = {"email": "a@example.com", "cf:f0": "new", "cf:f28": "x", "cf:f29": "x"}
    cc.import_rows(more)
    fields = cc.members()[0]["fields"]
    assert (len(fields), fields["f0"], fields["f28"]) == (25, "new", "x")
    cc.switch(import_many_fields="row_error")
    assert counts(cc.import_rows(more), rows=1, people=0, errors=1)
    assert counts(cc.import_rows({"email": "a@example.com", "cf:f28": "y"}), rows=1, people=1)


def test_three_phone_numbers_are_kept(cc: Application) -> None:
    row = {"email": "a@example.com", "phone": "1", "home_phone": "2", "work_phone": "3", "mobile_phone": "4"}
    cc.import_rows(row)
    assert len(cc.contact("a@example.com", "phone_numbers")["phone_numbers"]) == 3


@pytest.mark.parametrize(
    ("mode", "people", "errors", "fields"),
    [
        ("row_error", 0, 1, None),
        ("drop", 1, 0, {"city": "Berlin"}),
        ("store", 1, 0, {"city": "Berlin", "loyalty_points": "many"}),
    ],
)
def test_a_value_of_another_type_is_settled_by_a_switch(
    cc: Application, mode: str, people: int, errors: int, fields: dict[str, str] | None
) -> None:
    cc.switch(import_wrong_value=mode)
    activity = cc.import_rows({"email": "a@example.com", "cf:city": "Berlin", "cf:loyalty_points": "many"})
    assert counts(activity, rows=1, people=people, errors=errors)
    assert [member["fields"] for member in cc.members()] == ([] if fields is None else [fields])


def test_all_writing_systems_arrive_as_they_were_sent(cc: Application) -> None:
    names = ["Zoë", "美咲", "Дмитрий", "يوسف", "O'Brien", '"quoted"', "🙂"]
    cc.import_rows(*({"email": f"p{number}@example.com", "first_name": name} for number, name in enumerate(names)))
    assert [member["first_name"] for member in cc.members()] == names
