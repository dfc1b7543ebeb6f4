"""Constant Contact: single contacts."""

from __future__ import annotations

from typing import Any

import pytest
from cc_application import LIST, OTHER, OTHER_LIST, UNKNOWN_ID, Application, invalid, problem

_EVERYTHING = "custom_fields,list_memberships,phone_numbers,street_addresses"


def new(cc: Application, email: str = "a@example.com", **parts: Any) -> dict[str, Any]:
    answer = cc.post("/contacts", {"email_address": {"address": email}, "create_source": "Account", **parts})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def put(cc: Application, contact: dict[str, Any], email: dict[str, Any] | None = None, **parts: Any) -> Any:
    address = {"address": contact["email_address"]["address"], **(email or {})}
    body = {"email_address": address, "update_source": "Account", **parts}
    return cc.put(f"/contacts/{contact['contact_id']}", body)


def field_id(cc: Application, label: str) -> str:
    fields = cc.get("/contact_custom_fields").json()["custom_fields"]
    return str(next(item["custom_field_id"] for item in fields if item["label"] == label))


# Making


def test_a_contact_is_made_with_all_its_parts(cc: Application) -> None:
    city = field_id(cc, "City")
    contact = new(
        cc,
        first_name="Ann",
        last_name="Bo",
        job_title="Head",
        company_name="Example",
        birthday_month=2,
        birthday_day=29,
        anniversary="2020-05-01",
        custom_fields=[{"custom_field_id": city, "value": "Berlin"}],
        phone_numbers=[{"phone_number": "1", "kind": "work"}],
        street_addresses=[{"kind": "home", "street": "1 Main Street", "city": "Berlin"}],
        list_memberships=[LIST],
    )
    assert (contact["first_name"], contact["birthday_day"], contact["anniversary"]) == ("Ann", 29, "2020-05-01")
    assert contact["custom_fields"] == [{"custom_field_id": city, "value": "Berlin"}]
    assert contact["phone_numbers"][0].items() >= {"kind": "work", "phone_number": "1"}.items()
    assert contact["street_addresses"][0].items() >= {"kind": "home", "city": "Berlin"}.items()
    assert contact["list_memberships"] == [LIST]
    assert contact["email_address"]["permission_to_send"] == "implicit"
    assert cc.get(f"/contacts/{contact['contact_id']}", include=_EVERYTHING).json() == contact
    assert cc.emails() == ["a@example.com"]


def test_a_contact_shows_only_what_it_has_and_what_is_included(cc: Application) -> None:
    contact_id = new(cc)["contact_id"]
    plain = cc.get(f"/contacts/{contact_id}").json()
    assert set(plain) == {"contact_id", "email_address", "create_source", "update_source", "created_at", "updated_at"}
    assert set(plain["email_address"]) == {
        "address",
        "permission_to_send",
        "created_at",
        "updated_at",
        "opt_in_source",
        "opt_in_date",
        "confirm_status",
    }
    included = cc.get(f"/contacts/{contact_id}", include="taggings,notes,custom_fields").json()
    assert (included["taggings"], included["notes"], included["custom_fields"]) == ([], [], [])
    assert invalid(cc.get(f"/contacts/{contact_id}", include="dreams")) == "include does not have a valid value"


def test_a_contact_can_do_without_an_email(cc: Application) -> None:
    answer = cc.post("/contacts", {"create_source": "Account", "first_name": "Ann"})
    assert answer.status_code == 201
    assert "email_address" not in answer.json()


@pytest.mark.parametrize("permission", ["explicit", "pending_confirmation", "unsubscribed"])
def test_a_contact_can_be_made_with_a_permission(cc: Application, permission: str) -> None:
    contact = new(cc, email_address={"address": "a@example.com", "permission_to_send": permission})
    assert contact["email_address"]["permission_to_send"] == permission
    expected = "pending" if permission == "pending_confirmation" else "off"
    assert contact["email_address"]["confirm_status"] == expected


@pytest.mark.parametrize("state", [{}, {"deleted": True}, {"permission": "unsubscribed"}])
def test_an_address_that_ever_existed_is_a_conflict_naming_the_contact(cc: Application, state: dict[str, Any]) -> None:
    cc.seed({"email": "a@example.com", **state})
    known = cc.contact("a@example.com")["contact_id"]
    answer = cc.post("/contacts", {"email_address": {"address": "A@example.com"}, "create_source": "Account"})
    assert problem(answer) == (409, "contacts.api.conflict", f"Email already exists for contact {known}")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"create_source": None}, "create_source is missing, create_source does not have a valid value"),
        ({"create_source": "Me"}, "create_source does not have a valid value"),
        ({"email_address": {}}, "email_address[address] is missing"),
        ({"email_address": {"address": "nonsense"}}, "email_address[address] does not have a valid value"),
        ({"email_address": {"address": "x" * 69 + "@example.com"}}, "email_address[address] does not have"),
        ({"email_address": "a@example.com"}, "email_address does not have a valid value"),
        (
            {"email_address": {"address": "b@example.com", "permission_to_send": "yes"}},
            "email_address[permission_to_send] does not have a valid value",
        ),
        ({"first_name": "x" * 51}, "first_name does not have a valid value"),
        ({"company_name": 5}, "company_name does not have a valid value"),
        ({"anniversary": "soon"}, "anniversary does not have a valid value"),
        ({"birthday_month": 2, "birthday_day": 30}, "birthday_month does not have a valid value"),
        ({"birthday_month": 10**18, "birthday_day": 1}, "birthday_month does not have a valid value"),
        ({"birthday_month": 2}, "birthday_month does not have a valid value"),
        ({"list_memberships": [UNKNOWN_ID]}, "list_memberships does not have a valid value"),
        ({"list_memberships": [OTHER_LIST]}, "list_memberships does not have a valid value"),
        ({"list_memberships": [LIST] * 51}, "list_memberships does not have a valid value"),
        ({"custom_fields": [{"custom_field_id": UNKNOWN_ID, "value": "x"}]}, "custom_fields[custom_field_id]"),
        ({"custom_fields": [{}] * 26}, "custom_fields does not have a valid value"),
        ({"phone_numbers": [{"phone_number": "1" * 26}]}, "phone_number does not have a valid value"),
        ({"phone_numbers": [{"phone_number": "1", "kind": "pager"}]}, "phone_numbers[kind] does not have"),
        ({"phone_numbers": [{"phone_number": "1"}] * 4}, "phone_numbers does not have a valid value"),
        ({"street_addresses": [{"city": "x" * 51}]}, "street_address[city] does not have a valid value"),
        ({"street_addresses": [{}] * 4}, "street_addresses does not have a valid value"),
        ({"street_addresses": "here"}, "street_addresses does not have a valid value"),
    ],
)
def test_what_is_wrong_is_named(cc: Application, parts: dict[str, Any], message: str) -> None:
    body = {"email_address": {"address": "a@example.com"}, "create_source": "Account", **parts}
    assert message in invalid(cc.post("/contacts", body))
    assert cc.get("/contacts").json()["contacts"] == []


def test_a_contact_needs_a_name_or_an_address(cc: Application) -> None:
    message = invalid(cc.post("/contacts", {"create_source": "Account", "job_title": "Head"}))
    assert "one of first_name, last_name, email_address" in message


@pytest.mark.parametrize("value", ["x" * 256, "many"])
def test_a_value_that_does_not_fit_its_field_is_refused(cc: Application, value: str) -> None:
    values = [{"custom_field_id": field_id(cc, "Loyalty Points"), "value": value}]
    body = {"email_address": {"address": "a@example.com"}, "create_source": "Account", "custom_fields": values}
    assert "custom_fields[value]" in invalid(cc.post("/contacts", body))


# Replacing


def test_scalars_that_are_left_out_become_nothing_and_arrays_stay(cc: Application) -> None:
    city = field_id(cc, "City")
    contact = new(
        cc,
        first_name="Ann",
        last_name="Bo",
        birthday_month=1,
        birthday_day=2,
        custom_fields=[{"custom_field_id": city, "value": "Berlin"}],
        phone_numbers=[{"phone_number": "1", "kind": "home"}],
        street_addresses=[{"kind": "home", "city": "Berlin"}],
        list_memberships=[LIST],
    )
    changed = put(cc, contact, first_name="Ann").json()
    assert changed["first_name"] == "Ann"
    assert not {"last_name", "birthday_month", "birthday_day"} & set(changed)
    for name in ("custom_fields", "phone_numbers", "list_memberships"):
        assert changed[name] == contact[name]
    assert len(changed["street_addresses"]) == 1


def test_an_array_that_is_sent_replaces_and_an_empty_one_clears(cc: Application) -> None:
    second = cc.new_list("Second")
    city, points = field_id(cc, "City"), field_id(cc, "Loyalty Points")
    contact = new(
        cc,
        custom_fields=[{"custom_field_id": city, "value": "Berlin"}],
        phone_numbers=[{"phone_number": "1", "kind": "home"}],
        list_memberships=[LIST],
    )
    changed = put(
        cc, contact, custom_fields=[{"custom_field_id": points, "value": "7"}], list_memberships=[second]
    ).json()
    assert changed["custom_fields"] == [{"custom_field_id": points, "value": "7"}]
    assert changed["list_memberships"] == [second]
    cleared = put(cc, contact, custom_fields=[], phone_numbers=[], list_memberships=[], street_addresses=[]).json()
    assert [cleared[name] for name in _EVERYTHING.split(",")] == [[], [], [], []]


def test_codes_of_places_come_back_as_names(cc: Application) -> None:
    contact = new(cc, street_addresses=[{"kind": "home", "state": "CA", "country": "US"}])
    (address,) = contact["street_addresses"]
    assert (address["state"], address["country"]) == ("California", "United States")
    (address,) = put(cc, contact, street_addresses=[{"state": "CA", "country": "CA"}]).json()["street_addresses"]
    assert (address["state"], address["country"]) == ("CA", "Canada")


def test_putting_needs_a_source_and_the_email(cc: Application) -> None:
    contact = new(cc)
    message = invalid(cc.put(f"/contacts/{contact['contact_id']}", {"first_name": "Ann"}))
    assert message == ("update_source is missing, update_source does not have a valid value, email_address is missing")


def test_an_address_can_change_to_one_that_is_free(cc: Application) -> None:
    contact, other = new(cc), new(cc, "b@example.com")
    assert put(cc, contact, {"address": "c@example.com"}).json()["email_address"]["address"] == "c@example.com"
    answer = put(cc, contact, {"address": "B@example.com"})
    assert problem(answer)[2] == f"Email already exists for contact {other['contact_id']}"
    assert cc.post("/contacts", {"email_address": {"address": "a@example.com"}, "create_source": "Account"}).ok


def test_an_explicit_permission_does_not_become_implicit(cc: Application) -> None:
    contact = new(cc, email_address={"address": "a@example.com", "permission_to_send": "explicit"})
    assert "permission_to_send" in invalid(put(cc, contact, {"permission_to_send": "implicit"}))
    assert put(cc, contact).json()["email_address"]["permission_to_send"] == "explicit"


def test_unsubscribing_keeps_the_reason_and_leaves_the_lists(cc: Application) -> None:
    contact = new(cc, list_memberships=[LIST])
    email = {"permission_to_send": "unsubscribed", "opt_out_reason": "too much"}
    gone = put(cc, contact, email, list_memberships=[LIST]).json()
    assert gone["email_address"]["opt_out_source"] == "Account"
    assert gone["email_address"]["opt_out_reason"] == "too much"
    assert "opt_out_date" in gone["email_address"]
    assert gone["list_memberships"] == []
    assert cc.members() == []


def test_the_unsubscribed_can_stay_on_their_lists(cc: Application) -> None:
    cc.switch(unsubscribe_leaves_lists=False)
    contact = new(cc, list_memberships=[LIST])
    put(cc, contact, {"permission_to_send": "unsubscribed"})
    assert [(member["email"], member["state"]) for member in cc.members()] == [("a@example.com", "unsubscribed")]


@pytest.mark.parametrize(("by", "status"), [("Account", 200), ("Contact", 400)])
def test_only_who_unsubscribed_can_undo_it(cc: Application, by: str, status: int) -> None:
    contact = new(cc)
    put(cc, contact, {"permission_to_send": "unsubscribed"}, update_source=by)
    assert put(cc, contact, {"permission_to_send": "implicit"}).status_code == status
    assert put(cc, contact, {"permission_to_send": "explicit"}, update_source="Contact").status_code == 200
    assert "opt_out_date" not in cc.contact("a@example.com")["email_address"]


def test_putting_revives_a_deleted_contact(cc: Application) -> None:
    contact = new(cc)
    cc.delete(f"/contacts/{contact['contact_id']}")
    assert problem(put(cc, contact, update_source="Contact"))[0] == 404
    revived = put(cc, contact, list_memberships=[LIST])
    assert revived.status_code == 200
    assert "deleted_at" not in revived.json()
    assert cc.emails() == ["a@example.com"]


# Deleting


def test_a_deleted_contact_leaves_its_lists_and_stays_readable(cc: Application) -> None:
    contact = new(cc, list_memberships=[LIST])
    path = f"/contacts/{contact['contact_id']}"
    answer = cc.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert problem(cc.delete(path))[:2] == (404, "contacts.api.not_found")
    seen = cc.get(path, include="list_memberships").json()
    assert "deleted_at" in seen
    assert seen["list_memberships"] == []
    assert seen["email_address"]["permission_to_send"] == "implicit"
    assert cc.members() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_and_foreign_contacts_do_not_exist(cc: Application, method: str) -> None:
    foreign = new(Application(cc.sandbox, OTHER))["contact_id"]
    body = {"email_address": {"address": "b@example.com"}, "update_source": "Account"}
    for contact_id in (UNKNOWN_ID, foreign):
        answer = cc.request(method, f"/contacts/{contact_id}", json=body)
        assert problem(answer)[:2] == (404, "contacts.api.not_found")
    answer = cc.request(method, "/contacts/nonsense", json=body)
    assert problem(answer) == (404, "contacts.api.not_found", "contact_id is in an invalid format.")


# Signing up


def sign_up(cc: Application, **parts: Any) -> Any:
    body = {"email_address": "a@example.com", "list_memberships": [LIST], **parts}
    return cc.post("/contacts/sign_up_form", body)


def test_a_sign_up_makes_an_explicit_contact_and_then_updates_it(cc: Application) -> None:
    city = field_id(cc, "City")
    first = sign_up(cc, first_name="Ann", last_name="Bo", custom_fields=[{"custom_field_id": city, "value": "Rome"}])
    assert (first.status_code, first.json()["action"]) == (201, "created")
    second_list = cc.new_list("Second")
    points = [{"custom_field_id": field_id(cc, "Loyalty Points"), "value": "1"}]
    second = sign_up(cc, last_name="Cox", list_memberships=[second_list], custom_fields=points)
    assert (second.status_code, second.json()) == (200, {**first.json(), "action": "updated"})
    contact = cc.contact("a@example.com", _EVERYTHING)
    assert (contact["first_name"], contact["last_name"]) == ("Ann", "Cox")
    assert contact["email_address"]["permission_to_send"] == "explicit"
    assert (contact["create_source"], contact["email_address"]["opt_in_source"]) == ("Contact", "Contact")
    assert contact["list_memberships"] == [LIST, second_list]
    assert len(contact["custom_fields"]) == 2


def test_a_sign_up_takes_one_phone_number_and_one_address(cc: Application) -> None:
    sign_up(cc, phone_number="1", street_address={"kind": "work", "city": "Rome"})
    contact = cc.contact("a@example.com", _EVERYTHING)
    assert contact["phone_numbers"][0]["phone_number"] == "1"
    assert contact["street_addresses"][0].items() >= {"kind": "work", "city": "Rome"}.items()
    assert "street_address" in invalid(sign_up(cc, street_address="here"))


@pytest.mark.parametrize("state", [{"deleted": True}, {"permission": "unsubscribed"}, {"permission": "implicit"}])
def test_a_sign_up_brings_everybody_back(cc: Application, state: dict[str, Any]) -> None:
    cc.seed({"email": "a@example.com", **state})
    assert sign_up(cc).json()["action"] == "updated"
    assert [(member["email"], member["state"]) for member in cc.members()] == [("a@example.com", "explicit")]


def test_new_sign_ups_are_pending_where_the_account_confirms(cc: Application) -> None:
    cc.switch(confirmed_opt_in=True)
    sign_up(cc)
    email = cc.contact("a@example.com")["email_address"]
    assert (email["permission_to_send"], email["confirm_status"]) == ("pending_confirmation", "pending")
    cc.import_rows({"email": "b@example.com"})
    assert cc.contact("b@example.com")["email_address"]["permission_to_send"] == "implicit"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"email_address": None}, "email_address is missing"),
        ({"email_address": {"address": "a@example.com"}}, "email_address does not have a valid value"),
        ({"email_address": "nonsense"}, "email_address does not have a valid value"),
        ({"list_memberships": None}, "list_memberships is missing"),
        ({"list_memberships": []}, "list_memberships does not have a valid value"),
        ({"list_memberships": [UNKNOWN_ID]}, "list_memberships does not have a valid value"),
    ],
)
def test_what_is_wrong_with_a_sign_up_is_named(cc: Application, parts: dict[str, Any], message: str) -> None:
    assert invalid(sign_up(cc, **parts)) == message


def test_an_address_that_signs_up_too_often_is_refused_for_two_days(cc: Application) -> None:
    assert [sign_up(cc).status_code for _ in range(6)] == [201, 200, 200, 200, 200, 400]
    assert invalid(sign_up(cc)) == "email_address does not have a valid value"
    assert sign_up(cc, email_address="b@example.com").status_code == 201
    cc.sandbox.advance(47 * 3_600)
    cc.token = cc.refresh().json()["access_token"]
    assert sign_up(cc).status_code == 400
    cc.sandbox.advance(2 * 3_600)
    assert sign_up(cc).status_code == 200


def test_the_limit_on_sign_ups_can_be_taken_away(cc: Application) -> None:
    cc.switch(sign_ups_per_day=0)
    assert [sign_up(cc).status_code for _ in range(8)] == [201] + [200] * 7
