"""Fixtures of whole pipelines: one installed project and one export of the demo, for all test processes together."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Test folders are no packages, so the helpers are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from meltano_project import EXPORTS, ROOT, MeltanoProject, last_run, members, settings_of, wait_for, writes

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

SEED = ROOT / "demo" / "export" / "platform-seed.json"


@pytest.fixture(scope="session")
def common_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the processes of one test run share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pipeline"


@pytest.fixture(scope="session")
def project(common_folder: Path) -> MeltanoProject:
    """The repository as a Meltano project with its plugins installed, in a folder whose name has blanks."""
    project = MeltanoProject(common_folder / "a project with blanks")
    project.install()
    return project


@pytest.fixture(scope="session")
def exported(project: MeltanoProject, common_folder: Path, shared_sandbox: RunningSandbox) -> dict[str, Any]:
    """What three exports of the demo have come to, each to both platforms at once; the last reads everything again.

    Returns:
        By `first`, `second` and `refreshed`, by platform: exit code, output, summary, rejected rows, members, and
        write requests.
    """
    kept = common_folder / "exported.json"
    with project.alone():
        if not kept.exists():
            shared_sandbox.reset()
            shared_sandbox.control("POST", "/seed", json.loads(SEED.read_text("utf-8")))
            folder = common_folder / "exports"
            options: dict[str, list[str]] = {"first": [], "second": [], "refreshed": ["--full-refresh"]}
            runs = {name: export_to_both(project, shared_sandbox, folder, *own) for name, own in options.items()}
            kept.write_text(json.dumps(runs), "utf-8")
    return json.loads(kept.read_text("utf-8"))


def export_to_both(project: MeltanoProject, sandbox: RunningSandbox, folder: Path, *options: str) -> dict[str, Any]:
    sandbox.control("DELETE", "/requests")
    taps = ("TAP_CIX_SEGMENTS", "TAP_CIX_SEGMENTS__CAMPAIGN_MONITOR")
    settings = settings_of(sandbox.url, folder) | {f"{tap}_SKIP_UNCHANGED": "true" for tap in taps}
    started = {platform: project.start("run", *options, *pair, **settings) for platform, pair in EXPORTS.items()}
    ended = {platform: wait_for(process) for platform, process in started.items()}
    return {
        platform: {
            "code": ran.code,
            "told": ran.told,
            "members": members(sandbox, platform),
            "writes": writes(sandbox, platform),
            **(last_run(folder, platform) if ran.code == 0 else {}),
        }
        for platform, ran in ended.items()
    }
