"""Custom fields at Constant Contact: created, found when they are called something else, given options, kept honest."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from cix_sandbox import accounts
from constant_contact_api import ConstantContactApi
from target_process import people, stream
from terminal import command, login

if TYPE_CHECKING:
    from target_process import Target

SCHEMA = {
    "CustomerId": {"type": "string"},
    "EMail": {"type": "string"},
    "Shirt": {"type": ["string", "null"], "enum": ["S", "M", "L", None]},
    "Hobbies": {"type": "array", "items": {"type": "string", "enum": ["Sailing", "Cooking"]}},
    "Vip": {"type": ["boolean", "null"]},
    "Debt": {"type": ["number", "null"]},
    "Since": {"type": ["string", "null"], "format": "date"},
    "About": {"type": ["string", "null"]},
}
PROFILE = {
    "CustomerId": "c1",
    "EMail": "anna@example.com",
    "Shirt": "M",
    "Hobbies": ["Sailing", "Cooking"],
    "Vip": True,
    "Debt": -12.5,
    "Since": "2026-01-31",
    "About": "Quiet",
}
NAMES = {"Shirt Size": "Shirt", "Hobbies": "Hobbies", "VIP": "Vip", "Debt": "Debt", "Since": "Since", "About": "About"}
TYPES = {
    "Shirt Size": "single_select",
    "Hobbies": "multi_select",
    "VIP": "boolean",
    "Debt": "number",
    "Since": "date",
    "About": "string",
}


def segment(*profiles: dict[str, Any]) -> str:
    schema = {"type": "object", "properties": SCHEMA}
    messages = [
        {"type": "SCHEMA", "stream": "S", "key_properties": ["CustomerId"], "schema": schema},
        *({"type": "RECORD", "stream": "S", "record": profile} for profile in profiles),
        {"type": "ACTIVATE_VERSION", "stream": "S", "version": 1},
    ]
    return "".join(json.dumps(message) + "\n" for message in messages)


@pytest.fixture
def typed(to_constant_contact: Target) -> Target:
    """An export of a field of each type, none of which the account has."""
    to_constant_contact.config["field_mapping"] = {"email": "EMail", "custom_fields": NAMES}
    return to_constant_contact


def types(target: Target) -> dict[str, str]:
    fields = ConstantContactApi(target.sandbox).get("/contact_custom_fields", limit="100")["custom_fields"]
    return {each["label"]: each["type"] for each in fields if each["label"] in NAMES}


@pytest.mark.parametrize("status", ["201", "200"])
def test_missing_fields_are_created_with_the_types_of_the_schema_and_filled(typed: Target, status: str) -> None:
    typed.sandbox.switch("constant_contact.created_status", status)
    ran = typed.run(segment(PROFILE), create_fields=True)
    assert ran.counts == {"received": 1, "created": 1}
    assert types(typed) == TYPES
    assert len(ran.summary["changes"][typed.list_id]) == len(NAMES)
    assert ran.summary["warnings"] == {}
    assert ConstantContactApi(typed.sandbox).contact("anna@example.com")["custom_fields"] == {
        "Shirt Size": "M",
        "Hobbies": "Sailing,Cooking",
        "VIP": "true",
        "Debt": "-12.5",
        "Since": "2026-01-31",
        "About": "Quiet",
    }
    typed.forget_requests()
    assert typed.run(segment(PROFILE), create_fields=True).counts == {"received": 1, "unchanged": 1}
    assert typed.writes() == []


def test_missing_fields_stop_the_run_unless_they_may_be_created(typed: Target) -> None:
    ran = typed.run(segment(PROFILE))
    assert ran.code == 1
    assert "CIX-104" in ran.stderr
    assert types(typed) == {}


def test_a_dry_run_creates_no_field(typed: Target) -> None:
    ran = typed.run(segment(PROFILE), create_fields=True, dry_run=True)
    assert ran.counts == {"received": 1, "created": 1}
    assert types(typed) == {}


def test_a_field_whose_type_the_account_refuses_becomes_a_text(typed: Target) -> None:
    typed.config["field_mapping"] = {"email": "EMail", "custom_fields": {"VIP": "Vip"}}
    typed.sandbox.fault("status", status=400, method="POST", path="/contact_custom_fields", count=1)
    ran = typed.run(segment(PROFILE), create_fields=True)
    assert ran.counts == {"received": 1, "created": 1}
    assert types(typed) == {"VIP": "string"}
    assert "`boolean` was refused" in ran.stderr


def test_two_lists_of_one_export_get_the_fields_of_the_account_once(typed: Target) -> None:
    [second] = ConstantContactApi(typed.sandbox).make_lists("Second")
    ran = typed.run(segment(PROFILE), create_fields=True, list_id=None, lists={"S": [typed.list_id, second]})
    assert ran.code == 0
    assert len([each for each in typed.writes() if each.endswith("/contact_custom_fields")]) == len(NAMES)


def test_no_more_fields_are_created_than_an_account_can_have(typed: Target) -> None:
    fields = [{"label": f"Field {number}"} for number in range(93)]
    typed.sandbox.seed("constant_contact", custom_fields=fields)
    ran = typed.run(segment(PROFILE), create_fields=True)
    assert ran.code == 1
    assert "CIX-512" in ran.stderr
    assert types(typed) == {}


def test_a_label_that_is_too_long_is_refused_before_anything_is_created(typed: Target) -> None:
    typed.config["field_mapping"] = {"email": "EMail", "custom_fields": {"VIP": "Vip", "x" * 51: "About"}}
    ran = typed.run(segment(PROFILE), create_fields=True)
    assert ran.code == 1
    assert "CIX-104" in ran.stderr
    assert types(typed) == {}


def test_a_field_that_the_platform_does_not_list_yet_is_waited_for_and_not_made_twice(typed: Target) -> None:
    typed.config["field_mapping"] = {"email": "EMail", "custom_fields": {"VIP": "Vip"}}
    typed.sandbox.switch("constant_contact.field_lag_seconds", 3)
    assert typed.run(segment(PROFILE), create_fields=True).counts == {"received": 1, "created": 1}
    again = typed.run(segment({**PROFILE, "Vip": False}), create_fields=True)
    assert again.code == 0
    assert types(typed) == {"VIP": "boolean"}


def test_a_field_that_is_called_something_else_now_is_still_filled_under_its_new_key(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.run(stream(people(2, City="Ribe")))
    api = ConstantContactApi(target.sandbox)
    [city] = [each for each in api.get("/contact_custom_fields")["custom_fields"] if each["label"] == "City"]
    api.put(f"/contact_custom_fields/{city['custom_field_id']}", {"label": "Home Town"})

    ran = target.run(stream(people(2, City="Odense")), create_fields=True)

    assert ran.code == 0
    assert "`City` is called `Home Town`" in ran.stderr
    assert api.contact("person00001@example.com")["custom_fields"] == {"Home Town": "Odense"}
    assert [each["label"] for each in api.get("/contact_custom_fields")["custom_fields"]].count("City") == 0


def rename(target: Target, label: str, to: str) -> str:
    """Call a custom field something else, and return its id."""
    api = ConstantContactApi(target.sandbox)
    [field] = [
        each for each in api.get("/contact_custom_fields", limit="100")["custom_fields"] if each["label"] == label
    ]
    api.put(f"/contact_custom_fields/{field['custom_field_id']}", {"label": to})
    return str(field["custom_field_id"])


@pytest.mark.parametrize("mapped", ["Shirt Size", "T-Shirt"], ids=["by its former name", "by its present name"])
def test_a_field_keeps_its_present_name_when_it_gets_options(to_constant_contact: Target, mapped: str) -> None:
    target = to_constant_contact
    mapping = {"email": "EMail", "custom_fields": {"Shirt Size": "Shirt"}}
    target.run(segment(PROFILE), create_fields=True, field_mapping=mapping)
    rename(target, "Shirt Size", "T-Shirt")

    mapping = {"email": "EMail", "custom_fields": {mapped: "Shirt"}}
    ran = target.run(segment({**PROFILE, "Shirt": "XL"}), extend_options=True, field_mapping=mapping)

    assert ran.counts == {"received": 1, "updated": 1}
    assert ran.summary["changes"] == {target.list_id: [f"1 options of custom field `{mapped}`"]}
    assert ("is still filled" in ran.stderr) == (mapped == "Shirt Size")
    assert ConstantContactApi(target.sandbox).contact("anna@example.com")["custom_fields"] == {"T-Shirt": "XL"}


def test_a_field_with_a_former_name_counts_once(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(1, City="Ribe")))
    rename(target, "City", "Home Town")
    fields = ConstantContactApi(target.sandbox).get("/contact_custom_fields", limit="100")["custom_fields"]
    others = [{"label": f"Field {number}"} for number in range(99 - len(fields))]
    target.sandbox.seed("constant_contact", custom_fields=others)
    mapping = {"email": "EMail", "custom_fields": {"City": "City", "The hundredth": "FirstName"}}
    ran = target.run(stream(people(1, City="Ribe")), create_fields=True, field_mapping=mapping)
    assert ran.code == 0
    held = ConstantContactApi(target.sandbox).contact("person00001@example.com")["custom_fields"]
    assert held == {"Home Town": "Ribe", "The hundredth": "Given1"}


def test_a_check_remembers_no_field(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(1)), field_mapping={"email": "EMail", "custom_fields": {"City": "City"}})
    tokens = target.ledger.with_name(f"{target.ledger.name}.tokens")
    before = tokens.read_bytes()
    assert command(target, "--check").code == 0
    assert tokens.read_bytes() == before


def test_accounts_that_one_application_is_connected_to_have_fields_of_their_own(to_constant_contact: Target) -> None:
    target = to_constant_contact
    [application] = [each for each in accounts.CONSTANT_CONTACT.applications if each.rotating]
    for name in ("first", "second"):
        connection = {
            "client_id": application.client_id,
            "client_secret": None,
            "refresh_token": None,
            "login_name": name,
        }
        with login(target, **connection) as under_way:
            under_way.answer_device()
            assert under_way.end()[0] == 0
        assert target.run(stream(people(1)), **connection).code == 0
    with closing(sqlite3.connect(f"{target.ledger}.tokens")) as store:
        query = "SELECT count(*) FROM tokens WHERE connection LIKE 'custom fields of %'"
        assert store.execute(query).fetchone() == (2,)


def test_a_dry_run_remembers_no_field(to_constant_contact: Target) -> None:
    target = to_constant_contact
    mapping = {"email": "EMail", "custom_fields": {"City": "City"}}
    target.run(stream(people(1)), field_mapping=mapping)
    tokens = target.ledger.with_name(f"{target.ledger.name}.tokens")
    before = tokens.read_bytes()
    assert target.run(stream(people(1)), dry_run=True).code == 0
    assert tokens.read_bytes() == before
    assert target.run(stream(people(1))).code == 0
    assert tokens.read_bytes() != before


def test_options_that_a_field_lacks_are_added_when_they_may_be(typed: Target) -> None:
    typed.run(segment(PROFILE), create_fields=True)
    changed = {**PROFILE, "Shirt": "XL", "Hobbies": ["Chess", "Sailing"]}
    without = typed.run(segment(changed))
    assert sum(without.summary["warnings"].values()) == 2
    other = {**changed, "About": "Loud"}
    ran = typed.run(segment(other), extend_options=True)
    assert ran.counts == {"received": 1, "updated": 1}
    assert ran.summary["warnings"] == {}
    held = ConstantContactApi(typed.sandbox).contact("anna@example.com")["custom_fields"]
    assert (held["Shirt Size"], held["Hobbies"]) == ("XL", "Chess,Sailing")


@pytest.mark.parametrize("wrong", ["row_error", "drop", "store"])
def test_values_that_do_not_fit_their_field_are_left_out_and_counted_before_they_are_sent(
    to_constant_contact: Target, wrong: str
) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.import_wrong_value", wrong)
    ran = target.run(stream(people(2, LoyaltyPoints="-7", City="Ribe", LastPurchase="soon")))
    assert ran.counts == {"received": 2, "created": 2}
    assert sorted(ran.summary["warnings"].values()) == [2, 2]
    assert [member["fields"] for member in target.members().values()] == [{"city": "Ribe"}] * 2


@pytest.mark.parametrize("unknown", ["ignore", "row_error"])
def test_a_field_that_is_gone_during_a_run_costs_its_value_or_its_row_and_is_told(
    to_constant_contact: Target, unknown: str
) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.import_unknown_field", unknown)
    listed = {"custom_fields": [{"custom_field_id": "f", "label": "City", "name": "gone", "type": "string"}]}
    target.sandbox.fault("status", status=200, body=listed, method="GET", path="contact_custom_fields", count=1)
    mapping = {"email": "EMail", "custom_fields": {"City": "City"}}
    known = {"email": people(1)[0]["EMail"], "lists": [target.list_id]}
    target.sandbox.seed("constant_contact", contacts=[known])
    # Who was on the list before is not taken for written by the import.
    target.sandbox.advance(60)
    ran = target.run(stream(people(2, City="Ribe")), field_mapping=mapping, max_rejected_ratio=1)
    if unknown == "ignore":
        assert ran.counts == {"received": 2, "created": 2}
        assert [text for text in ran.summary["warnings"] if "CIX-710" in text and "`City`" in text]
    else:
        assert ran.counts == {"received": 2, "rejected": 2}
        assert all("Unknown custom field" in line["reason"] for line in ran.rejected)
