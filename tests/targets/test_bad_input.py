"""Bad input and bad settings get one clear line, send nothing, and lose nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from target_process import MAPPING, data, people, stream

if TYPE_CHECKING:
    from target_process import Ran, Target


def the_error(ran: Ran, code: str) -> str:
    """The one line that says what is wrong."""
    [line] = [line for line in ran.stderr.splitlines() if "CIX-" in line]
    assert f"{code}: " in line
    assert ran.code == 1
    return line


@pytest.mark.parametrize(
    ("name", "code", "line"),
    [("malformed", "CIX-301", "Line 4"), ("record-before-schema", "CIX-302", "Line 1")],
)
def test_a_message_that_makes_no_sense_is_named_by_its_line_and_nothing_is_sent(
    target: Target, name: str, code: str, line: str
) -> None:
    ran = target.run(data(name))
    assert line in the_error(ran, code)
    assert not [part for part in ("chidi", "Chidi", "Anna", "CustomerId") if part in ran.stderr]
    assert target.writes() == []
    assert target.on_list() == set()


def test_a_bad_line_far_into_the_input_is_named_too_and_the_rows_before_it_wait_for_the_next_run(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    rows = people(15_000)
    good, end, rest = stream(rows).partition('{"type": "ACTIVATE_VERSION"')
    ran = target.run(f"{good}{{\n{end}{rest}")
    assert "Line 15002 " in the_error(ran, "CIX-301")
    assert ran.summary["status"] == "failed"
    assert ran.summary["error"]["code"] == "CIX-301"
    assert ran.counts.keys() == {"received", "deferred"}
    assert target.writes() == []


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("not json", "Line 8"),
        ("[]", "Line 8"),
        ('{"type": "RECORD", "stream": "Newsletter"}', "Line 8"),
        ('{"type": "RECORD", "stream": "Newsletter", "record": ["secret"]}', "Line 8"),
        ('{"type": "RECORDS", "stream": "Newsletter", "record": {}}', "Line 8"),
        ('{"type": "SCHEMA", "stream": "Newsletter"}', "Line 8"),
        ('{"type": "STATE"}', "Line 8"),
        ('{"type": "RECORD", "stream": "Newsletter", "record": {"EMail": "x"}}', "Line 8"),
    ],
)
def test_any_other_line_that_is_no_singer_message_is_named_by_its_number(
    to_campaign_monitor: Target, message: str, line: str
) -> None:
    ran = to_campaign_monitor.run(data("newsletter").rpartition('{"type": "STATE"')[0] + message + "\n")
    [told] = [each for each in ran.stderr.splitlines() if "CIX-30" in each]
    assert line in told
    assert "secret" not in told
    assert to_campaign_monitor.writes() == []


@pytest.mark.parametrize("consent", [None, False])
def test_without_consent_nothing_is_sent_and_the_error_says_what_is_agreed_to(target: Target, consent: object) -> None:
    ran = target.run(data("newsletter"), data_privacy_consent=consent)
    told = the_error(ran, "CIX-102")
    assert "`data_privacy_consent: true`" in told
    assert "compliance boundary" in told
    assert target.sandbox.requests(target.platform) == []


@pytest.mark.parametrize(
    ("mapping", "code", "parts"),
    [
        ({"first_name": "FirstNames"}, "CIX-103", ["field_mapping.first_name", "`FirstNames`", "`FirstName`"]),
        ({"email": "Email"}, "CIX-103", ["field_mapping.email", "`Email`", "`EMail`"]),
        ({"email": None}, "CIX-101", ["field_mapping.email"]),
        ({"first_nam": "FirstName"}, "CIX-104", ["field_mapping.first_nam", "`first_name`"]),
        ({"custom_fields": {"Citty": "City"}}, "CIX-104", ["field_mapping.custom_fields", "`Citty`", "`City`"]),
        ({"custom_fields": {"City": "Town"}}, "CIX-103", ["field_mapping.custom_fields.City", "`Town`"]),
    ],
)
def test_a_wrong_field_mapping_names_the_setting_and_the_nearest_match_before_anything_is_sent(
    target: Target, mapping: dict[str, Any], code: str, parts: list[str]
) -> None:
    merged = {name: value for name, value in {**MAPPING, **mapping}.items() if value is not None}
    told = the_error(target.run(data("newsletter"), field_mapping=merged), code)
    assert [part for part in parts if part not in told] == []
    assert target.writes() == []


def test_no_list_for_a_segment_names_the_segment(to_campaign_monitor: Target) -> None:
    ran = to_campaign_monitor.run(data("two-segments"), list_id=None, lists={"Newsletter": to_campaign_monitor.list_id})
    assert "`Buyers`" in the_error(ran, "CIX-105")
    assert to_campaign_monitor.writes() == []


def test_a_segment_that_is_misspelt_in_the_lists_names_the_one_that_arrived(to_campaign_monitor: Target) -> None:
    list_id = to_campaign_monitor.list_id
    ran = to_campaign_monitor.run(data("newsletter"), lists={"Newsleter": list_id})
    told = the_error(ran, "CIX-105")
    assert "`Newsleter`" in told
    assert "`Newsletter`" in told
    assert to_campaign_monitor.writes() == []


def test_a_list_that_mails_everybody_who_joins_is_not_filled_unless_that_is_meant(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    lists = [{"title": "Newsletter", "list_id": target.list_id, "confirmed_opt_in": True}]
    target.sandbox.seed("campaign_monitor", lists=lists)
    assert "`allow_confirmation_emails: true`" in the_error(target.run(data("newsletter")), "CIX-511")
    assert target.writes() == []
    ran = target.run(data("newsletter"), allow_confirmation_emails=True)
    assert ran.code == 0
    assert {member["state"] for member in target.members().values()} == {"Unconfirmed"}


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"max_profiles": "many"}, "max_profiles"),
        ({"list_id": 7}, "list_id"),
        ({"max_rejected_ratio": "2"}, "max_rejected_ratio"),
        ({"new_list_unsubscribe_setting": "Never"}, "new_list_unsubscribe_setting"),
        ({"consent_to_track": None}, "consent_to_track"),
        ({"field_mapping": None}, "field_mapping"),
        ({"max_profile": 5}, "max_profile"),
        ({"ledger_url": "postgres://user:a-password@example.com/db"}, "ledger_url"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(
    to_campaign_monitor: Target, settings: dict[str, Any], name: str
) -> None:
    ran = to_campaign_monitor.run(data("newsletter"), **settings)
    [told] = [line for line in ran.stderr.splitlines() if "CIX-10" in line]
    assert f"`{name}`" in told
    assert "a-password" not in ran.stderr
    assert to_campaign_monitor.sandbox.requests("campaign_monitor") == []


def test_a_tracking_consent_column_that_the_segment_lacks_names_the_setting(to_campaign_monitor: Target) -> None:
    ran = to_campaign_monitor.run(data("newsletter"), consent_to_track="HasConsent")
    assert "consent_to_track" in the_error(ran, "CIX-103")


def test_a_tracking_consent_column_decides_for_each_person(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    rows = [{**row, "City": city} for row, city in zip(people(3), ("yes", "no", None), strict=True)]
    ran = target.run(stream(rows), consent_to_track="City", field_mapping={"email": "EMail"})
    assert ran.counts == {"received": 3, "created": 3}
    assert [member["consent_to_track"] for member in target.members().values()] == ["Yes", "No", "No"]
    assert [rows for text, rows in ran.summary["warnings"].items() if "consent_to_track" in text] == [1]


def test_values_that_had_to_be_changed_are_counted_in_the_summary_without_being_shown(target: Target) -> None:
    rows = [*people(2, City="x" * 300), *people(1, start=3, LoyaltyPoints="lots")]
    ran = target.run(stream(rows))
    assert ran.counts == {"received": 3, "created": 3}
    limit = 250 if target.is_campaign_monitor else 255
    assert {text.split("`")[1]: rows for text, rows in ran.summary["warnings"].items()} == {
        "City": 2,
        "Loyalty Points": 1,
    }
    assert any(f"{limit} characters" in text for text in ran.summary["warnings"])
    assert "xxx" not in json.dumps(ran.summary)


@pytest.mark.parametrize("largest_file", [8_192, 300_000])
def test_a_full_disk_is_named_and_once_there_is_room_everything_goes_out(
    to_campaign_monitor: Target, largest_file: int
) -> None:
    target = to_campaign_monitor
    rows = people(6_000)
    ran = target.run(stream(rows), largest_file=largest_file)
    assert "ledger.db" in the_error(ran, "CIX-602")
    assert target.writes() == []

    later = target.run(stream(rows))
    assert later.counts == {"received": 6000, "created": 6000}
    assert len(target.on_list()) == 6000


def test_an_unknown_column_is_named_with_the_setting_that_names_it(to_campaign_monitor: Target) -> None:
    ran = to_campaign_monitor.run(data("newsletter"), consent_to_track="MayTrack")
    assert "Setting `consent_to_track` names the column `MayTrack`" in the_error(ran, "CIX-103")


def test_a_damaged_ledger_is_left_as_it_is_and_named(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    damaged = b"this is no database" * 500
    target.ledger.write_bytes(damaged)
    ran = target.run(data("newsletter"))
    assert "ledger.db" in the_error(ran, "CIX-601")
    assert target.ledger.read_bytes() == damaged
    assert target.writes() == []


def test_an_output_folder_that_cannot_be_written_stops_the_run_before_anything_is_sent(
    to_campaign_monitor: Target,
) -> None:
    target = to_campaign_monitor
    (target.folder / "taken").write_text("a file in its place")
    ran = target.run(data("newsletter"), output_dir=str(target.folder / "taken"))
    assert "taken" in the_error(ran, "CIX-603")
    assert target.writes() == []
