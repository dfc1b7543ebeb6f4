"""Whoever connects an account sees what is there, and what would stop an export, before the first row is sent."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cix_sandbox import accounts
from constant_contact_api import ConstantContactApi
from target_process import data, people, stream
from terminal import command, shown

if TYPE_CHECKING:
    from target_process import Target

SECOND = {
    "campaign_monitor": "1157c0de1157c0de1157c0de1157c0d2",
    "constant_contact": "1157c0de-0000-4000-8000-0000000000d2",
}


def second_list(target: Target, name: str) -> str:
    """Make a list beside the ready one."""
    title = "title" if target.is_campaign_monitor else "name"
    target.sandbox.seed(target.platform, lists=[{title: name, "list_id": SECOND[target.platform]}])
    return SECOND[target.platform]


def codes(report: dict[str, Any]) -> list[str]:
    return [each["code"] for each in report["problems"]]


def test_lists_are_shown_with_name_id_and_size_as_a_table_and_as_json(target: Target) -> None:
    second = second_list(target, "Ünews [bold]")
    target.run(stream(people(3)))
    lists = {each["list_id"]: (each["name"], each["people"]) for each in shown(target, "--lists")}
    assert lists == {target.list_id: ("Newsletter", 3), second: ("Ünews [bold]", 0)}
    table = command(target, "--lists").stdout
    assert second in table
    assert "Ünews [bold]" in table
    assert target.list_id in table


def test_fields_are_shown_as_field_mapping_wants_them(target: Target) -> None:
    fields = {each["name"]: each for each in shown(target, "--fields")}
    assert fields["email"]["kind"] == "standard"
    assert fields["first_name"]["description"]
    assert {"City", "Loyalty Points", "Last Purchase"} <= fields.keys()
    assert fields["Loyalty Points"]["type"].casefold() == "number"
    table = command(target, "--fields").stdout
    assert fields["City"]["key"] in table, "brackets are shown, not obeyed"


def test_fields_of_campaign_monitor_need_a_list(to_campaign_monitor: Target) -> None:
    ended = command(to_campaign_monitor, "--fields", list_id=None)
    assert ended.code == 1
    assert "CIX-105" in ended.stderr


def test_a_sound_export_is_checked_without_a_finding_and_without_a_write(target: Target) -> None:
    target.run(stream(people(2)))
    target.forget_requests()
    report = shown(target, "--check")
    assert report["problems"] == []
    assert "Sandbox Retail" in report["account"]["name"]
    [found] = report["lists"]
    assert (found["list_id"], found["name"], found["people"]) == (target.list_id, "Newsletter", 2)
    assert any(field.startswith("City") for field in found["fields"])
    assert target.writes() == []
    ended = command(target, "--check")
    assert ended.code == 0
    assert "Nothing found that would stop an export." in ended.stdout


def test_check_tells_permissions_and_the_requests_that_are_left(to_constant_contact: Target) -> None:
    account = shown(to_constant_contact, "--check")["account"]
    assert account["account_id"]
    assert {"contact_data", "offline_access", "contacts:lists:write"} <= set(account["permissions"])
    assert account["missing_permissions"] == []
    left = account["requests_left_today"]
    assert 9_900 < left < 10_000
    assert shown(to_constant_contact, "--check")["account"]["requests_left_today"] < left
    assert shown(to_constant_contact, "--check", requests_per_day=0)["account"]["requests_left_today"] is None


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"data_privacy_consent": False}, "CIX-102"),
        ({"list_id": None}, "CIX-105"),
        ({"list_id": "Newsleter"}, "CIX-404"),
        ({"field_mapping": {"email": "E", "custom_fields": {"Citi": "C"}}}, "CIX-104"),
        ({"field_mapping": {"email": "E", "nickname": "N"}}, "CIX-104"),
        ({"field_mapping": None}, "CIX-101"),
        ({"max_profiles": "many"}, "CIX-101"),
    ],
)
def test_check_finds_what_would_stop_an_export(target: Target, settings: dict[str, Any], code: str) -> None:
    if "max_profiles" in settings:
        ended = command(target, "--check", **settings)
        assert ended.code == 1
        assert code in ended.stderr
        return
    report = shown(target, "--check", **settings)
    assert codes(report) == [code]
    ran = target.run(data("newsletter"), **settings)
    assert ran.code == 1
    assert code in ran.stderr
    assert command(target, "--check", **settings).code == 1


def test_several_findings_are_told_at_once(target: Target) -> None:
    mapping = {"email": "E", "custom_fields": {"Citi": "C"}}
    report = shown(target, "--check", data_privacy_consent=False, field_mapping=mapping, lists={"A": "Nobody's"})
    assert sorted(codes(report)) == ["CIX-102", "CIX-104", "CIX-404"]
    assert all(each["what_to_do"] for each in report["problems"])


def test_every_field_that_is_missing_is_named_at_once(target: Target) -> None:
    custom = {"Citi": "C", "Shoe size": "S", "Loyalty Points": "L"}
    mapping = {"email": "E", "nickname": "N", "firstname": "F", "custom_fields": custom}
    problems = shown(target, "--check", field_mapping=mapping, lists={"A": second_list(target, "Other")})["problems"]
    told = [each["problem"] for each in problems if each["code"] == "CIX-104"]
    assert len(told) == len(set(told)) == len(problems)
    for name in ("`field_mapping.nickname`", "`field_mapping.firstname`", "`Citi`", "`Shoe size`"):
        assert any(name in each for each in told), name
    own = {"field_mapping": {"email": "E", "custom_fields": custom}}
    for ran in (target.run(stream(people(1)), **own), command(target, "--check", **own)):
        assert ran.code == 1
        assert all(name in ran.stdout + ran.stderr for name in ("`Citi`", "`Shoe size`"))


def test_what_else_is_wrong_with_the_fields_is_told_beside_those_that_are_missing(target: Target) -> None:
    mapping = {"email": "E", "custom_fields": {"Citi": "C", "Loyalty Points": "L", "loyalty points": "L"}}
    assert codes(shown(target, "--check", field_mapping=mapping)) == ["CIX-104", "CIX-101"]
    assert codes(shown(target, "--check", field_mapping=mapping, create_fields=True)) == ["CIX-101"]


def test_a_list_is_looked_up_although_settings_are_missing(target: Target) -> None:
    report = shown(target, "--check", field_mapping=None, lists={"A": "Nobody's", "B": "newsletter"})
    assert codes(report) == ["CIX-101", "CIX-404"]
    assert {"list_id": target.list_id, "people": 0} in report["lists"]


def test_a_program_gets_one_object_also_when_a_check_cannot_begin(target: Target) -> None:
    wrong = {"api_key": "no-such-key"} if target.is_campaign_monitor else {"client_secret": "no-such-secret"}
    for settings, code in ((wrong, "CIX-402"), ({"max_profiles": "many", "dry_run": 3}, "CIX-101")):
        ended = command(target, "--check", "--format", "JSON", **settings)
        report = json.loads(ended.stdout)
        assert (report["account"], report["lists"], codes(report)) == (None, [], [code])
        [problem] = report["problems"]
        assert problem["problem"]
        assert problem["what_to_do"]
        assert problem["problem"] in ended.stderr
        assert ended.code == 1
    assert all(f"`{name}`" in problem["problem"] for name in ("max_profiles", "dry_run"))


def test_a_program_is_told_of_a_configuration_that_cannot_be_read(target: Target) -> None:
    ended = command(target, "--config", "no-such-file.json", "--check", "--format=json")
    assert codes(json.loads(ended.stdout)) == ["CIX-101"]
    assert "no-such-file.json" in ended.stdout
    assert ended.code == 1
    for others in (("--check",), ("--format=json", "--lists"), ()):
        assert command(target, "--config", "no-such-file.json", *others).stdout == ""


def test_check_finds_a_list_that_would_mail_everybody(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    list_id = SECOND["campaign_monitor"]
    target.sandbox.seed(target.platform, lists=[{"title": "Opt in", "list_id": list_id, "confirmed_opt_in": True}])
    mapping = {"email": "EMail"}
    assert codes(shown(target, "--check", list_id="opt in", field_mapping=mapping)) == ["CIX-511"]


def test_a_ledger_is_rebuilt_from_a_list_that_would_mail_everybody_who_joins(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    list_id = SECOND["campaign_monitor"]
    target.sandbox.seed(target.platform, lists=[{"title": "Opt in", "list_id": list_id, "confirmed_opt_in": True}])
    target.sandbox.seed(target.platform, list_id=list_id, subscribers=[{"email": "person00001@example.com"}])
    rebuilt = command(target, "--rebuild-ledger", list_id=list_id)
    assert rebuilt.code == 0
    assert "1 people on it" in rebuilt.stderr
    assert "CIX-404" in command(target, "--rebuild-ledger", list_id="0" * 32).stderr


@pytest.mark.parametrize("privileges", ["none", "read_only"])
def test_check_finds_missing_privileges(to_constant_contact: Target, privileges: str) -> None:
    to_constant_contact.sandbox.switch("constant_contact.privileges", privileges)
    report = shown(to_constant_contact, "--check")
    assert "contacts:write" in report["account"]["missing_permissions"]
    assert codes(report)[0] == "CIX-405"


@pytest.mark.parametrize("flag", ["--check", "--lists", "--fields"])
def test_refused_credentials_are_one_line_with_a_code(target: Target, flag: str) -> None:
    wrong = {"api_key": "no-such-key"} if target.is_campaign_monitor else {"client_secret": "no-such-secret"}
    ended = command(target, flag, **wrong)
    assert ended.code == 1
    assert "CIX-402" in ended.stderr
    assert ended.stdout == ""


def test_a_platform_that_is_down_is_one_line_with_a_code(target: Target) -> None:
    target.sandbox.fault("status", platform=target.platform)
    ended = command(target, "--check", max_attempts=1)
    assert ended.code == 1
    assert "CIX-401" in ended.stderr


def test_a_list_is_exported_to_by_its_name(target: Target) -> None:
    list_id = second_list(target, "Weekly News")
    mapping = {"email": "EMail"}
    ran = target.run(stream(people(2)), list_id="weekly news", field_mapping=mapping)
    assert ran.code == 0
    assert list(ran.summary["lists"]) == [list_id]
    assert len(target.on_list(list_id)) == 2
    assert target.on_list() == set()
    assert target.run(stream(people(2)), list_id=list_id, field_mapping=mapping).counts["unchanged"] == 2


def test_a_name_that_no_list_has_is_answered_with_the_nearest(target: Target) -> None:
    ran = target.run(stream(people(1)), list_id="Newsleter")
    assert "CIX-404" in ran.stderr
    assert "did you mean `Newsletter`?" in ran.stderr


def test_names_that_differ_in_case_are_told_with_both_ids(to_constant_contact: Target) -> None:
    second = second_list(to_constant_contact, "NEWSLETTER")
    ran = to_constant_contact.run(stream(people(1)), list_id="newsletter")
    assert "CIX-423" in ran.stderr
    assert second in ran.stderr
    assert to_constant_contact.list_id in ran.stderr


def test_a_missing_list_is_made_once_and_filled(target: Target) -> None:
    own = {"list_id": "Monthly news", "create_list": True, "field_mapping": {"email": "EMail"}}
    planned = target.run(stream(people(2)), dry_run=True, **own)
    assert planned.code == 0
    assert planned.counts == {"received": 2, "created": 2}
    assert target.writes() == []
    assert shown(target, "--check", **own)["lists"] == [{"name": "Monthly news", "would_be_created": True}]
    first = target.run(stream(people(2)), **own)
    assert first.code == 0
    [list_id] = first.summary["lists"]
    assert len(target.on_list(list_id)) == 2
    assert target.run(stream(people(2)), **own).counts == {"received": 2, "unchanged": 2}
    assert sorted(each["name"] for each in shown(target, "--lists") if "transit" not in each["name"]) == [
        "Monthly news",
        "Newsletter",
    ]


def test_an_id_that_does_not_exist_makes_no_list(target: Target) -> None:
    unknown = "0" * 32 if target.is_campaign_monitor else "00000000-0000-4000-8000-000000000000"
    ran = target.run(stream(people(1)), list_id=unknown, create_list=True)
    assert "CIX-404" in ran.stderr
    assert target.writes() == []


def test_a_mistyped_id_makes_no_list(target: Target) -> None:
    own = {"list_id": target.list_id[:-1], "create_list": True, "field_mapping": {"email": "EMail"}}
    ran = target.run(stream(people(1)), **own)
    assert "CIX-404" in ran.stderr
    assert "mistyped id" in ran.stderr
    assert codes(shown(target, "--check", **own)) == ["CIX-404"]
    assert target.writes() == []


def test_a_list_that_lacks_the_fields_of_the_mapping_is_not_made(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    ran = target.run(stream(people(1)), list_id="Fresh", create_list=True)
    assert "CIX-104" in ran.stderr
    assert target.writes() == []
    assert target.run(stream(people(1)), list_id="Fresh", create_list=True, create_fields=True).code == 0


def test_a_renamed_list_is_told_and_neither_made_anew_nor_left_for_another(target: Target) -> None:
    own = {"list_id": "Club", "create_list": True, "field_mapping": {"email": "EMail"}}
    [list_id] = target.run(stream(people(2)), **own).summary["lists"]
    if target.is_campaign_monitor:
        target.sandbox.seed(target.platform, lists=[{"list_id": list_id, "title": "Club members"}])
    else:
        ConstantContactApi(target.sandbox).put(f"/contact_lists/{list_id}", {"name": "Club members"})
    target.forget_requests()
    ran = target.run(stream(people(2)), **own)
    assert "CIX-424" in ran.stderr
    assert list_id in ran.stderr
    assert "`Club members`" in ran.stderr
    assert codes(shown(target, "--check", **own)) == ["CIX-424"]
    assert target.writes() == []
    assert codes(shown(target, "--check", **own, accept_other_list=True)) == []
    assert target.run(stream(people(2)), **own | {"list_id": "Club members"}).counts["unchanged"] == 2


def test_with_a_client_named_a_name_means_a_list_of_that_client(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    url, auth = target.sandbox.campaign_monitor, (accounts.CAMPAIGN_MONITOR.api_key, "x")
    company = {"CompanyName": "Client B", "Country": "Denmark", "TimeZone": "(GMT) Casablanca, Monrovia, Reykjavik"}
    assert requests.post(f"{url}/clients.json", json=company, auth=auth, timeout=10).status_code == 201
    own = {"list_id": "Newsletter", "create_list": True, "field_mapping": {"email": "EMail"}}
    first = target.run(stream(people(1)), **own)
    assert list(first.summary["lists"]) == [target.list_id]

    second = target.run(stream(people(2)), **own, new_list_client="Client B")
    [made] = second.summary["lists"]
    assert (second.code, second.counts["created"]) == (0, 2)
    assert made != target.list_id
    assert len(target.on_list()) == 1
    assert target.run(stream(people(2)), **own, new_list_client="client b").counts["unchanged"] == 2
    assert target.run(stream(people(1)), **own, new_list_client="Sandbox Retail").counts["unchanged"] == 1


def test_a_list_of_campaign_monitor_is_made_as_the_settings_say(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    own = {"list_id": "Monthly", "create_list": True, "field_mapping": {"email": "EMail"}}
    ran = target.run(stream(people(1)), new_list_unsubscribe_setting="OnlyThisList", **own)
    [list_id] = ran.summary["lists"]
    url = f"{target.sandbox.campaign_monitor}/lists/{list_id}.json"
    made = requests.get(url, auth=(accounts.CAMPAIGN_MONITOR.api_key, "x"), timeout=10).json()
    assert made["UnsubscribeSetting"] == "OnlyThisList"
    assert made["ConfirmedOptIn"] is False
    assert made["Title"] == "Monthly"


def test_a_new_list_needs_its_client_named_where_there_are_several(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    key = (accounts.CAMPAIGN_MONITOR.api_key, "x")
    body = {"CompanyName": "Second client", "Country": "Norway", "TimeZone": "(GMT) Coordinated Universal Time"}
    base = target.sandbox.campaign_monitor
    assert requests.post(f"{base}/clients.json", json=body, auth=key, timeout=10).status_code == 201
    own = {"list_id": "Monthly", "create_list": True, "field_mapping": {"email": "EMail"}}
    refused = target.run(stream(people(1)), **own)
    assert "CIX-101" in refused.stderr
    assert "`new_list_client`" in refused.stderr
    assert target.run(stream(people(1)), new_list_client="Sekond client", **own).code == 1
    assert target.run(stream(people(1)), new_list_client="second CLIENT", **own).code == 0
    owners = {each["name"]: each["owner"] for each in shown(target, "--lists")}
    assert owners == {"Newsletter": "Sandbox Retail", "Monthly": "Second client"}


def test_a_spent_day_leaves_the_rows_for_the_next_one(to_constant_contact: Target) -> None:
    target = to_constant_contact
    spent = target.run(stream(people(3)), requests_per_day=4)
    assert spent.code == 75
    assert "CIX-406" in spent.stderr
    assert "00:00 UTC" in spent.stderr
    assert spent.counts.get("failed", 0) == 0
    assert len(target.sandbox.requests(target.platform)) <= 10
    assert target.run(stream(people(3)), requests_per_day=10_000).code == 0
    assert len(target.on_list()) == 3


def test_the_name_of_no_file_tells_anything_of_the_key(to_campaign_monitor: Target) -> None:
    target = to_campaign_monitor
    target.run(stream(people(1)))
    key = accounts.CAMPAIGN_MONITOR.api_key
    prints = {hashlib.new(kind, key.encode()).hexdigest()[:12] for kind in ("sha256", "sha1", "md5", "blake2b")}
    names = [path.name for path in target.folder.rglob("*")]
    assert any("budget-" in name for name in names)
    assert not [name for name in names for print_ in prints if print_ in name]
