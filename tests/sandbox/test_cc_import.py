"""Constant Contact: imports, what becomes of their rows, and what is counted."""

from __future__ import annotations

from typing import Any

import pytest
from cc_application import LIST, OTHER, OTHER_LIST, UNKNOWN_ID, Application, counts, invalid, problem

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


def test_the_import_endpoints_take_post_only(cc: Application) -> None:
    assert problem(cc.get("/activities/contacts_file_import"))[0] == 405
