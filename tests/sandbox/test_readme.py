"""The sandbox's README says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cix_sandbox.accounts import (
    CAMPAIGN_MONITOR,
    CAMPAIGN_MONITOR_APPLICATION,
    CAMPAIGN_MONITOR_OTHER,
    CONSTANT_CONTACT,
    CONSTANT_CONTACT_OTHER,
    ENTRA,
)
from cix_sandbox.app import PLATFORMS
from cix_sandbox.cli import main
from cix_sandbox.faults import COMMON_KINDS

if TYPE_CHECKING:
    from cix_sandbox.contract import Platform
    from cix_sandbox.switches import Switch
    from cix_sandbox.testing import RunningSandbox

README = (Path(__file__).parents[2] / "sandbox" / "README.md").read_text()


def switch_table(platform: Platform) -> str:
    rows = sorted(platform.SWITCHES, key=lambda switch: switch.name)
    lines = [f"| `{switch.name}` | {_values(switch)} | {_sentence(switch.meaning)} |" for switch in rows]
    return "\n".join(["| switch | values, default first | meaning |", "|---|---|---|", *lines]) + "\n"


def fault_table() -> str:
    rows = [("all", kind, meaning) for kind, meaning in COMMON_KINDS.items()]
    rows += [(platform.NAME, kind, text) for platform in PLATFORMS for kind, text in platform.FAULT_KINDS.items()]
    lines = [f"| `{kind}` | {where} | {_sentence(meaning)} |" for where, kind, meaning in rows]
    return "\n".join(["| kind | platform | what happens |", "|---|---|---|", *lines]) + "\n"


def _values(switch: Switch) -> str:
    if isinstance(switch.default, bool):
        return " · ".join(f"`{value}`" for value in (("true", "false") if switch.default else ("false", "true")))
    others = [choice for choice in switch.choices if choice != switch.default]
    texts = " · ".join(f"`{value}`" for value in (switch.default, *others))
    return texts if switch.choices else f"{texts} (a number)"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:].rstrip(".")


def shown(name: str) -> str:
    """The table that stands in the README under a name."""
    match = re.search(rf"<!-- table: {name} -->\n(.*?)<!-- end of table -->", README, re.DOTALL)
    assert match, f"the README has no table {name!r}"
    return match[1]


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.NAME)
def test_the_table_of_switches_is_that_of_the_code(platform: Platform) -> None:
    assert shown(f"switches of {platform.NAME}") == switch_table(platform)


def test_the_table_of_faults_is_that_of_the_code() -> None:
    assert shown("faults") == fault_table()


def test_the_credentials_are_those_of_the_ready_accounts() -> None:
    values = [
        CAMPAIGN_MONITOR.api_key,
        CAMPAIGN_MONITOR.client_api_key,
        CAMPAIGN_MONITOR.client_id,
        CAMPAIGN_MONITOR.list_id,
        CAMPAIGN_MONITOR_OTHER.api_key,
        CAMPAIGN_MONITOR_OTHER.client_id,
        CAMPAIGN_MONITOR_OTHER.list_id,
        CAMPAIGN_MONITOR_APPLICATION.client_id,
        CAMPAIGN_MONITOR_APPLICATION.client_secret,
        CONSTANT_CONTACT.list_id,
        CONSTANT_CONTACT_OTHER.list_id,
    ]
    for application in (*CONSTANT_CONTACT.applications, *CONSTANT_CONTACT_OTHER.applications):
        values += [application.client_id, application.client_secret, application.refresh_token]
    values += [ENTRA.tenant_id, ENTRA.managed_identity, ENTRA.identity_header]
    for known in ENTRA.applications:
        values += [known.client_id, known.client_secret]
    assert [value for value in values if f"`{value}`" not in README] == []


def test_every_command_is_mentioned_and_exists() -> None:
    mentioned = set(re.findall(r"cix-sandbox ([a-z]+)", README))
    assert mentioned == set(main.commands)


def test_the_examples_of_the_control_api_work(sandbox: RunningSandbox) -> None:
    example = r"curl -X (\w+) '?http://127\.0\.0\.1:8765/sandbox(/[^\s']*)'?(?: -d '(.*?)')?$"
    examples = re.findall(example, README, re.MULTILINE)
    assert len(examples) == README.count("\ncurl ")
    for method, path, body in examples:
        sandbox.control(method, path, json.loads(body) if body else None)
