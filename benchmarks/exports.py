"""One export as a user runs it: `meltano run` of the repository's own composition, into a sandbox of its own."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cix_sandbox.testing import RunningSandbox
from ruamel.yaml import YAML

from benchmarks.places import BIN, ROOT, WORK
from benchmarks.processes import Measured, as_dict, measure, usage_of
from benchmarks.source import SEGMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLATFORMS = ("campaign-monitor", "constant-contact")
TAPS = {"campaign-monitor": "tap-cix-segments--campaign-monitor", "constant-contact": "tap-cix-segments"}
NO_PACE = {"requests_per_second": 100_000}
"""Settings of a target whose platform has no limits, as the sandbox without its own."""

_UNLIMITED = ("requests_per_second", "requests_per_day", "token_requests_per_second")
_TAP_PROGRAM = "tap-cix-segments"


@dataclass
class Platform:
    """A sandbox on fresh data, and the ledger that goes with it.

    Attributes:
        name: `campaign-monitor` or `constant-contact`.
        sandbox: The stand-in.
        home: Ledger, reports and the stand-in's data.
    """

    name: str
    sandbox: RunningSandbox
    home: Path
    _runs: int = field(default=0, repr=False)

    @property
    def key(self) -> str:
        """The name as the sandbox's control API has it."""
        return self.name.replace("-", "_")

    @property
    def list_id(self) -> str:
        """The list that exports go to."""
        return str(self.sandbox.control("GET", "/credentials")[self.key]["list_id"])

    def export(
        self,
        folder: Path,
        target: Mapping[str, Any] | None = None,
        tap: Mapping[str, Any] | None = None,
        *,
        with_state: bool = False,
    ) -> dict[str, Any]:
        """Run one export and return what it took.

        Args:
            folder: The export folder.
            target: Further settings of the target.
            tap: Further settings of the tap.
            with_state: Whether the tap is given the state of the last run, so that it may leave out what it has read.
        """
        self._runs += 1
        output = self.home / f"output-{self._runs}"
        target = {"ledger_url": f"sqlite:///{self.home / 'ledger.db'}", "output_dir": str(output), **(target or {})}
        project = write_project(self, {"folder": str(folder), **(tap or {})}, target)
        self.sandbox.control("DELETE", "/requests")
        before = usage_of(self.sandbox.pid).cpu_s
        measured = measure(command(self.name, with_state=with_state), cwd=project)
        after = usage_of(self.sandbox.pid)
        return {
            **_figures(measured, self.name),
            "sandbox": {"cpu_s": round(after.cpu_s - before, 2), "peak_mib": round(after.peak_mib, 1)},
            "requests": self.requests(),
            "counts": counts(output),
        }

    def requests(self) -> dict[str, int]:
        """Count what the stand-in was asked since the last export began; tokens aside."""
        entries = [each for each in self.sandbox.requests(self.key) if "/oauth" not in each["path"]]
        writes = [each for each in entries if each["method"] != "GET"]
        return {
            "all": len(entries),
            "write": len(writes),
            "write_accepted": sum((each["status"] or 0) < 400 for each in writes),  # noqa: PLR2004 - HTTP
            "rows_written": sum(each["rows"] or 0 for each in writes),
            "removing": sum(_removes(each) for each in writes),
            "throttled": sum(each["status"] == 429 for each in entries),  # noqa: PLR2004 - HTTP
            "largest_body_bytes": max((each["bytes_in"] for each in writes), default=0),
        }


@contextmanager
def platform(name: str, switches: Mapping[str, Any] | None = None) -> Iterator[Platform]:
    """Run a sandbox with empty lists for as long as it is needed.

    Args:
        name: `campaign-monitor` or `constant-contact`.
        switches: Switches of the sandbox; without them it answers at once and has no limits.
    """
    scratch = WORK / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as home:
        sandbox = RunningSandbox(Path(home) / "sandbox")
        try:
            for switch in _UNLIMITED:
                sandbox.switch(f"constant_contact.{switch}", 0)
            for switch, value in (switches or {}).items():
                sandbox.switch(switch, value)
            yield Platform(name, sandbox, Path(home))
        finally:
            sandbox.stop()


def command(name: str, *, with_state: bool = False) -> list[str]:
    """Return the command of an export to a platform.

    Args:
        name: The platform.
        with_state: Whether the tap is given the state of the last run.
    """
    refresh = [] if with_state else ["--full-refresh"]
    return [f"{BIN / 'meltano'}", "run", "--force", *refresh, TAPS[name], f"target-{name}"]


def write_project(platform: Platform, tap: Mapping[str, Any], target: Mapping[str, Any]) -> Path:
    """Write a Meltano project: the repository's composition, with plugins of the development environment.

    Args:
        platform: Where to export to.
        tap: Settings of the tap.
        target: Settings of the target.

    Returns:
        The project's folder, which keeps Meltano's own database from run to run.
    """
    yaml = YAML()
    project = yaml.load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    for plugin in (*project["plugins"]["extractors"], *project["plugins"]["loaders"]):
        plugin.pop("pip_url", None)
    del project["plugins"]["utilities"]
    account = platform.sandbox.control("GET", "/credentials")[platform.key]
    [sandbox] = [each for each in project["environments"] if each["name"] == "sandbox"]
    plugins = sandbox["config"]["plugins"]
    [loader] = [each for each in plugins["loaders"] if each["name"] == f"target-{platform.name}"]
    loader["config"].update({"api_url": account["base_url"], **target})
    for extractor in plugins["extractors"]:
        extractor["config"] = dict(tap)
        extractor["select"] = [f"{SEGMENT}.*"]
    folder = WORK / "meltano"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "meltano.yml").open("w", encoding="utf-8") as file:
        yaml.dump(project, file)
    return folder


def warm_up(folder: Path) -> None:
    """Let Meltano make its database, and the system read what all runs read.

    Args:
        folder: A small export folder.
    """
    for name in PLATFORMS:
        with platform(name) as small:
            small.export(folder, NO_PACE)


def counts(output: Path) -> dict[str, int]:
    """Return the counts of the run's own summary.

    Args:
        output: The `output_dir` of one run.
    """
    summaries = list(output.glob("*/*/summary.json"))
    if len(summaries) != 1:
        return {}
    found: dict[str, int] = json.loads(summaries[0].read_text(encoding="utf-8"))["counts"]
    return found


def forget_scratch() -> None:
    """Remove what interrupted benchmarks have left."""
    shutil.rmtree(WORK / "scratch", ignore_errors=True)


def _figures(measured: Measured, name: str) -> dict[str, Any]:
    told = as_dict(measured)
    roles = {"meltano": "meltano", "tap": _TAP_PROGRAM, "target": f"target-{name}"}
    return {
        "wall_s": told["wall_s"],
        "cpu_s": told["cpu_s"],
        "exit_code": told["exit_code"],
        "peak_mib": {role: told["peak_mib"].get(program, 0.0) for role, program in roles.items()},
        "program_cpu_s": {role: told["program_cpu_s"].get(program, 0.0) for role, program in roles.items()},
    }


def _removes(entry: Mapping[str, Any]) -> bool:
    return entry["method"] == "DELETE" or "remove_list_memberships" in entry["path"]
