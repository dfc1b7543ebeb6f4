"""A person connects an export at a terminal and a browser; the tokens go beside the ledger and nowhere else."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from cix_sandbox import accounts
from cryptography.fernet import Fernet
from target_process import data, people, stream
from terminal import command, login, shown

if TYPE_CHECKING:
    from target_process import Target

ROTATING = next(each for each in accounts.CONSTANT_CONTACT.applications if each.rotating)
APPLICATION = accounts.CAMPAIGN_MONITOR_APPLICATION
PUBLIC: dict[str, Any] = {"client_id": ROTATING.client_id, "client_secret": None, "refresh_token": None}
BROWSER: dict[str, Any] = {**PUBLIC, "login_flow": "browser", "login_redirect_url": "http://127.0.0.1:0/callback"}
BY_LOGIN: dict[str, Any] = {
    "api_key": None,
    "oauth_client_id": APPLICATION.client_id,
    "oauth_client_secret": APPLICATION.client_secret,
    "login_redirect_url": "http://127.0.0.1:0/callback",
}
DAY = 86_400


@pytest.fixture
def by_device(to_constant_contact: Target) -> Target:
    """An export that is connected by the device flow, without a client secret."""
    to_constant_contact.config = {k: v for k, v in (to_constant_contact.config | PUBLIC).items() if v is not None}
    return to_constant_contact


@pytest.fixture
def by_browser(to_constant_contact: Target) -> Target:
    """An export to Constant Contact that is connected by a browser."""
    to_constant_contact.config = {k: v for k, v in (to_constant_contact.config | BROWSER).items() if v is not None}
    return to_constant_contact


@pytest.fixture
def by_web_server(to_campaign_monitor: Target) -> Target:
    """An export to Campaign Monitor that is connected by a browser."""
    to_campaign_monitor.config = {k: v for k, v in (to_campaign_monitor.config | BY_LOGIN).items() if v is not None}
    return to_campaign_monitor


def tokens(target: Target) -> dict[str, Any]:
    """The stored tokens of the one connection there is."""
    query = "SELECT value FROM tokens WHERE connection LIKE 'http%/token %'"
    with closing(sqlite3.connect(f"{target.ledger}.tokens")) as connection:
        [(value,)] = connection.execute(query)
    return dict(json.loads(value))


def token_answers(target: Target) -> list[int]:
    return [each["status"] for each in target.requests("POST", "/token")]


def test_before_a_login_an_export_says_how_to_connect(by_device: Target, by_web_server: Target) -> None:
    for target in (by_device, by_web_server):
        ran = target.run(data("newsletter"))
        assert ran.code == 1
        assert "CIX-421" in ran.stderr
        assert f"`{target.name} --config … --login`" in ran.stderr
        assert "<target>" not in ran.stderr


def test_a_device_login_connects_exports_and_its_refresh_shows_no_secret(by_device: Target) -> None:
    target = by_device
    with login(target) as under_way:
        assert under_way.page.startswith(target.sandbox.url)
        under_way.answer_device()
        code, told = under_way.end()
    assert code == 0
    assert "Connected to Sandbox Retail." in told
    kept = tokens(target)
    assert set(kept["scope"].split()) == {"contact_data", "account_read", "offline_access"}
    assert kept["access_token"] not in told
    assert kept["refresh_token"] not in told
    assert stat.S_IMODE(target.ledger.with_name("ledger.db.tokens").stat().st_mode) == 0o600
    assert target.run(stream(people(1))).code == 0
    target.sandbox.advance(DAY + 1)
    assert target.run(stream(people(2))).code == 0
    assert tokens(target)["refresh_token"] != kept["refresh_token"], "the rotated one is kept"
    assert len(target.on_list()) == 2


def test_a_device_login_counts_for_an_application_with_a_secret_too(by_device: Target) -> None:
    by_device.config["client_secret"] = ROTATING.client_secret
    with login(by_device) as under_way:
        under_way.answer_device()
        assert under_way.end()[0] == 0
    by_device.sandbox.advance(DAY + 1)
    assert by_device.run(stream(people(1))).code == 0


def test_refused_access_is_a_login_that_failed(by_device: Target) -> None:
    with login(by_device) as under_way:
        under_way.answer_device("deny")
        code, told = under_way.end()
    assert code == 1
    assert "CIX-422" in told
    assert "refused" in told


def test_a_device_code_that_nobody_answers_runs_out(by_device: Target) -> None:
    with login(by_device) as under_way:
        by_device.sandbox.advance(DAY)
        code, told = under_way.end()
    assert code == 1
    assert "CIX-422" in told
    assert "in time" in told


def test_a_platform_that_gives_no_refresh_token_is_told_and_its_login_ends(by_device: Target) -> None:
    target = by_device
    target.sandbox.control("PATCH", "/switches", {"constant_contact.device_refresh_token": False})
    with login(target) as under_way:
        under_way.answer_device()
        code, told = under_way.end()
    assert code == 0
    assert "no refresh token" in told
    assert "`login_flow`" in told
    assert target.run(stream(people(1))).code == 0
    target.sandbox.advance(DAY + 1)
    ran = target.run(stream(people(2)))
    assert ran.code == 1
    assert "CIX-403" in ran.stderr


def test_a_login_at_a_browser_is_bound_to_its_process_and_needs_no_secret(by_browser: Target) -> None:
    target = by_browser
    with login(target) as under_way:
        query = under_way.query()
        assert query["scope"] == "contact_data account_read offline_access"
        assert query["code_challenge_method"] == "S256"
        assert len(query["state"]) >= 32
        assert query["redirect_uri"].startswith("http://127.0.0.1:")
        assert "close this page" in under_way.browse().text
        code, told = under_way.end()
    assert code == 0
    assert "Connected to Sandbox Retail." in told
    target.sandbox.advance(DAY + 1)
    assert target.run(stream(people(1))).code == 0


def test_a_confidential_application_shows_its_secret_at_a_browser_login(by_browser: Target) -> None:
    by_browser.config["client_secret"] = ROTATING.client_secret
    with login(by_browser) as under_way:
        under_way.browse()
        assert under_way.end()[0] == 0
    by_browser.sandbox.advance(DAY + 1)
    assert by_browser.run(stream(people(1))).code == 0


def test_an_answer_with_another_state_is_refused_and_the_right_one_still_taken(by_browser: Target) -> None:
    with login(by_browser) as under_way:
        back = under_way.query()["redirect_uri"]
        for state in ({"state": "guessed"}, {}, {"state": ""}):
            forged = requests.get(f"{back}?{urlencode({'code': 'stolen', **state})}", timeout=10)
            assert forged.status_code == 400
        assert (
            requests.get(f"{back}x?{urlencode({'state': under_way.query()['state']})}", timeout=10).status_code == 400
        )
        under_way.browse()
        assert under_way.end()[0] == 0


def test_one_answer_is_taken_and_the_port_closed(by_browser: Target) -> None:
    with login(by_browser) as under_way:
        under_way.browse()
        assert under_way.end()[0] == 0
        with pytest.raises(requests.ConnectionError):
            requests.get(under_way.query()["redirect_uri"], timeout=10)


def test_a_code_that_another_process_asked_for_is_of_no_use(by_browser: Target) -> None:
    """PKCE: what is granted to one verifier cannot be exchanged with another."""
    with login(by_browser) as mine:
        query = mine.query() | {"code_challenge": "A" * 43}
        page = urlsplit(mine.page)._replace(query=urlencode(query)).geturl()
        requests.get(page, timeout=10)
        code, told = mine.end()
    assert code == 1
    assert "CIX-422" in told


def test_access_refused_at_a_browser_is_a_login_that_failed(by_browser: Target, by_web_server: Target) -> None:
    by_browser.sandbox.switch("constant_contact.authorize", "deny")
    by_browser.sandbox.switch("campaign_monitor.oauth_decision", "deny")
    for target in (by_browser, by_web_server):
        with login(target) as under_way:
            under_way.browse()
            code, told = under_way.end()
        assert code == 1
        assert "CIX-422" in told
        assert "refused" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_login_can_be_stopped(by_browser: Target, number: signal.Signals) -> None:
    with login(by_browser) as under_way:
        os.kill(under_way.pid, number)
        code, told = under_way.end()
    assert code == 128 + number
    assert "CIX-604" in told


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/x", "http://example.com:8912/", "http://127.0.0.1/", "nonsense"])
def test_a_redirect_to_another_machine_is_refused(by_browser: Target, url: str) -> None:
    ended = command(by_browser, "--login", login_redirect_url=url)
    assert ended.code == 1
    assert "`login_redirect_url`" in ended.stderr


def test_a_wrong_client_is_a_matter_of_credentials(by_device: Target) -> None:
    ended = command(by_device, "--login", client_id="5a4db0c5-0000-4000-8000-00000000ffff")
    assert ended.code == 1
    assert "CIX-402" in ended.stderr


def test_a_web_server_login_asks_for_two_permissions_and_connects_exports(by_web_server: Target) -> None:
    target = by_web_server
    with login(target) as under_way:
        query = under_way.query()
        assert query["type"] == "web_server"
        assert query["scope"] == "ManageLists,ImportSubscribers"
        under_way.browse()
        code, told = under_way.end()
    assert code == 0
    assert "Connected to Campaign Monitor (Sandbox Retail)." in told
    assert target.run(stream(people(1)), oauth_client_secret=None).code == 0, "an export needs the secret no more"
    target.sandbox.advance(15 * DAY)
    assert target.run(stream(people(2)), oauth_client_secret=None).code == 0
    assert token_answers(target) == [200, 200]


def test_a_token_of_campaign_monitor_that_expires_in_the_middle_is_renewed_once(by_web_server: Target) -> None:
    target = by_web_server
    with login(target) as under_way:
        under_way.browse()
        under_way.end()
    target.sandbox.fault("expired_token", path="import", count=1)
    ran = target.run(stream(people(3)))
    assert ran.code == 0
    assert ran.counts == {"received": 3, "created": 3}
    assert [each["status"] for each in target.imports()] == [401, 201]


def test_a_revoked_token_of_campaign_monitor_calls_for_another_login(by_web_server: Target) -> None:
    target = by_web_server
    with login(target) as under_way:
        under_way.browse()
        under_way.end()
    target.sandbox.fault("revoked_token", count=1)
    ran = target.run(stream(people(1)))
    assert ran.code == 1
    assert "CIX-403" in ran.stderr
    assert f"`{target.name} --config … --login`" in ran.stderr
    assert token_answers(target) == [200], "only an expired token is renewed"


@pytest.mark.parametrize("status", ["400", "401"])
def test_a_code_that_campaign_monitor_does_not_take_is_a_login_that_failed(by_web_server: Target, status: str) -> None:
    by_web_server.sandbox.switch("campaign_monitor.oauth_error_status", status)
    with login(by_web_server) as under_way:
        query = under_way.query()
        requests.get(f"{query['redirect_uri']}?{urlencode({'code': 'x', 'state': query['state']})}", timeout=10)
        code, told = under_way.end()
    assert code == 1
    assert "CIX-422" in told


def test_an_api_key_goes_before_a_login_so_a_login_beside_it_is_refused(to_campaign_monitor: Target) -> None:
    both = {name: value for name, value in BY_LOGIN.items() if name != "api_key"}
    ended = command(to_campaign_monitor, "--login", **both)
    assert ended.code == 1
    assert "`api_key`" in ended.stderr
    assert "`oauth_client_id`" in command(to_campaign_monitor, "--login", api_key=None).stderr


@pytest.mark.parametrize("fault", ["status", "throttle", "drop_before"])
def test_a_blip_of_the_token_endpoint_costs_no_login(by_browser: Target, fault: str) -> None:
    target = by_browser
    with login(target) as under_way:
        under_way.browse()
        under_way.end()
    target.sandbox.advance(DAY + 1)
    target.sandbox.fault(fault, path="/token", count=2)
    ran = target.run(stream(people(1)))
    assert ran.code == 0
    target.sandbox.advance(DAY + 1)
    target.sandbox.fault(fault, path="/token")
    ran = target.run(stream(people(2)))
    assert ran.code in {1, 75}
    assert "CIX-403" not in ran.stderr
    target.sandbox.control("DELETE", "/faults")
    assert target.run(stream(people(2))).code == 0, "the stored token is as good as before"


def test_after_the_authorisation_has_ended_a_login_mends_it_without_a_change_of_settings(
    to_constant_contact: Target,
) -> None:
    target = to_constant_contact
    own = {"client_id": ROTATING.client_id, "client_secret": ROTATING.client_secret, "refresh_token": "long-dead"}
    target.config |= own
    ran = target.run(stream(people(1)))
    assert ran.code == 1
    assert "CIX-403" in ran.stderr
    with login(target) as under_way:
        under_way.answer_device()
        assert under_way.end()[0] == 0
    assert target.run(stream(people(1))).code == 0


def test_two_logins_of_one_application_are_kept_apart_by_name(by_web_server: Target) -> None:
    with login(by_web_server, login_name="first") as under_way:
        under_way.browse()
        under_way.end()
    assert by_web_server.run(stream(people(1)), login_name="first").code == 0
    assert "CIX-421" in by_web_server.run(stream(people(1)), login_name="second").stderr


def test_with_a_key_the_tokens_are_encrypted_and_without_it_the_error_says_so(by_web_server: Target) -> None:
    target, key = by_web_server, Fernet.generate_key().decode()
    with login(target, key=key) as under_way:
        under_way.browse()
        code, told = under_way.end()
    assert code == 0
    assert key not in told
    with closing(sqlite3.connect(f"{target.ledger}.tokens")) as connection:
        [(value,)] = connection.execute("SELECT value FROM tokens")
    assert value.startswith("gAAAA")
    ended = command(target, "--lists")
    assert ended.code == 1
    assert "CIX-611" in ended.stderr
    assert "`CIX_TOKEN_KEY`" in ended.stderr


def test_after_a_login_lists_and_fields_are_shown_without_the_settings_of_an_export(by_browser: Target) -> None:
    bare = {"field_mapping": None, "list_id": None, "data_privacy_consent": None}
    with login(by_browser, **bare) as under_way:
        under_way.browse()
        assert under_way.end()[0] == 0
    assert [each["name"] for each in shown(by_browser, "--lists", **bare)] == ["Newsletter"]
    names = {each["name"] for each in shown(by_browser, "--fields", **bare)}
    assert {"email", "first_name", "City", "Loyalty Points"} <= names


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("reuse_revokes_grant", True),
        ("refresh_expires_access_tokens", True),
        ("missing_token_status", "403"),
        ("token_requests_per_second", 1),
    ],
)
def test_exports_go_on_for_days_however_the_platform_treats_old_tokens(
    by_browser: Target, switch: str, value: object
) -> None:
    target = by_browser
    target.sandbox.switch(f"constant_contact.{switch}", value)
    with login(target) as under_way:
        under_way.browse()
        assert under_way.end()[0] == 0
    for day in (1, 2):
        target.sandbox.advance(DAY + 1)
        assert target.run(stream(people(day))).code == 0


@pytest.mark.parametrize("rotating", [True, False])
def test_an_answer_of_the_token_endpoint_that_got_lost_uses_up_a_rotating_token_alone(
    to_constant_contact: Target, rotating: bool
) -> None:
    target = to_constant_contact
    [application] = [each for each in accounts.CONSTANT_CONTACT.applications if each.rotating is rotating]
    target.config |= {
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "refresh_token": application.refresh_token,
    }
    target.sandbox.fault("drop_after", path="/token", count=1)
    ran = target.run(stream(people(1)))
    if rotating:
        assert "CIX-403" in ran.stderr
        assert "did not arrive" in ran.stderr
    else:
        assert ran.code == 0


def test_half_a_year_without_an_export_ends_a_login(by_browser: Target) -> None:
    with login(by_browser) as under_way:
        under_way.browse()
        assert under_way.end()[0] == 0
    by_browser.sandbox.advance(181 * DAY)
    ran = by_browser.run(stream(people(1)))
    assert ran.code == 1
    assert "CIX-403" in ran.stderr
