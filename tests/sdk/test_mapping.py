"""A profile becomes a contact with all that is mapped, and a mapping that cannot work is refused with a clear word."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from audience_sdk.contact import Contact, RowProblem
from audience_sdk.errors import COLUMN_UNKNOWN, EMAIL_MISSING, FIELD_UNKNOWN, SETTING_INVALID, CixError
from audience_sdk.mapping import FieldMapping, as_text, nearest, row_key_of
from hypothesis import given, settings
from hypothesis import strategies as st

STANDARD = ("first_name", "last_name", "phone")
_NAMES = st.text(min_size=1, max_size=8)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.text(max_size=8),
)
_VALUES = st.one_of(_SCALARS, st.lists(_SCALARS, max_size=3))


@st.composite
def mapped_records(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A `field_mapping` and a record of its stream, some columns of which may be absent."""
    columns = draw(st.lists(_NAMES.filter(lambda name: name != "EMail"), min_size=1, max_size=5, unique=True))
    entry = st.one_of(st.sampled_from(columns), st.lists(st.sampled_from(columns), min_size=1, max_size=3))
    setting: dict[str, Any] = draw(st.dictionaries(st.sampled_from(STANDARD), entry))
    setting |= {"email": "EMail", "custom_fields": draw(st.dictionaries(_NAMES, entry, max_size=3))}
    record = draw(st.dictionaries(st.sampled_from(columns), _VALUES))
    return setting, {"EMail": "ann@example.com", **record}


def expected_text(record: dict[str, Any], entry: Any) -> str:
    """The text of a field, worked out apart from the code under test."""
    words = []
    for column in [entry] if isinstance(entry, str) else entry:
        value = record.get(column)
        items = value if isinstance(value, list) else [value]
        texts = [each if isinstance(each, str) else "" if each is None else json.dumps(each) for each in items]
        words.append(", ".join(text.strip() for text in texts if text.strip()))
    return " ".join(word for word in words if word)


def mapped(mapping: FieldMapping, record: dict[str, Any]) -> Contact | RowProblem:
    values = [record.get(column, msgspec.UNSET) for column in mapping.columns(["CustomerId"])]
    return mapping.compiled(["CustomerId"])(values)


@settings(max_examples=80, deadline=None)
@given(mapped_records())
def test_every_mapped_column_that_holds_something_arrives(given_: tuple[dict[str, Any], dict[str, Any]]) -> None:
    setting, record = given_
    contact = mapped(FieldMapping.parse(setting, STANDARD), record)

    assert isinstance(contact, Contact)
    fields = {name: entry for name, entry in setting.items() if name in STANDARD}
    for texts, entries in ((contact.fields, fields), (contact.custom_fields, setting["custom_fields"])):
        expected = {name: expected_text(record, entry) for name, entry in entries.items()}
        assert texts == {name: text for name, text in expected.items() if text}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (" Ann ", "Ann"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        ("0.10", "0.10"),
        (1.5, "1.5"),
        ([], ""),
        (["a", None, 1, True, ["b"]], "a, 1, true, b"),
        ({"city": "Köln", "zip": [1, None, False]}, '{"city":"Köln","zip":[1,null,false]}'),
    ],
)
def test_a_json_value_becomes_the_text_that_people_expect(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_a_record_without_an_address_is_invalid() -> None:
    for record in ({}, {"EMail": None}, {"EMail": " "}, {"EMail": []}):
        problem = mapped(FieldMapping.parse({"email": "EMail"}, STANDARD), record)
        assert isinstance(problem, RowProblem)
        assert problem.code is EMAIL_MISSING


@pytest.mark.parametrize(
    ("keys", "text"), [((), ""), (("a",), "1"), (("a", "b"), "1|x"), (("b", "a"), "x|1"), (("gone",), "")]
)
def test_the_key_of_a_row_is_made_of_its_key_columns(keys: tuple[str, ...], text: str) -> None:
    assert row_key_of([{"a": 1, "b": "x"}.get(key) for key in keys]) == text


@pytest.mark.parametrize(
    ("setting", "entry", "column", "guess"),
    [
        ({"email": "Email"}, "field_mapping.email", "Email", "EMail"),
        ({"email": "EMail", "first_name": "FristName"}, "field_mapping.first_name", "FristName", "FirstName"),
        ({"email": "EMail", "last_name": ["FirstName", "lastname"]}, "field_mapping.last_name", "lastname", "LastName"),
        (
            {"email": "EMail", "custom_fields": {"Loyalty": "Pionts"}},
            "field_mapping.custom_fields.Loyalty",
            "Pionts",
            "Points",
        ),
    ],
)
def test_an_unknown_column_is_named_with_its_setting_its_segment_and_the_nearest_one(
    setting: dict[str, Any], entry: str, column: str, guess: str
) -> None:
    mapping = FieldMapping.parse(setting, STANDARD)

    with pytest.raises(CixError) as caught:
        mapping.check_columns("Readers", ["CustomerId", "EMail", "FirstName", "LastName", "Points"])

    assert caught.value.code is COLUMN_UNKNOWN
    for part in (f"`{entry}`", f"`{column}`", "`Readers`", f"`{guess}`"):
        assert part in caught.value.message


def test_a_mapping_whose_columns_are_all_there_passes() -> None:
    setting = {"email": "EMail", "last_name": ["a", "b"], "custom_fields": {"x": "c"}}

    FieldMapping.parse(setting, STANDARD).check_columns("Readers", {"EMail", "a", "b", "c", "d"})


def test_an_unknown_platform_field_is_named_with_the_nearest_one() -> None:
    with pytest.raises(CixError) as caught:
        FieldMapping.parse({"email": "EMail", "firstname": "First"}, STANDARD)

    assert caught.value.code is FIELD_UNKNOWN
    assert "`field_mapping.firstname`" in caught.value.message
    assert "`first_name`" in caught.value.message


def test_every_unknown_platform_field_is_named() -> None:
    with pytest.raises(CixError, match=r"`field_mapping\.shoe`.*`field_mapping\.hat`"):
        FieldMapping.parse({"email": "EMail", "shoe": "Shoe", "hat": "Hat"}, STANDARD)


def test_where_nothing_is_near_nothing_is_guessed() -> None:
    assert nearest("shoe_size", STANDARD) == ""


@pytest.mark.parametrize("email", [None, "", ["EMail"], 3])
def test_a_mapping_without_a_column_of_the_address_is_refused(email: Any) -> None:
    with pytest.raises(CixError) as caught:
        FieldMapping.parse({"email": email}, STANDARD)

    assert caught.value.code is SETTING_INVALID
    assert "`field_mapping.email`" in caught.value.message


@pytest.mark.parametrize("columns", [[], "", ["a", ""], ["a", 3], 3, {"a": "b"}])
def test_columns_of_a_wrong_kind_are_refused_by_the_name_of_their_entry(columns: Any) -> None:
    for setting, entry in (
        ({"email": "EMail", "phone": columns}, "`field_mapping.phone`"),
        ({"email": "EMail", "custom_fields": {"x": columns}}, "`field_mapping.custom_fields.x`"),
    ):
        with pytest.raises(CixError) as caught:
            FieldMapping.parse(setting, STANDARD)
        assert caught.value.code is SETTING_INVALID
        assert entry in caught.value.message
