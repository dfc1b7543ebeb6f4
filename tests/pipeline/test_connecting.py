"""Connecting and looking around through Meltano: settings come from its environment, nobody digs for an id."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from meltano_project import EXPORTS, LIST_IDS, MeltanoProject, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox

both = pytest.mark.parametrize("platform", list(EXPORTS))


def shown(told: str) -> Any:
    """The JSON among the lines that Meltano and the plugin log."""
    found = re.search(r"^[\[{]$.*^[\]}]$", told, re.MULTILINE | re.DOTALL)
    assert found, told
    return json.loads(found[0])


@both
def test_the_commands_of_the_targets_show_lists_fields_and_what_would_stop_an_export(
    project: MeltanoProject, sandbox: RunningSandbox, tmp_path: Path, platform: str
) -> None:
    target, settings = EXPORTS[platform][1], settings_of(sandbox.url, tmp_path)
    lists = project.meltano("invoke", f"{target}:lists", "--format", "json", **settings)
    assert lists.code == 0, lists.told
    assert [each["list_id"] for each in shown(lists.told)] == [LIST_IDS[platform]]
    fields = project.meltano("invoke", f"{target}:fields", "--format", "json", **settings)
    assert {"email", "City", "Loyalty Points"} <= {each["name"] for each in shown(fields.told)}
    check = project.meltano("invoke", f"{target}:check", "--format", "json", **settings)
    assert check.code == 0, check.told
    assert shown(check.told)["problems"] == []


def test_a_login_through_meltano_connects_the_export(
    project: MeltanoProject, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    settings = settings_of(sandbox.url, tmp_path) | {
        "TARGET_CONSTANT_CONTACT_REFRESH_TOKEN": "",
        "TARGET_CONSTANT_CONTACT_CLIENT_SECRET": "",
    }
    before = project.meltano("invoke", "target-constant-contact:check", **settings)
    assert before.code != 0
    assert "CIX-421" in before.told
    assert "`meltano invoke target-constant-contact:login`" in before.told
    process = project.start("invoke", "target-constant-contact:login", **settings)
    assert process.stdout is not None
    told = ""
    with process:
        for line in process.stdout:
            told += line.decode()
            page = re.match(r"Open this page .*: (http\S+)\?user_code=(\w+)", line.decode())
            if page:
                requests.post(page[1], data={"user_code": page[2], "decision": "approve"}, timeout=10)
    assert process.returncode == 0, told
    assert "Connected to Sandbox Retail." in told
    check = project.meltano("invoke", "target-constant-contact:check", "--format", "json", **settings)
    assert check.code == 0, check.told
    assert "offline_access" in shown(check.told)["account"]["permissions"]
