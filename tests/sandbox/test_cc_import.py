"""Constant Contact: imports, what becomes of their rows, and what is counted."""

from __future__ import annotations

from typing import Any

import pytest
from cc_application import LIST, OTHER, OTHER_LIST, UNKNOWN_ID, Application, invalid, problem

_HEADER = 1


def counts(
    activity: dict[str, Any], *, rows: int, people: int, errors: int = 0, correctable: int = 0, barred: int = 0
) -> bool:
    """Say whether an import counted exactly this."""
    assert activity["status"] == {
        "items_total_count": rows + _HEADER,
        "person_count": people,
        "error_count": errors,
        "correctable_count": correctable,
        "cannot_add_to_list_count": barred,
    }
    return True


# The request


def test_an_import_is_answered_201_with_a_young_activity(cc: Application) -> None:
    answer = cc.post_import({"email": "a@example.com"})
    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == {
        "activity_id",
        "state",
        "created_at",
        "updated_at",
        "percent_done",
        "activity_errors",
        "status",
        "_links",
    }
    assert (body["state"], body["percent_done"], body["activity_errors"]) == ("initialized", 1, [])
    assert body["status"] == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"list_ids": [LIST]}, "import_data is missing"),
        ({"import_data": [{"email": "a@example.com"}]}, "list_ids is missing"),
        ({"import_data": [], "list_ids": [LIST]}, "import_data does not have a valid value"),
        ({"import_data": [{"email": "a@example.com"}], "list_ids": []}, "list_ids does not have a valid value"),
        ({"import_data": [{"email": "a@example.com"}], "list_ids": ["x"]}, "list_ids does not have a valid value"),
    ],
)
def test_what_is_wrong_with_an_import_is_named(cc: Application, body: dict[str, Any], message: str) -> None:
    assert invalid(cc.post("/activities/contacts_json_import", body)) == message


@pytest.mark.parametrize(
    "body",
    [
        {"import_data": {"email": "a@example.com"}, "list_ids": [LIST]},
        {"import_data": ["a@example.com"], "list_ids": [LIST]},
        {"import_data": [{"email": ["a@example.com"]}], "list_ids": [LIST]},
        {"import_data": [{"email": "a@example.com"}], "list_ids": LIST},
        {"import_data": [{"email": "a@example.com"}], "list_ids": [LIST], "sms_permission_to_send": "yes"},
    ],
)
def test_a_body_of_another_shape_is_refused(cc: Application, body: dict[str, Any]) -> None:
    invalid(cc.post("/activities/contacts_json_import", body))
    assert cc.get("/activities").json()["activities"] == []


def test_an_import_names_one_to_fifty_lists(cc: Application) -> None:
    lists = [{"list_id": f"{number:08x}-0000-11f1-8000-00000000000a", "name": f"L{number}"} for number in range(51)]
    cc.seed(lists=lists)
    ids = tuple(item["list_id"] for item in lists)
    assert invalid(cc.post_import({"email": "a@example.com"}, lists=ids)) == "list_ids does not have a valid value"
    cc.import_rows({"email": "a@example.com"}, lists=ids[:50])
    assert sorted(cc.contact("a@example.com", "list_memberships")["list_memberships"]) == sorted(ids[:50])


@pytest.mark.parametrize("list_id", [UNKNOWN_ID, OTHER_LIST])
def test_unknown_and_foreign_lists_are_refused_with_400(cc: Application, list_id: str) -> None:
    assert list_id in invalid(cc.post_import({"email": "a@example.com"}, lists=(LIST, list_id)))
    assert cc.members() == []


def test_what_version_2_knew_is_ignored(cc: Application) -> None:
    cc.import_rows({"email": "a@example.com", "contact_id": "1", "tags": "x"}, column_names=["EMAIL"])
    assert cc.emails() == ["a@example.com"]


# People


def test_a_new_person_is_implicit_and_came_through_the_account(cc: Application) -> None:
    assert counts(cc.import_rows({"email": "a@example.com", "first_name": "Ann"}), rows=1, people=1)
    contact = cc.contact("a@example.com", include="list_memberships")
    assert contact["email_address"]["permission_to_send"] == "implicit"
    assert contact["email_address"]["opt_in_source"] == "Account"
    assert (contact["create_source"], contact["update_source"]) == ("Account", "Account")
    assert contact["first_name"] == "Ann"
    assert contact["list_memberships"] == [LIST]
    assert "last_name" not in contact


def test_only_what_a_row_names_changes(cc: Application) -> None:
    cc.import_rows(
        {
            "email": "a@example.com",
            "first_name": "Ann",
            "last_name": "Bo",
            "cf:city": "Berlin",
            "cf:loyalty_points": "1",
            "phone": "1",
            "home_phone": "2",
            "city": "Bonn",
            "country": "Germany",
        }
    )
    before = cc.contact("a@example.com")
    cc.sandbox.advance(10)
    cc.import_rows(
        {
            "email": "a@example.com",
            "last_name": "Cox",
            "cf:loyalty_points": "2",
            "home_phone": "3",
            "city": "Köln",
        }
    )
    contact = cc.contact("a@example.com", include="custom_fields,phone_numbers,street_addresses")
    assert contact["contact_id"] == before["contact_id"]
    assert contact["created_at"] == before["created_at"]
    assert contact["updated_at"] > before["updated_at"]
    assert (contact["first_name"], contact["last_name"]) == ("Ann", "Cox")
    assert cc.members()[0]["fields"] == {"city": "Berlin", "loyalty_points": "2"}
    assert {part["kind"]: part["phone_number"] for part in contact["phone_numbers"]} == {"other": "1", "home": "3"}
    assert [(part["city"], part["country"]) for part in contact["street_addresses"]] == [("Köln", "Germany")]


def test_an_import_adds_to_lists_and_never_takes_off(cc: Application) -> None:
    second = cc.new_list("Second")
    cc.import_rows({"email": "a@example.com"})
    cc.import_rows({"email": "a@example.com"}, lists=(second,))
    assert cc.contact("a@example.com", "list_memberships")["list_memberships"] == [LIST, second]


def test_importing_again_changes_nothing(cc: Application) -> None:
    row = {"email": "a@example.com", "first_name": "Ann", "cf:city": "Berlin"}
    for _ in range(3):
        assert counts(cc.import_rows(row), rows=1, people=1)
    assert [member["fields"] for member in cc.members()] == [{"city": "Berlin"}]


def test_an_unsubscribed_person_is_updated_but_not_put_on_the_list(cc: Application) -> None:
    cc.seed({"email": "a@example.com", "permission": "unsubscribed"})
    activity = cc.import_rows({"email": "a@example.com", "first_name": "Ann"}, {"email": "b@example.com"})
    assert counts(activity, rows=2, people=2, barred=1)
    assert activity["activity_errors"] == []
    contact = cc.contact("a@example.com")
    assert contact["first_name"] == "Ann"
    assert contact["email_address"]["permission_to_send"] == "unsubscribed"
    assert cc.emails() == ["b@example.com"]


@pytest.mark.parametrize("permission", ["explicit", "temp_hold", "not_set", "pending_confirmation"])
def test_any_other_permission_stays_and_goes_on_the_list(cc: Application, permission: str) -> None:
    cc.seed({"email": "a@example.com", "permission": permission})
    assert counts(cc.import_rows({"email": "a@example.com"}), rows=1, people=1)
    assert [(member["email"], member["state"]) for member in cc.members()] == [("a@example.com", permission)]


def test_a_person_who_left_the_list_is_put_back_on_it(cc: Application) -> None:
    cc.seed({"email": "a@example.com", "lists": []})
    cc.import_rows({"email": "a@example.com"})
    assert cc.emails() == ["a@example.com"]


def test_a_deleted_person_is_revived(cc: Application) -> None:
    cc.seed({"email": "a@example.com", "deleted": True})
    assert counts(cc.import_rows({"email": "a@example.com"}), rows=1, people=1)
    assert cc.emails() == ["a@example.com"]
    assert "deleted_at" not in cc.contact("a@example.com")


def test_a_deleted_person_can_be_skipped(cc: Application) -> None:
    cc.switch(import_deleted="skip")
    cc.seed({"email": "a@example.com", "deleted": True})
    activity = cc.import_rows({"email": "a@example.com"}, {"email": "b@example.com"})
    assert counts(activity, rows=2, people=1, errors=1)
    assert cc.emails() == ["b@example.com"]
    assert "deleted_at" in cc.contact("a@example.com")


def test_who_was_deleted_while_unsubscribed_stays_unsubscribed(cc: Application) -> None:
    cc.seed({"email": "a@example.com", "permission": "unsubscribed", "deleted": True})
    assert counts(cc.import_rows({"email": "a@example.com"}), rows=1, people=1, barred=1)
    assert cc.members() == []
    assert cc.contact("a@example.com")["email_address"]["permission_to_send"] == "unsubscribed"


def test_accounts_do_not_see_each_others_people(cc: Application) -> None:
    other = Application(cc.sandbox, OTHER)
    cc.import_rows({"email": "a@example.com", "first_name": "Ann"})
    other.import_rows({"email": "a@example.com", "first_name": "Other"}, lists=(OTHER_LIST,))
    assert cc.contact("a@example.com")["first_name"] == "Ann"
    assert other.contact("a@example.com")["first_name"] == "Other"
    assert len(cc.get("/contacts").json()["contacts"]) == 1


def test_a_contact_is_on_fifty_lists_at_most(cc: Application) -> None:
    lists = [{"list_id": f"{number:08x}-0000-11f1-8000-00000000000a", "name": f"L{number}"} for number in range(50)]
    cc.seed(lists=lists)
    cc.import_rows({"email": "a@example.com"}, lists=tuple(item["list_id"] for item in lists))
    activity = cc.import_rows({"email": "a@example.com"}, {"email": "b@example.com"})
    assert counts(activity, rows=2, people=2, barred=1)
    assert cc.emails() == ["b@example.com"]


# Matching


def test_emails_match_whatever_their_case(cc: Application) -> None:
    cc.import_rows({"email": "Ann@Example.com"})
    cc.import_rows({"email": "ann@example.COM", "first_name": "Ann"})
    assert [member["first_name"] for member in cc.members()] == ["Ann"]
    assert cc.contact("ANN@example.com")["first_name"] == "Ann"


def test_emails_can_match_with_their_case(cc: Application) -> None:
    cc.switch(email_match="sensitive")
    cc.import_rows({"email": "Ann@example.com"}, {"email": "ann@example.com"})
    assert len(cc.members()) == 2


@pytest.mark.parametrize(
    ("duplicates", "name", "points", "errors"),
    [("last_wins", "Second", "1", 0), ("first_wins", "First", "1", 0), ("row_error", "First", "1", 1)],
)
def test_rows_of_one_person_are_settled_by_a_switch(
    cc: Application, duplicates: str, name: str, points: str, errors: int
) -> None:
    cc.switch(import_duplicates=duplicates)
    activity = cc.import_rows(
        {"email": "a@example.com", "first_name": "First", "cf:loyalty_points": "1"},
        {"email": "A@example.com", "first_name": "Second"},
    )
    assert counts(activity, rows=2, people=1, errors=errors)
    assert [(m["first_name"], m["fields"]["loyalty_points"]) for m in cc.members()] == [(name, points)]


def test_a_person_can_be_known_by_the_number_alone(cc: Application) -> None:
    row = {"sms_number": "1231231234", "first_name": "Ann", "sms_consent_date": "2026-01-01"}
    cc.import_rows(row, sms_permission_to_send="explicit")
    cc.import_rows({"sms_number": "1231231234", "last_name": "Bo"})
    assert [(m["email"], m["first_name"], m["last_name"]) for m in cc.members()] == [(None, "Ann", "Bo")]
    (contact,) = cc.get("/contacts", sms_status="all").json()["contacts"]
    assert "email_address" not in contact


def test_two_rows_with_one_number_are_one_person(cc: Application) -> None:
    activity = cc.import_rows({"sms_number": "1231231234"}, {"sms_number": "1231231234", "last_name": "Bo"})
    assert counts(activity, rows=2, people=1)
    assert [member["last_name"] for member in cc.members()] == ["Bo"]


def test_explicit_consent_to_sms_needs_its_date(cc: Application) -> None:
    row = {"email": "a@example.com", "sms_number": "1231231234"}
    assert counts(cc.import_rows(row, sms_permission_to_send="explicit"), rows=1, people=0, errors=1)
    assert counts(cc.import_rows(row), rows=1, people=1)


def test_a_name_alone_makes_a_person_without_email(cc: Application) -> None:
    assert counts(cc.import_rows({"first_name": "Ann"}), rows=1, people=1)
    assert [(m["email"], m["state"], m["first_name"]) for m in cc.members()] == [(None, None, "Ann")]


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


# Files


def upload(cc: Application, content: bytes, name: str = "people.csv", **fields: str) -> Any:
    data = {"list_ids": LIST, **fields}
    return cc.request(
        "POST", "/activities/contacts_file_import", files={"file": (name, content, "text/csv")}, data=data
    )


def test_a_file_is_imported(cc: Application) -> None:
    content = '\ufeffemail,first_name,cf:city\r\nann@example.com,"Ann, A.",Berlin\r\n\r\nnonsense,Bo,\r\n'.encode()
    activity = cc.finished(upload(cc, content))
    assert counts(activity, rows=2, people=1, correctable=1)
    assert activity["source_file_name"] == "people.csv"
    (member,) = cc.members()
    assert (member["email"], member["first_name"], member["fields"]) == (
        "ann@example.com",
        "Ann, A.",
        {"city": "Berlin"},
    )


def test_a_file_goes_on_several_lists(cc: Application) -> None:
    second = cc.new_list("Second")
    cc.finished(upload(cc, b"email\na@example.com\n", list_ids=f"{LIST}, {second}"))
    assert cc.emails() == cc.emails(second) == ["a@example.com"]


def test_a_file_that_is_no_csv_gets_415(cc: Application) -> None:
    assert upload(cc, b"email\na@example.com\n", name="people.xlsx").status_code == 415
    assert cc.post("/activities/contacts_file_import", {"list_ids": LIST}).status_code == 415


def test_what_is_wrong_with_a_file_is_named(cc: Application) -> None:
    answer = cc.request("POST", "/activities/contacts_file_import", files={"list_ids": (None, LIST)})
    assert invalid(answer) == "file is missing"
    assert "heading" in invalid(upload(cc, b"name\nAnn\n"))
    assert "heading" in invalid(upload(cc, b""))
    assert "not CSV" in invalid(upload(cc, b"email\n" + b"x" * 200_000))
    assert "list_ids" in invalid(upload(cc, b"email\na@example.com\n", list_ids=""))
    assert "sms_permission" in invalid(upload(cc, b"email\na@example.com\n", sms_permission_to_send="yes"))


def test_a_full_file_has_39999_people_below_its_heading(cc: Application) -> None:
    cc.switch(import_rows=5, import_bytes=60)
    content = b"email\n" + b"".join(b"p%d@example.com\n" % number for number in range(9))
    activity = cc.finished(upload(cc, content))
    # 60 bytes end within the fourth row.
    assert counts(activity, rows=3, people=3)
    cc.switch(import_bytes=4_000_000)
    assert counts(cc.finished(upload(cc, content)), rows=4, people=4)


def test_the_import_endpoints_take_post_only(cc: Application) -> None:
    assert problem(cc.get("/activities/contacts_file_import"))[0] == 405
