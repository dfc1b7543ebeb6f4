"""Custom fields of a Campaign Monitor list: created after the segment's schema, given options, not silently ignored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests
from cix_sandbox.accounts import CAMPAIGN_MONITOR
from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Ran, Target

TYPES: dict[str, dict[str, Any]] = {
    "Nickname": {"type": ["string", "null"]},
    "Visits": {"type": ["integer", "null"]},
    "Spent": {"type": ["number", "null"]},
    "Joined": {"type": ["string", "null"], "format": "date"},
    "LastSeen": {"type": ["string", "null"], "format": "date-time"},
    "Member": {"type": ["boolean", "null"]},
    "ShoeSize": {"type": ["string", "null"], "enum": ["S", "M", "L", None]},
    "Likes": {"type": ["array", "null"], "items": {"type": "string", "enum": ["Tea", "Coffee"]}},
    "Either": {"type": ["string", "integer", "null"]},
}
VALUES: dict[str, Any] = {
    "Nickname": "Ann",
    "Visits": 3,
    "Spent": 12.5,
    "Joined": "2024-02-29",
    "LastSeen": "2026-11-01T10:00:00Z",
    "Member": True,
    "ShoeSize": "M",
    "Likes": ["Coffee", "Tea"],
    "Either": 7,
}
MAPPING = {"email": "EMail", "custom_fields": {f"My {name}": name for name in TYPES}}


def typed(rows: list[dict[str, Any]], name: str = "Newsletter") -> str:
    """A segment whose schema says what its columns hold."""
    properties = {"CustomerId": {"type": "string"}, "EMail": {"type": "string"}, **TYPES}
    schema = {"type": "object", "properties": properties}
    messages = [
        {"type": "SCHEMA", "stream": name, "key_properties": ["CustomerId"], "schema": schema},
        *({"type": "RECORD", "stream": name, "record": row} for row in rows),
        {"type": "ACTIVATE_VERSION", "stream": name, "version": 1},
    ]
    return "".join(json.dumps(message) + "\n" for message in messages)


def fields(target: Target) -> dict[str, tuple[str, list[str]]]:
    """Type and options of the list's custom fields, by name."""
    url = f"{target.config['api_url']}/lists/{target.list_id}/customfields.json"
    told = requests.get(url, auth=(CAMPAIGN_MONITOR.api_key, "x"), timeout=60).json()
    return {each["FieldName"]: (each["DataType"], each["FieldOptions"]) for each in told}


def test_missing_fields_are_created_of_the_type_that_the_schema_calls_for(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    before = fields(target)
    ran = target.run(typed(people(1, **VALUES)), create_fields=True, field_mapping=MAPPING)
    assert ran.counts == {"received": 1, "created": 1}
    assert fields(target) == before | {
        "My Nickname": ("Text", []),
        "My Visits": ("Number", []),
        "My Spent": ("Number", []),
        "My Joined": ("Date", []),
        "My LastSeen": ("Date", []),
        "My Member": ("MultiSelectOne", ["true", "false"]),
        "My ShoeSize": ("MultiSelectOne", ["S", "M", "L"]),
        "My Likes": ("MultiSelectMany", ["Tea", "Coffee"]),
        "My Either": ("Text", []),
    }
    [member] = target.members().values()
    assert member["fields"] == {
        "[MyNickname]": "Ann",
        "[MyVisits]": "3",
        "[MySpent]": "12.5",
        "[MyJoined]": "2024-02-29",
        "[MyLastSeen]": "2026-11-01",
        "[MyMember]": "true",
        "[MyShoeSize]": "M",
        "[MyLikes]": ["Coffee", "Tea"],
        "[MyEither]": "7",
    }
    assert ran.summary["warnings"] == {}
    assert "custom field `My Visits` (Number)" in ran.summary["changes"][target.list_id]
    assert len(ran.summary["changes"][target.list_id]) == len(TYPES)


def test_a_second_run_creates_nothing_and_sends_nothing(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    target.run(typed(people(2, **VALUES)), create_fields=True, field_mapping=MAPPING)
    target.forget_requests()
    ran = target.run(typed(people(2, **VALUES)), create_fields=True, field_mapping=MAPPING)
    assert ran.counts == {"received": 2, "unchanged": 2}
    assert ran.summary["changes"] == {}
    assert target.writes() == []


def test_a_dry_run_creates_nothing_and_says_what_it_would_create(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    before = fields(target)
    ran = target.run(typed(people(2, **VALUES)), create_fields=True, dry_run=True, field_mapping=MAPPING)
    assert ran.counts == {"received": 2, "created": 2}
    assert fields(target) == before
    assert target.writes() == []
    assert "custom field `My Likes` (MultiSelectMany)" in ran.summary["changes"][target.list_id]
    assert "Would create at list" in ran.stderr
    real = target.run(typed(people(2, **VALUES)), create_fields=True, field_mapping=MAPPING)
    assert real.summary["changes"] == ran.summary["changes"]


def test_without_the_setting_a_missing_field_stops_the_run_and_the_error_names_the_setting(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    ran = target.run(typed(people(1)), field_mapping={"email": "EMail", "custom_fields": {"Cities": "Nickname"}})
    assert ran.code == 1
    assert "CIX-104" in ran.stderr
    assert "did you mean `City`" in ran.stderr
    assert "`create_fields: true`" in ran.stderr
    assert target.writes() == []


def test_a_name_that_cannot_be_a_field_stops_the_run_before_any_field_is_created(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    for name in ("In/Out", "x" * 101, "a]b", "[ ]"):
        mapping = {"email": "EMail", "custom_fields": {"Fine": "Nickname", name: "Visits"}}
        ran = target.run(typed(people(1)), create_fields=True, field_mapping=mapping)
        assert ran.code == 1
        assert "CIX-104" in ran.stderr
        assert "cannot be created" in ran.stderr
    assert target.writes() == []


def test_a_field_that_the_platform_refuses_stops_the_run_before_people_are_sent(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    body = {"Code": 254, "Message": "Invalid name"}
    target.sandbox.fault("status", status=400, body=body, method="POST", path="customfields", skip=2)
    ran = target.run(typed(people(3)), create_fields=True, field_mapping=MAPPING)
    assert ran.code == 1
    assert ran.summary["error"]["code"] == "CIX-408"
    assert "`My Spent`" in ran.stderr
    created = ["custom field `My Nickname` (Text)", "custom field `My Visits` (Number)"]
    assert ran.summary["changes"] == {target.list_id: created}, "what was created before is told"
    assert target.imports() == []


def test_a_field_whose_creation_had_no_answer_is_found_when_it_is_asked_for_again(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    target.sandbox.fault("drop_after", method="POST", path="customfields", count=1)
    ran = target.run(typed(people(1, **VALUES)), create_fields=True, field_mapping=MAPPING)
    assert ran.counts == {"received": 1, "created": 1}
    assert target.members()["person00001@example.com"]["fields"]["[MyNickname]"] == "Ann"


def test_fields_are_found_by_key_name_and_any_case_and_not_created_twice(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    custom = {"[LOYALTYPOINTS]": "Visits", "last purchase": "Joined", "ci ty": "Nickname"}
    mapping = {"email": "EMail", "custom_fields": custom}
    ran = target.run(typed(people(1, **VALUES)), create_fields=True, field_mapping=mapping)
    assert ran.summary["changes"] == {}
    [member] = target.members().values()
    assert member["fields"] == {"[City]": "Ann", "[LoyaltyPoints]": "3", "[LastPurchase]": "2024-02-29"}


def test_each_list_gets_its_fields_when_its_segment_comes(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    other = "b" * 32
    target.sandbox.seed("campaign_monitor", lists=[{"list_id": other, "title": "Other"}])
    messages = typed(people(2, **VALUES), "First") + typed(people(2, start=2, **VALUES), "Second")
    lists = {"First": [target.list_id, other], "Second": other}
    ran = target.run(messages, create_fields=True, field_mapping=MAPPING, list_id=None, lists=lists)
    assert ran.code == 0
    assert {list_id: len(lines) for list_id, lines in ran.summary["changes"].items()} == {
        target.list_id: len(TYPES),
        other: len(TYPES),
    }
    assert len(target.members(other)) == 3


CHOICES = [
    {"name": "Size", "type": "MultiSelectOne", "options": ["Small"]},
    {"name": "Interests", "type": "MultiSelectMany", "options": ["Sailing", "R, S and T"]},
]
CHOICE_MAPPING = {"email": "EMail", "custom_fields": {"Size": "City", "Interests": "LoyaltyPoints"}}


def choose(target: Target, *choices: tuple[str, str], **settings: Any) -> Ran:
    target.sandbox.seed("campaign_monitor", custom_fields=CHOICES)
    rows = [
        {"CustomerId": f"c{n}", "EMail": f"person{n}@example.com", "City": size, "LoyaltyPoints": interests}
        for n, (size, interests) in enumerate(choices)
    ]
    return target.run(stream(rows), field_mapping=CHOICE_MAPPING, **settings)


def test_missing_options_are_added_and_those_that_are_there_stay(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    choices = [("small", "sailing; Chess"), ("Large, wide", "R, S and T"), ("LARGE, wide", "Go,,Chess")]
    ran = choose(target, *choices, extend_options=True)
    assert ran.counts == {"received": 3, "created": 3}
    assert fields(target)["Size"] == ("MultiSelectOne", ["Small", "Large, wide"])
    assert fields(target)["Interests"] == ("MultiSelectMany", ["Sailing", "R, S and T", "Chess", "Go"])
    assert [member["fields"] for member in target.members().values()] == [
        {"[Size]": "Small", "[Interests]": ["Sailing", "Chess"]},
        {"[Size]": "Large, wide", "[Interests]": ["R, S and T"]},
        {"[Size]": "Large, wide", "[Interests]": ["Go", "Chess"]},
    ]
    assert ran.summary["warnings"] == {}
    assert ran.summary["changes"][target.list_id] == [
        "2 options of custom field `Interests`",
        "1 options of custom field `Size`",
    ]
    assert "drops the rules of its segments" in ran.stderr


def test_a_dry_run_adds_no_options_and_counts_them(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    ran = choose(target, ("Huge", "Chess"), extend_options=True, dry_run=True)
    assert fields(target)["Size"] == ("MultiSelectOne", ["Small"])
    assert len(ran.summary["changes"][target.list_id]) == 2
    assert target.writes() == []


def test_without_the_setting_a_value_without_an_option_is_left_out_and_counted(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    ran = choose(target, ("Huge", "Sailing"), ("Small", "Chess"))
    assert ran.counts == {"received": 2, "created": 2}
    assert [member["fields"] for member in target.members().values()] == [
        {"[Interests]": ["Sailing"]},
        {"[Size]": "Small"},
    ]
    assert sorted(ran.summary["warnings"].items()) == [
        ("`Interests`: a value that is not among the field's options was left out.", 1),
        ("`Size`: a value that is not among the field's options was left out.", 1),
    ]
    assert ran.summary["changes"] == {}


def test_a_column_that_holds_no_choices_does_not_become_hundreds_of_options(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    ran = choose(target, *((f"Street {n}", "") for n in range(101)), extend_options=True)
    assert ran.code == 1
    assert ran.summary["error"]["code"] == "CIX-513"
    assert "`Size`" in ran.stderr
    assert target.writes() == []
    assert choose(target, *((f"Street {n}", "") for n in range(100)), extend_options=True).code == 0


def test_options_of_rows_that_are_not_sent_are_not_added(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    rows = [("Huge", "")]
    target.sandbox.seed("campaign_monitor", suppressed=[{"email": "person0@example.com"}])
    assert choose(target, *rows).counts == {"received": 1, "suppressed": 1}
    target.forget_requests()
    assert choose(target, *rows, extend_options=True).counts == {"received": 1, "suppressed": 1}
    assert target.writes() == []


def test_countries_and_states_are_the_platforms_and_get_no_options(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    target.sandbox.seed("campaign_monitor", custom_fields=[{"name": "Land", "type": "Country"}])
    mapping = {"email": "EMail", "custom_fields": {"Land": "City"}}
    ran = target.run(stream([*people(1, City="denmark"), *people(1, start=2, City="Atlantis")]), field_mapping=mapping)
    assert [member["fields"] for member in target.members().values()] == [{"[Land]": "Denmark"}, {}]
    assert list(ran.summary["warnings"].values()) == [1]
    ran = target.run(stream(people(1, City="Lemuria")), field_mapping=mapping, extend_options=True)
    assert ran.summary["changes"] == {}
