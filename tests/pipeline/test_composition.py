"""meltano.yml, the plugins and the generated docs agree with each other."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from meltano_project import EXPORTS, ROOT
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from types import ModuleType

    from meltano_project import MeltanoProject

JOBS = {"export-constant-contact": "constant_contact", "export-campaign-monitor": "campaign_monitor"}
SCHEDULES = {"daily-constant-contact": "export-constant-contact", "daily-campaign-monitor": "export-campaign-monitor"}


@pytest.fixture(scope="module")
def composition() -> dict[str, Any]:
    """The content of meltano.yml."""
    return dict(YAML(typ="safe").load((ROOT / "meltano.yml").read_text("utf-8")))


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The script that generates the docs."""
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "tools" / "generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.about = functools.cache(module.about)
    return module


def plugins_of(composition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every extractor and loader that has settings of its own."""
    listed = [*composition["plugins"]["extractors"], *composition["plugins"]["loaders"]]
    return {plugin["name"]: plugin for plugin in listed if "inherit_from" not in plugin}


@pytest.mark.parametrize("name", ["tap-cix-segments", "target-constant-contact", "target-campaign-monitor"])
def test_every_setting_of_a_plugin_can_be_set_in_meltano_and_no_other(
    composition: dict[str, Any], generator: ModuleType, name: str
) -> None:
    about = generator.about(name)
    declared = {setting["name"]: setting for setting in plugins_of(composition)[name]["settings"]}
    known = about["settings"]["properties"]
    assert declared.keys() == known.keys()
    secret = {setting for setting, schema in known.items() if schema.get("secret")}
    assert {setting for setting, each in declared.items() if each.get("sensitive")} == secret
    assert {setting: each["kind"] for setting, each in declared.items()} == {
        setting: _kind(schema) for setting, schema in known.items()
    }
    assert set(plugins_of(composition)[name]["capabilities"]) == set(about["capabilities"])


def _kind(schema: dict[str, Any]) -> str:
    """Meltano's word for a setting's type; a decimal goes as a text, since it cannot come from the environment."""
    types = [schema.get("type"), *(option.get("type") for option in schema.get("oneOf", ()))]
    flat = {name for each in types for name in (each if isinstance(each, list) else [each])} - {None, "null"}
    [kind] = {"string"} if flat == {"number", "string"} else flat
    return str(kind)


def test_the_second_tap_heeds_variables_of_the_first_one_where_the_sandbox_sets_nothing(
    project: MeltanoProject, composition: dict[str, Any]
) -> None:
    name, own = "tap-cix-segments--campaign-monitor", "TAP_CIX_SEGMENTS__CAMPAIGN_MONITOR_"
    [sandbox] = [each for each in composition["environments"] if each["name"] == "sandbox"]
    [second] = [each for each in sandbox["config"]["plugins"]["extractors"] if each["name"] == name]
    assert {"folder", "skip_unchanged"} <= second["config"].keys()
    parents = {"TAP_CIX_SEGMENTS_FOLDER": "/parent", "TAP_CIX_SEGMENTS_SOURCE": "parquet"}
    listed = project.meltano(
        "--environment=sandbox", "config", "list", name, **parents, **{f"{own}SKIP_UNCHANGED": "true"}
    ).told
    values = dict(re.findall(r"^(\w+) \[env: \w+\] current value: (\S+)", listed, re.MULTILINE))
    assert (values["folder"], values["source"], values["skip_unchanged"]) == ("'demo/export'", "'parquet'", "True")


def test_the_generated_docs_are_up_to_date(generator: ModuleType) -> None:
    outdated = [path.name for path, text in generator.generated().items() if path.read_text("utf-8") != text]
    assert outdated == [], "run `make docs`"


def test_every_plugin_is_defined_here_and_no_hub_is_asked(composition: dict[str, Any]) -> None:
    plugins = [plugin for kind in composition["plugins"].values() for plugin in kind]
    assert [plugin["name"] for plugin in plugins if not {"namespace", "inherit_from"} & plugin.keys()] == []
    assert composition["send_anonymous_usage_stats"] is False
    assert composition["cli"]["disable_version_check"] is True


def test_the_environment_for_real_accounts_holds_no_setting_of_the_sandbox(composition: dict[str, Any]) -> None:
    environments = {each["name"]: each for each in composition["environments"]}
    assert environments.keys() == {"sandbox", "prod"}
    assert composition["default_environment"] == "sandbox"
    prod = json.dumps(environments["prod"]) + json.dumps(composition["plugins"])
    assert "127.0.0.1:8765/" not in prod
    assert "sandbox-" not in prod.replace("cix-sandbox", "")


def test_no_two_jobs_share_a_tap_so_that_they_can_run_at_the_same_time(project: MeltanoProject) -> None:
    listed = json.loads(_json_part(project.meltano("job", "list", "--format=json").told))
    tasks = {job["job_name"]: job["tasks"] for job in listed["jobs"]}
    assert tasks == {name: [" ".join(EXPORTS[platform])] for name, platform in JOBS.items()}
    taps = [pair[0].split()[0] for pair in tasks.values()]
    assert len(set(taps)) == len(taps)


def test_every_job_has_a_daily_schedule(project: MeltanoProject) -> None:
    listed = json.loads(_json_part(project.meltano("schedule", "list", "--format=json").told))
    schedules = listed["schedules"]["job"]
    assert {each["name"]: each["job"]["name"] for each in schedules} == SCHEDULES
    assert {each["interval"] for each in schedules} == {"@daily"}


def _json_part(told: str) -> str:
    """The JSON in a command's output, without the log lines before it."""
    return told[told.index("\n{") + 1 :] if "\n{" in told else told[told.index("{") :]
