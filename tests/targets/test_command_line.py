"""The executables themselves: what they say about themselves, and what they say about a bad command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from processes import Call, run_executable, run_forked

if TYPE_CHECKING:
    from pathlib import Path

PLUGINS = ("target-campaign-monitor", "target-constant-contact")


@pytest.mark.parametrize("name", PLUGINS)
def test_about_lists_every_setting_with_a_description_and_marks_the_secrets(name: str, tmp_path: Path) -> None:
    ended = run_executable(Call(name, ("--about", "--format=json"), tmp_path), "")
    assert ended.code == 0
    about = json.loads(ended.stdout)
    settings = about["settings"]["properties"]
    assert about["name"] == name
    assert all(each.get("description") for each in settings.values())
    secret = {setting for setting, each in settings.items() if each.get("secret")}
    assert secret == ({"api_key", "oauth_client_secret"} if "campaign" in name else {"client_secret", "refresh_token"})
    assert {"data_privacy_consent", "list_id", "lists", "field_mapping", "dry_run", "ledger_url"} <= settings.keys()


@pytest.mark.parametrize("name", PLUGINS)
def test_version_names_the_plugin(name: str, tmp_path: Path) -> None:
    ended = run_executable(Call(name, ("--version",), tmp_path), "")
    assert ended.code == 0
    assert name in ended.stdout
    assert "0.1.0" in ended.stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "configuration file"),
        ('"text"', "configuration file"),
        ('{"api_key": "a-secret-key", "list_id": 1}', "`list_id`"),
        (None, ""),
    ],
)
def test_a_settings_file_that_is_not_usable_is_one_clear_line(content: str | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    ended = run_forked(Call(PLUGINS[0], ("--config", str(path)), tmp_path), "")
    assert ended.code in {1, 2}
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "a-secret-key" not in ended.stderr
    assert ended.stdout == ""


def test_the_two_ways_to_run_a_target_are_the_same(tmp_path: Path) -> None:
    call = Call(PLUGINS[1], ("--about", "--format=json"), tmp_path)
    assert run_forked(call, "") == run_executable(call, "")
