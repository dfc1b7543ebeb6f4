"""What is true of every row, whatever the profile holds."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
import target_campaign_monitor.payload as campaign_monitor
import target_constant_contact.payload as constant_contact
from audience_sdk.contact import Contact
from audience_sdk.destination import CustomField, PlatformList
from audience_sdk.mapping import FieldMapping
from hypothesis import given
from hypothesis import strategies as st
from target_constant_contact.vocabulary import STANDARD_FIELDS

_OPTIONS = ("Small", "Large", "Extra, large")
CM_KINDS = ("Text", "Number", "Date", "MultiSelectOne", "MultiSelectMany", "Country", "USState")
CC_KINDS = (
    *("string", "text_area", "number", "currency", "boolean"),
    *("date", "datetime", "single_select", "multi_select"),
)
CM_FIELDS = {f"The {kind}": CustomField(f"The {kind}", f"[The{kind}]", kind, _OPTIONS) for kind in CM_KINDS}
CC_FIELDS = {f"The {kind}": CustomField(f"The {kind}", f"cf:the_{kind}", kind, _OPTIONS) for kind in CC_KINDS}

# Texts that look nearly right find more than noise does.
_RAW_TEXTS = st.one_of(
    st.text(min_size=1, max_size=400),
    st.text(alphabet='恵é\u202e\x00"\\\n', min_size=240, max_size=300),
    st.from_regex(r"-?\d{1,30}(\.\d*)?([eE]\d{1,3})?", fullmatch=True),
    st.dates().map(date.isoformat),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.lists(st.sampled_from([*_OPTIONS, "small", "Other", ""]), min_size=1, max_size=4).map(", ".join),
    st.sampled_from(["0", "1", "12", "31", "32", "٣", "true", "No"]),
).map(str.strip)
# A contact's texts are trimmed, and empty ones are absent.
_TEXTS = _RAW_TEXTS.filter(bool)
_ADDRESSES = st.from_regex(r"[A-Za-z0-9.+_-]{1,20}@[A-Za-z]{1,10}\.(com|ORG)", fullmatch=True)


def contacts(standard: list[str], custom: list[str]) -> st.SearchStrategy[Contact]:
    def build(email: str, fields: dict[str, str], custom_fields: dict[str, str]) -> Contact:
        return Contact("c1", email, email.lower(), fields, custom_fields)

    return st.builds(
        build,
        _ADDRESSES,
        st.dictionaries(st.sampled_from(standard), _TEXTS, max_size=6),
        st.dictionaries(st.sampled_from(custom), _TEXTS, max_size=6),
    )


def mapping_of_all(standard: list[str], custom: list[str]) -> FieldMapping:
    setting = {"email": "E", **dict.fromkeys(standard, "X"), "custom_fields": dict.fromkeys(custom, "X")}
    return FieldMapping.parse(setting, standard)


CM_STANDARD = ["name", "first_name", "last_name", "consent_to_track"]
# Of two names for one place a mapping may have one.
CC_STANDARD = list({field.place: name for name, field in reversed(STANDARD_FIELDS.items())}.values())
CM_ENCODE = campaign_monitor.row_encoder(CM_FIELDS.values(), mapping_of_all(CM_STANDARD, list(CM_FIELDS)), None)
CC_ENCODE = constant_contact.row_encoder(
    PlatformList("L1", "Newsletter", tuple(CC_FIELDS.values())), mapping_of_all(CC_STANDARD, list(CC_FIELDS))
)


def whole(payload: bytes) -> dict[str, Any]:
    """The one JSON object that a payload is, without a line break that would need another separator."""
    row = json.loads(payload.decode("utf-8"))
    assert type(row) is dict
    return row


@given(contacts(CM_STANDARD, list(CM_FIELDS)))
def test_a_campaign_monitor_row_is_json_with_the_address_as_given_and_values_within_bounds(contact: Contact) -> None:
    encoded_row = CM_ENCODE(contact)
    payload, warnings = encoded_row.payload, encoded_row.warnings
    row = whole(payload)
    assert row["EmailAddress"] == contact.email
    assert row["ConsentToTrack"] in {"Yes", "No"}
    assert type(row["Name"]) is str
    keys = [element["Key"] for element in row["CustomFields"]]
    assert set(keys) == {field.key for field in CM_FIELDS.values()}, "a field is neither set nor cleared"
    assert {key for key in keys if keys.count(key) > 1} <= {"[TheMultiSelectMany]"}
    for element in row["CustomFields"]:
        value = element["Value"]
        assert len(value) <= 250
        assert ("Clear" in element) == (value == "")
        if value and element["Key"] == "[TheDate]":
            assert "1900/01/01" <= value <= "2076/06/06"
            assert re.fullmatch(r"\d{4}/\d{2}/\d{2}", value, re.ASCII)
        if value and element["Key"] == "[TheNumber]":
            float(value)
            assert value.isascii()
        if value and element["Key"].startswith("[TheMultiSelect"):
            assert value in _OPTIONS
    assert all(type(warning) is str for warning in warnings)


@given(contacts(CC_STANDARD, list(CC_FIELDS)))
def test_a_constant_contact_row_is_json_with_the_address_in_lower_case_and_values_within_bounds(
    contact: Contact,
) -> None:
    row = whole(CC_ENCODE(contact).payload)
    assert row["email"] == contact.email.lower()
    assert row.keys() <= {"email", *CC_STANDARD, *(field.key for field in CC_FIELDS.values())}
    assert ("birthday_month" in row) == ("birthday_day" in row)
    for name, value in row.items():
        if name.startswith("birthday"):
            assert type(value) is int
            assert 1 <= value <= (12 if name == "birthday_month" else 31)
            continue
        assert type(value) is str
        assert value, "a blank that clears nothing was sent"
        if name == "email":
            continue
        longest = 255 if name.startswith("cf:") or "street" in name else 50
        assert len(value) <= longest
    if "cf:the_date" in row:
        date.fromisoformat(row["cf:the_date"])
    for name in ("cf:the_number", "cf:the_currency"):
        if name in row:
            float(row[name])
            assert row[name].isascii()


@given(contacts(CM_STANDARD, list(CM_FIELDS)), contacts(CC_STANDARD, list(CC_FIELDS)))
def test_the_same_contact_is_the_same_row_so_that_nothing_is_sent_twice(first: Contact, second: Contact) -> None:
    assert CM_ENCODE(first) == CM_ENCODE(first)
    assert CC_ENCODE(second) == CC_ENCODE(second)


@pytest.mark.parametrize(("fields", "kinds"), [(CM_FIELDS, CM_KINDS), (CC_FIELDS, CC_KINDS)])
def test_the_properties_cover_every_kind_of_field(fields: dict[str, CustomField], kinds: tuple[str, ...]) -> None:
    assert {field.kind for field in fields.values()} == set(kinds)
