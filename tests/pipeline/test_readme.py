"""What the documentation names is there: files, `make` targets, and what Meltano is asked to run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from meltano_project import ROOT, repository_files
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted(path for path in repository_files() if path.suffix == ".md")
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
_CODE = re.compile(r"`([^`\n]+)`")
_OF_THIS_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}|[\d,]+(?= rows/s)")
_NOT_SHOWN = re.compile(r"^\S+Z \[\w+ *\] |(?<=^Summary: ).*/(?=output/)", re.MULTILINE)
_TABLE = tuple("┏┃┡│└")
_REMARK = re.compile(r"(?<=│) {3}\S.*")
_FILE = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.(?:md|yml|lock|toml|py|example)")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = _LINK.findall((ROOT / page).read_text("utf-8"))
    assert [link for link in links if not (ROOT / page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_target_that_a_page_names_is_there(page: Path) -> None:
    named = set(re.findall(r"(?:^|`|\$ )make ([a-z-]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE))
    assert named - make_targets() == set()


def test_the_readme_names_the_two_commands_and_every_other_file_that_it_names_is_there() -> None:
    assert {"demo", "test", "setup", "sandbox"} <= set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))
    files = [code for code in _CODE.findall(README) if _FILE.fullmatch(code)]
    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_make_help_lists_every_target_that_the_readme_names() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    listed = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)) <= listed


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_everything_that_meltano_is_told_to_run_is_in_its_project(page: Path) -> None:
    composition = YAML(typ="safe").load((ROOT / "meltano.yml").read_text("utf-8"))
    plugins = {plugin["name"] for kind in composition["plugins"].values() for plugin in kind}
    runs = re.findall(r"meltano (?:--\S+ )?run ((?:(?:tap|target)-[\w-]+ ?)+)", (ROOT / page).read_text("utf-8"))
    assert [name for run in runs for name in run.split() if name not in plugins] == []
    jobs = {job["name"] for job in composition["jobs"]}
    text = (ROOT / page).read_text("utf-8")
    assert set(re.findall(r"meltano [^\n]*run (export-[\w-]+)", text)) <= jobs
    # The second Meltano that it starts does not read the file.
    assert not re.search(r"--env-file=\S+ schedule run", text)


def test_settings_that_the_example_of_the_environment_names_are_declared() -> None:
    composition = YAML(typ="safe").load((ROOT / "meltano.yml").read_text("utf-8"))
    declared = {
        f"{plugin['name']}_{setting['name']}".replace("-", "_").upper()
        for kind in ("extractors", "loaders")
        for plugin in composition["plugins"][kind]
        for setting in plugin.get("settings", ())
    }
    named = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
    assert named
    assert set(named) <= declared


def test_the_run_that_the_readme_shows_is_what_a_run_prints(exported: dict[str, Any]) -> None:
    [sample] = re.findall(r"^\$ meltano run .*\n((?:.+\n)+)```", README, re.MULTILINE)
    printed = _NOT_SHOWN.sub("", exported["first"]["constant_contact"]["told"])
    shown, told = (
        [" ".join(line.split()) for line in _OF_THIS_RUN.sub("…", text).splitlines()]
        for text in (_REMARK.sub("", sample), printed)
    )
    assert "┏" in sample
    # Lines may be left out, those of the table may not.
    assert [line for line in told if line in shown or line[:1] in _TABLE] == shown
