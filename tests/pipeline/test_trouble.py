"""When a part of a pipeline fails, the run says so, nothing good is lost, and nothing private is left open."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from typing import TYPE_CHECKING, NamedTuple

import psutil
import pytest
from expectation import expected
from meltano_project import EXPORTS, LIST_IDS, ROOT, last_run, members, settings_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox
    from meltano_project import MeltanoProject

EXPORT = ROOT / "demo" / "export"
SEED = json.loads((EXPORT / "platform-seed.json").read_text("utf-8"))
CAMPAIGN_MONITOR = EXPORTS["campaign_monitor"]
CONSTANT_CONTACT = EXPORTS["constant_contact"]
PATIENCE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_sandbox_that_is_down_is_named_with_how_to_start_it(project: MeltanoProject, tmp_path: Path) -> None:
    settings = settings_of(f"http://127.0.0.1:{free_port()}", tmp_path)
    with project.alone():
        arguments = ("run", "--state-id-suffix=down", *CONSTANT_CONTACT)
        ran = project.meltano(*arguments, TARGET_CONSTANT_CONTACT_MAX_ATTEMPTS="1", **settings)
    assert ran.code != 0
    assert "CIX-401" in ran.told
    assert "`make sandbox`" in ran.told
    assert "Traceback" not in ran.told


def test_a_wrong_setting_is_the_last_thing_that_is_told(project: MeltanoProject, tmp_path: Path) -> None:
    settings = settings_of(f"http://127.0.0.1:{free_port()}", tmp_path)
    with project.alone():
        arguments = ("run", "--state-id-suffix=misspelt", *CONSTANT_CONTACT)
        ran = project.meltano(*arguments, TARGET_CONSTANT_CONTACT_DRYRUN="true", **settings)
    assert ran.code != 0
    assert "did you mean `dry_run`?" in ran.told
    assert "Traceback" not in ran.told
    assert "BrokenPipe" not in ran.told


def test_rows_before_and_after_a_malformed_one_are_exported_and_the_run_fails(
    project: MeltanoProject, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.control("POST", "/seed", SEED)
    shutil.copytree(EXPORT, tmp_path / "export")
    [model] = (tmp_path / "export").rglob("model.json")
    partition = model.parent / "NewsletterReaders" / "2026" / "11" / "20" / "0400" / "NewsletterReaders_2.csv"
    lines = partition.read_text("utf-8").splitlines(keepends=True)
    lines.insert(5, "ragged,row,ragged@example.com\n")
    partition.write_text("".join(lines), "utf-8")

    with project.alone():
        arguments = ("run", "--state-id-suffix=ragged", *CONSTANT_CONTACT)
        folder = str(tmp_path / "export")
        ran = project.meltano(*arguments, TAP_CIX_SEGMENTS_FOLDER=folder, **settings_of(sandbox.url, tmp_path))

    assert ran.code != 0
    assert "CIX-213" in ran.told
    assert "CIX-216" in ran.told
    assert "ragged@example.com" not in ran.told
    wanted = expected(EXPORT, "constant_contact", SEED)
    assert members(sandbox, "constant_contact") == wanted.members
    counts = last_run(tmp_path, "constant_contact")["summary"]["counts"]
    assert {name: count for name, count in counts.items() if count} == wanted.counts


class Killed(NamedTuple):
    """A run that was killed while its target waited for the platform.

    Attributes:
        left: The settings files that were left behind, with their modes.
        commands: The command lines that anybody on the machine could see.
    """

    left: dict[Path, int]
    commands: list[str]


@pytest.fixture
def killed(project: MeltanoProject, sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Killed]:
    """A run that was killed once nobody else could read the settings of its tap and its target."""
    sandbox.fault("latency", platform="campaign_monitor", path="systemdate", seconds=PATIENCE_SECONDS)
    settings = settings_of(sandbox.url, tmp_path)
    with project.alone():
        process = project.start("run", "--state-id-suffix=killed", *CAMPAIGN_MONITOR, **settings)
        try:
            wait_until_private(process, project)
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            commands = [" ".join(each.cmdline()) for each in family]
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        left = settings_files(project)
        yield Killed(left, commands)
        for path in left:
            path.unlink()


def settings_files(project: MeltanoProject) -> dict[Path, int]:
    """The settings that Meltano has written for the tap and the target, with their modes."""
    folder = project.root / ".meltano" / "run"
    files = [path for name in CAMPAIGN_MONITOR for path in (folder / name).glob("*.config.json")]
    return {path: path.stat().st_mode & 0o777 for path in files}


def wait_until_private(process: subprocess.Popen[bytes], project: MeltanoProject) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert process.poll() is None, process.communicate()[0].decode()
        files = settings_files(project)
        if {path.parent.name for path in files} == set(CAMPAIGN_MONITOR) and set(files.values()) == {0o600}:
            return
        assert time.monotonic() < deadline, files
        time.sleep(0.05)


def test_settings_with_secrets_are_private_during_a_run_and_when_it_is_killed_and_stand_in_no_command_line(
    killed: Killed,
) -> None:
    key = "sandbox-campaign-monitor-api-key"
    assert any(key in path.read_text("utf-8") for path in killed.left), "nothing was left that could have been open"
    assert set(killed.left.values()) == {0o600}
    assert any("target-campaign-monitor" in command for command in killed.commands)
    private = (key, "@", LIST_IDS["campaign_monitor"])
    assert not [command for command in killed.commands if any(part in command for part in private)]
