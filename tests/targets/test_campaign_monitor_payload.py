"""Campaign Monitor's rows and request bodies: what stands here is what goes over the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from audience_sdk.contact import Action, Contact, StagedRow
from audience_sdk.destination import Batch, CustomField
from audience_sdk.errors import CixError
from audience_sdk.http import Reply
from audience_sdk.mapping import FieldMapping
from target_campaign_monitor.destination import STANDARD_FIELDS, CampaignMonitor
from target_campaign_monitor.payload import row_encoder, values_of

TEXT = CustomField("City", "[City]", "Text")
NUMBER = CustomField("Loyalty Points", "[LoyaltyPoints]", "Number")
DATE = CustomField("Last Purchase", "[LastPurchase]", "Date")
ONE = CustomField("Size", "[Size]", "MultiSelectOne", ("Small", "Large"))
MANY = CustomField("Interests", "[Interests]", "MultiSelectMany", ("Sailing", "Cooking", "R, S and T"))
COUNTRY = CustomField("Land", "[Land]", "Country", ("Denmark", "Türkiye"))
FIELDS = (TEXT, NUMBER, DATE, ONE, MANY, COUNTRY)


def contact(custom: dict[str, str] | None = None, **fields: str) -> Contact:
    return Contact("c1", "Anna.Ærø@Example.com", "anna.ærø@example.com", fields, custom or {})


def mapping(*names: str, custom: tuple[str, ...] = ()) -> FieldMapping:
    setting = {"email": "EMail", **dict.fromkeys(names, "X"), "custom_fields": dict.fromkeys(custom, "X")}
    return FieldMapping.parse(setting, (*STANDARD_FIELDS, "consent_to_track"))


def encoded(
    a_contact: Contact, a_mapping: FieldMapping, consent: str | None = "Yes"
) -> tuple[dict[str, Any], list[str]]:
    encoded_row = row_encoder(FIELDS, a_mapping, consent)(a_contact)
    payload, warnings = encoded_row.payload, encoded_row.warnings
    return json.loads(payload), list(warnings)


def test_a_row_of_every_kind_of_field() -> None:
    values = {
        "City": "Århus",
        "Loyalty Points": "1200.50",
        "Last Purchase": "2026-10-01T23:59:59Z",
        "Size": "large",
        "Interests": "cooking; Sailing",
        "Land": "Türkiye",
    }
    a_mapping = mapping("name", custom=tuple(values))
    assert encoded(contact(values, name="Anna Ærø 恵美"), a_mapping) == (
        {
            "EmailAddress": "Anna.Ærø@Example.com",
            "ConsentToTrack": "Yes",
            "Name": "Anna Ærø 恵美",
            "CustomFields": [
                {"Key": "[City]", "Value": "Århus"},
                {"Key": "[LoyaltyPoints]", "Value": "1200.50"},
                {"Key": "[LastPurchase]", "Value": "2026/10/01"},
                {"Key": "[Size]", "Value": "Large"},
                {"Key": "[Interests]", "Value": "Cooking"},
                {"Key": "[Interests]", "Value": "Sailing"},
                {"Key": "[Land]", "Value": "Türkiye"},
            ],
        },
        [],
    )


def test_the_smallest_row_names_the_address_and_the_consent_alone() -> None:
    assert encoded(contact(), mapping(), "Unchanged") == (
        {"EmailAddress": "Anna.Ærø@Example.com", "ConsentToTrack": "Unchanged"},
        [],
    )


@pytest.mark.parametrize(
    ("field", "text", "elements", "warned"),
    [
        ("City", "x" * 250, [{"Value": "x" * 250}], ""),
        ("City", "恵" * 251, [{"Value": "恵" * 250}], "cut to 250"),
        ("City", 'quoted "and" \\ new\nline', [{"Value": 'quoted "and" \\ new\nline'}], ""),
        ("City", "", [{"Value": "", "Clear": True}], ""),
        ("Loyalty Points", "-3", [{"Value": "-3"}], ""),
        ("Loyalty Points", "0", [{"Value": "0"}], ""),
        ("Loyalty Points", "12 points", [{"Value": "", "Clear": True}], "no number"),
        ("Loyalty Points", "", [{"Value": "", "Clear": True}], ""),
        ("Loyalty Points", "1.5E-7", [{"Value": "0.00000015"}], ""),
        ("Loyalty Points", "12e3", [{"Value": "12000"}], ""),
        ("Loyalty Points", "1e999", [{"Value": "", "Clear": True}], "too many digits"),
        ("Loyalty Points", "7" * 251, [{"Value": "", "Clear": True}], "too many digits"),
        ("Land", "denmark", [{"Value": "Denmark"}], ""),
        ("Land", "Atlantis", [{"Value": "", "Clear": True}], "not among"),
        ("Last Purchase", "1900-01-01", [{"Value": "1900/01/01"}], ""),
        ("Last Purchase", "2076-06-06", [{"Value": "2076/06/06"}], ""),
        ("Last Purchase", "1899-12-31", [{"Value": "", "Clear": True}], "before 1900"),
        ("Last Purchase", "2076-06-07", [{"Value": "", "Clear": True}], "after 6 June 2076"),
        ("Last Purchase", "0001-01-01", [{"Value": "", "Clear": True}], "before 1900"),
        ("Last Purchase", "31.12.2026", [{"Value": "", "Clear": True}], "no date"),
        ("Size", "SMALL", [{"Value": "Small"}], ""),
        ("Size", "Large, Small", [{"Value": "Large"}], ""),
        ("Size", "Huge", [{"Value": "", "Clear": True}], "not among"),
        ("Interests", "r, s AND t", [{"Value": "R, S and T"}], ""),
        ("Interests", "Cooking, Chess", [{"Value": "Cooking"}], "not among"),
        ("Interests", "", [{"Value": "", "Clear": True}], ""),
    ],
)
def test_a_value_is_fitted_to_its_field_or_clears_it_and_every_change_is_told_without_the_value(
    field: str, text: str, elements: list[dict[str, Any]], warned: str
) -> None:
    row, warnings = encoded(contact({field: text} if text else {}), mapping(custom=(field,)))
    key = next(each.key for each in FIELDS if each.name == field)
    assert row["CustomFields"] == [{"Key": key, **element} for element in elements]
    assert [warned in warning for warning in warnings] == ([True] if warned else [])
    assert all(f"`{field}`" in warning and (len(text) < 3 or text not in warning) for warning in warnings)


@pytest.mark.parametrize(
    ("field", "text", "values"),
    [
        ("Size", "large", ["Large"]),
        ("Size", "Huge", ["Huge"]),
        ("Size", "Huge, or so", ["Huge, or so"]),
        ("Interests", "chess; Sailing,,chess", ["chess", "Sailing"]),
        ("Interests", "r, s AND t", ["R, S and T"]),
        ("Land", "Atlantis", [""]),
    ],
)
def test_a_field_of_choices_that_may_grow_is_sent_what_it_has_no_option_for(
    field: str, text: str, values: list[str]
) -> None:
    row = row_encoder(FIELDS, mapping(custom=(field,)), "Yes", options_grow=True)(contact({field: text}))
    assert [value for _, value in values_of(row.payload)] == values


@pytest.mark.parametrize(
    ("text", "number", "warned"),
    [
        ("+4512345678", "+4512345678", False),
        ("+45 12 34-56.78", "+4512345678", False),
        ("0045 (12) 345678", "+4512345678", False),
        ("", "", False),
        ("12345678", "", True),
        ("+0123456789", "", True),
        ("+45 phone", "", True),
        ("+1234567890123456", "", True),
    ],
)
def test_a_mobile_number_is_sent_in_its_international_form_or_cleared(text: str, number: str, warned: bool) -> None:
    row, warnings = encoded(contact(**({"mobile_number": text} if text else {})), mapping("mobile_number"))
    assert row["MobileNumber"] == number
    assert [text in warning for warning in warnings] == ([False] if warned else [])


@pytest.mark.parametrize(("text", "consent"), [("yes", "Yes"), ("0", "No"), ("", "No"), ("perhaps", "No")])
def test_the_consent_to_text_messages_goes_with_a_number_only(text: str, consent: str) -> None:
    a_mapping = mapping("mobile_number", "consent_to_send_sms")
    with_number, _ = encoded(contact(mobile_number="+4512345678", consent_to_send_sms=text), a_mapping)
    without, warnings = encoded(contact(consent_to_send_sms=text), a_mapping)
    assert with_number["ConsentToSendSms"] == consent
    assert "ConsentToSendSms" not in without
    assert warnings == []


def test_the_consent_to_text_messages_without_the_number_is_refused() -> None:
    with pytest.raises(CixError, match="needs `mobile_number`") as caught:
        row_encoder(FIELDS, mapping("consent_to_send_sms"), "Yes")
    assert caught.value.code.code == "CIX-101"


def test_two_spellings_of_one_custom_field_are_refused() -> None:
    with pytest.raises(CixError, match=r"`loyalty points` and `\[LoyaltyPoints\]`, which are the same") as caught:
        row_encoder(FIELDS, mapping(custom=("loyalty points", "[LoyaltyPoints]")), "Yes")
    assert caught.value.code.code == "CIX-101"


@pytest.mark.parametrize("name", ["Loyalty Points", "LoyaltyPoints", "[LoyaltyPoints]", "loyalty points"])
def test_a_custom_field_is_found_by_its_name_and_by_its_key_and_sent_by_its_key(name: str) -> None:
    row, _ = encoded(contact({name: "7"}), mapping(custom=(name,)))
    assert row["CustomFields"] == [{"Key": "[LoyaltyPoints]", "Value": "7"}]


def test_a_custom_field_that_the_list_does_not_have_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(CixError, match=r"`Loyality Points`.*did you mean `Loyalty Points`") as caught:
        row_encoder(FIELDS, mapping(custom=("Loyality Points",)), "Yes")
    assert caught.value.code.code == "CIX-104"


@pytest.mark.parametrize(
    ("text", "consent", "warned"),
    [
        ("yes", "Yes", False),
        ("TRUE", "Yes", False),
        ("1", "Yes", False),
        ("no", "No", False),
        ("false", "No", False),
        ("0", "No", False),
        ("", "No", True),
        ("unchanged", "No", True),
        ("maybe", "No", True),
    ],
)
def test_a_consent_column_means_consent_only_where_it_clearly_says_so(text: str, consent: str, warned: bool) -> None:
    fields = {"consent_to_track": text} if text else {}
    row, warnings = encoded(contact(**fields), mapping("consent_to_track"), None)
    assert row["ConsentToTrack"] == consent
    assert bool(warnings) is warned


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"first_name": "Anna", "last_name": "Ærø"}, "Anna Ærø"),
        ({"first_name": "Anna"}, "Anna"),
        ({"last_name": "Ærø"}, "Ærø"),
        ({"name": "Frau Ærø", "first_name": "Anna"}, "Frau Ærø"),
        ({}, ""),
    ],
)
def test_the_one_name_is_the_full_name_or_first_and_last_name_joined(fields: dict[str, str], name: str) -> None:
    row, _ = encoded(contact(**fields), mapping("name", "first_name", "last_name"))
    assert row["Name"] == name


class Recorder:
    """An API that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes | None]] = []

    def call(self, method: str, path: str, *, body: bytes | None = None, **_: Any) -> Reply:
        self.sent.append((method, path, body))
        counts = {"TotalUniqueEmailsSubmitted": 2, "TotalExistingSubscribers": 0, "TotalNewSubscribers": 2}
        answer = {"FailureDetails": [], **counts}
        return Reply(201, {}, json.dumps(answer).encode())


def test_the_body_of_an_import_never_resubscribes_and_starts_no_journey() -> None:
    encode = row_encoder(FIELDS, mapping("name", custom=("City",)), "No")
    rows = [
        StagedRow("a@example.com", "A@example.com", "c1", (0,), encode(contact({"City": "Ribe"}, name="Ann")).payload),
        StagedRow("b@example.com", "b@example.com", "c2", (0,), encode(contact(name="Bo")).payload),
    ]
    api = Recorder()
    CampaignMonitor(api, "no").send(Batch("L1", Action.CREATE, rows, 0.0))
    [(method, path, body)] = api.sent
    assert (method, path) == ("POST", "/subscribers/L1/import.json")
    assert json.loads(body) == {
        "Subscribers": [
            {
                "EmailAddress": "Anna.Ærø@Example.com",
                "ConsentToTrack": "No",
                "Name": "Ann",
                "CustomFields": [{"Key": "[City]", "Value": "Ribe"}],
            },
            {
                "EmailAddress": "Anna.Ærø@Example.com",
                "ConsentToTrack": "No",
                "Name": "Bo",
                "CustomFields": [{"Key": "[City]", "Value": "", "Clear": True}],
            },
        ],
        "Resubscribe": False,
        "QueueSubscriptionBasedAutoResponders": False,
        "RestartSubscriptionBasedAutoresponders": False,
    }
    assert len(body) == CampaignMonitor(api, "no").body_overhead("L1") + sum(len(row.payload) for row in rows) + 1
