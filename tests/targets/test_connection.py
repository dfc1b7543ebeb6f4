"""Credentials, tokens and permissions: what is refused is named, what rotates is kept."""

from __future__ import annotations

import json
import socket
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from cix_sandbox import accounts
from target_process import data, people, stream

if TYPE_CHECKING:
    from target_process import Ran, Target

DAY = 86_400


def refused(ran: Ran, code: str) -> None:
    """The run ended before anything was read, with this error."""
    assert ran.code == 1
    assert code in ran.stderr
    if ran.folder is not None:
        assert ran.summary["error"]["code"] == code
        assert ran.counts == {}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def token_requests(target: Target) -> int:
    return len(target.requests("POST", "/token"))


def test_a_wrong_api_key_is_refused(to_campaign_monitor: Target) -> None:
    refused(to_campaign_monitor.run(data("newsletter"), api_key="no-such-key"), "CIX-402")
    assert to_campaign_monitor.writes() == []


@pytest.mark.parametrize(
    ("setting", "code"), [("client_secret", "CIX-402"), ("client_id", "CIX-402"), ("refresh_token", "CIX-403")]
)
def test_a_wrong_client_is_told_from_a_refresh_token_that_is_not_honoured(
    to_constant_contact: Target, setting: str, code: str
) -> None:
    refused(to_constant_contact.run(data("newsletter"), **{setting: "no-such-value"}), code)
    assert to_constant_contact.writes() == []


@pytest.mark.parametrize("where", ["unknown", "other account"])
def test_a_list_that_is_not_in_the_account_is_refused(target: Target, where: str) -> None:
    others = {
        "campaign_monitor": accounts.CAMPAIGN_MONITOR_OTHER.list_id,
        "constant_contact": accounts.CONSTANT_CONTACT_OTHER.list_id,
    }
    unknown = {"campaign_monitor": "0" * 32, "constant_contact": "00000000-0000-4000-8000-000000000000"}
    list_id = (others if where == "other account" else unknown)[target.platform]
    ran = target.run(data("newsletter"), list_id=list_id)
    refused(ran, "CIX-404")
    assert "list" in ran.summary["error"]["message"].lower()
    assert target.writes() == []


def test_an_identifier_that_is_none_at_all_is_refused_too(to_constant_contact: Target) -> None:
    refused(to_constant_contact.run(data("newsletter"), list_id="my newsletter"), "CIX-404")


@pytest.mark.parametrize("body", ["array", "gateway"])
def test_a_missing_privilege_names_the_scopes_and_sends_nothing(to_constant_contact: Target, body: str) -> None:
    target = to_constant_contact
    target.sandbox.switch("constant_contact.privileges", "read_only")
    target.sandbox.switch("constant_contact.forbidden_body", body)
    ran = target.run(data("newsletter"))
    assert ran.code == 1
    assert "CIX-405" in ran.stderr
    assert "`contact_data`" in ran.stderr
    assert target.on_list() == set()


def test_one_export_after_another_with_rotating_refresh_tokens_needs_nobody_at_a_browser(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    [rotating] = [each for each in accounts.CONSTANT_CONTACT.applications if each.rotating]
    own = {
        "client_id": rotating.client_id,
        "client_secret": rotating.client_secret,
        "refresh_token": rotating.refresh_token,
    }
    for number in (1, 2, 3):
        ran = target.run(stream(people(number)), **own)
        assert ran.code == 0
        assert token_requests(target) == number
        query = "SELECT value FROM tokens WHERE connection LIKE 'http%/token %'"
        with closing(sqlite3.connect(f"{target.ledger}.tokens")) as store:
            kept = json.loads(store.execute(query).fetchone()[0])
        assert kept["refresh_token"] != rotating.refresh_token
        assert not [token for token in (kept["refresh_token"], kept["access_token"]) if token in ran.stderr]
        target.sandbox.advance(DAY + 1)
    assert len(target.on_list()) == 3


def test_a_second_run_uses_the_access_token_that_the_first_one_got(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.run(stream(people(1)))
    target.run(stream(people(2)))
    assert token_requests(target) == 1


def test_an_access_token_that_expires_in_the_middle_is_renewed_once(to_constant_contact: Target) -> None:
    target = to_constant_contact
    target.sandbox.fault("expired_token", path="contacts_json_import", count=1)
    ran = target.run(data("newsletter"))
    assert ran.code == 0
    assert ran.counts == {"received": 5, "created": 5}
    assert token_requests(target) == 2
    assert [each["status"] for each in target.imports()] == [401, 201]


def test_a_token_that_is_refused_even_when_fresh_ends_the_run_instead_of_asking_for_ever(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    target.sandbox.fault("status", status=401, path="contacts_json_import")
    ran = target.run(data("newsletter"))
    assert ran.code == 1
    assert "CIX-403" in ran.stderr
    assert len(target.imports()) == 2
    assert token_requests(target) == 2


def test_a_platform_that_is_down_is_named_and_on_this_machine_how_to_start_the_sandbox(target: Target) -> None:
    path = "/createsend/api/v3.3" if target.is_campaign_monitor else "/constantcontact/v3"
    ran = target.run(data("newsletter"), api_url=f"http://127.0.0.1:{free_port()}{path}", max_attempts=1)
    refused(ran, "CIX-401")
    assert "`make sandbox`" in ran.stderr


def test_the_test_of_meltano_checks_the_credentials_and_sends_nothing(target: Target) -> None:
    ran = target.run(data("meltano-test"))
    assert (ran.code, ran.stdout) == (0, "")
    assert ran.counts == {}
    assert target.writes() == []
    assert target.sandbox.requests(target.platform) != []


def test_the_test_of_meltano_fails_with_wrong_credentials(to_campaign_monitor: Target) -> None:
    refused(to_campaign_monitor.run(data("meltano-test"), api_key="no-such-key"), "CIX-402")
