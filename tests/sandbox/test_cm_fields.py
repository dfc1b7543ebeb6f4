"""Campaign Monitor: the custom fields of a list."""

from __future__ import annotations

from typing import Any

import pytest
from cm_api import LIST, Api, pair, person, problem

FIELDS = f"/lists/{LIST}/customfields"
ANNA = "anna@example.com"


def field(cm: Api, name: str) -> dict[str, Any]:
    (found,) = [each for each in cm.get(f"{FIELDS}.json").json() if each["FieldName"] == name]
    return dict(found)


def test_the_ready_list_has_its_fields(cm: Api) -> None:
    fields = cm.get(f"{FIELDS}.json").json()
    assert [(each["FieldName"], each["Key"], each["DataType"]) for each in fields] == [
        ("City", "[City]", "Text"),
        ("Loyalty Points", "[LoyaltyPoints]", "Number"),
        ("Last Purchase", "[LastPurchase]", "Date"),
    ]
    assert set(fields[0]) == {"FieldName", "Key", "DataType", "FieldOptions", "VisibleInPreferenceCenter"}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("new date field", "[newdatefield]"),
        ("subscription date", "[subscriptiondate]"),
        ("Company", "[Company]"),
        ("Größe", "[Größe]"),
        (" padded ", "[padded]"),
    ],
)
def test_a_key_is_the_name_without_spaces_in_brackets(cm: Api, name: str, key: str) -> None:
    response = cm.new_field(name)
    assert (response.status_code, response.json()) == (201, key)
    assert field(cm, name.strip())["Key"] == key


@pytest.mark.parametrize(
    ("name", "data_type", "options", "code"),
    [
        ("", "Text", None, 254),
        ("  ", "Text", None, 254),
        ("[]", "Text", None, 254),
        ("x" * 101, "Text", None, 254),
        ("City", "Text", None, 255),
        ("ci ty", "Number", None, 255),
        ("Choice", "Text", ["a"], 256),
        ("Choice", "Country", ["a"], 256),
        ("Choice", "MultiSelectOne", None, 257),
        ("Choice", "MultiSelectMany", [], 257),
        ("Choice", "MultiSelectMany", [""], 257),
        ("Choice", "Boolean", None, 259),
        ("Choice", "", None, 259),
    ],
)
def test_a_field_that_cannot_be_made_says_why(
    cm: Api, name: str, data_type: str, options: list[str] | None, code: int
) -> None:
    assert problem(cm.new_field(name, data_type, options)) == (400, code)
    assert len(cm.get(f"{FIELDS}.json").json()) == 3


@pytest.mark.parametrize("options", [None, []])
@pytest.mark.parametrize("data_type", ["Text", "Number", "Date", "number"])
def test_plain_types_take_an_empty_list_of_options(cm: Api, data_type: str, options: list[str] | None) -> None:
    assert cm.new_field("x" * 100, data_type, options).status_code == 201


@pytest.mark.parametrize(("data_type", "option"), [("Country", "Australia"), ("USState", "Texas")])
def test_options_of_places_are_generated(cm: Api, data_type: str, option: str) -> None:
    cm.new_field("Place", data_type)
    assert option in field(cm, "Place")["FieldOptions"]


def test_renaming_changes_the_key_and_keeps_the_values(cm: Api) -> None:
    cm.stored(ANNA, pair("City", "Oslo"))
    response = cm.put(f"{FIELDS}/%5BCity%5D.json", {"FieldName": "Home Town", "VisibleInPreferenceCenter": False})
    assert (response.status_code, response.json()) == (200, "[HomeTown]")
    assert field(cm, "Home Town")["VisibleInPreferenceCenter"] is False
    assert cm.read(ANNA)["CustomFields"] == [pair("[HomeTown]", "Oslo")]
    assert cm.stored(ANNA, pair("City", "Rome")) == {"[HomeTown]": "Oslo"}


@pytest.mark.parametrize("name", ["City", "city"])
def test_renaming_to_its_own_name_is_allowed(cm: Api, name: str) -> None:
    assert cm.put(f"{FIELDS}/[City].json", {"FieldName": name}).json() == f"[{name}]"


@pytest.mark.parametrize(("name", "code"), [("", 254), ("x" * 101, 254), ("Loyalty points", 255)])
def test_a_renaming_that_is_refused_says_why(cm: Api, name: str, code: int) -> None:
    assert problem(cm.put(f"{FIELDS}/[City].json", {"FieldName": name})) == (400, code)


@pytest.mark.parametrize(
    "key", ["[LoyaltyPoints]", "%5BLoyaltyPoints%5D", "%5bloyalty%20points%5d", "[Loyalty+Points]", "LoyaltyPoints"]
)
def test_the_key_in_a_path_is_understood_as_each_client_writes_it(cm: Api, key: str) -> None:
    response = cm.delete(f"{FIELDS}/{key}.json")
    assert (response.status_code, response.content) == (200, b"")
    assert [each["FieldName"] for each in cm.get(f"{FIELDS}.json").json()] == ["City", "Last Purchase"]


@pytest.mark.parametrize(("method", "path"), [("PUT", ".json"), ("DELETE", ".json"), ("PUT", "/options.json")])
def test_an_unknown_key_is_253(cm: Api, method: str, path: str) -> None:
    assert problem(cm.request(method, f"{FIELDS}/[Nothing]{path}", json={})) == (400, 253)


def test_a_deleted_field_takes_its_values_along_for_good(cm: Api) -> None:
    cm.new_field("Colour")
    cm.stored(ANNA, pair("Colour", "Red"))
    cm.delete(f"{FIELDS}/[Colour].json")
    assert cm.read(ANNA)["CustomFields"] == []
    cm.new_field("Colour")
    assert cm.read(ANNA)["CustomFields"] == []


class TestOptions:
    @pytest.fixture
    def choice(self, cm: Api) -> Api:
        cm.new_field("Choice", "MultiSelectOne", ["a", "b"])
        return cm

    @pytest.mark.parametrize(("keep", "after"), [(True, ["a", "b", "c"]), (False, ["b", "c"])])
    def test_are_extended_or_replaced(self, choice: Api, after: list[str], *, keep: bool) -> None:
        body = {"KeepExistingOptions": keep, "Options": ["b", "c"]}
        response = choice.put(f"{FIELDS}/[Choice]/options.json", body)
        assert (response.status_code, response.content) == (200, b"")
        assert field(choice, "Choice")["FieldOptions"] == after

    def test_cannot_be_emptied(self, choice: Api) -> None:
        body = {"KeepExistingOptions": False, "Options": []}
        assert problem(choice.put(f"{FIELDS}/[Choice]/options.json", body)) == (400, 257)

    def test_of_a_plain_field_are_256(self, choice: Api) -> None:
        body = {"KeepExistingOptions": True, "Options": ["x"]}
        assert problem(choice.put(f"{FIELDS}/[City]/options.json", body)) == (400, 256)


def test_fields_belong_to_one_list(cm: Api) -> None:
    second = cm.new_list("Second")
    assert cm.get(f"/lists/{second}/customfields.json").json() == []
    cm.post_import(person(ANNA, CustomFields=[pair("City", "Oslo")]), list_id=second)
    assert cm.read(ANNA, second)["CustomFields"] == []
