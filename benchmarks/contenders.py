"""What takes part in the comparison: how each is set up, run and read, with nothing but its own documented settings."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from benchmarks.environments import folder_of
from benchmarks.exports import NO_PACE, command, counts, write_project
from benchmarks.places import BIN, HERE
from benchmarks.processes import Measured, measure
from benchmarks.source import SEGMENT, partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.exports import Platform

SCRIPTS = HERE / "peers"
_DRT_TEMPLATE = """\
{"Resubscribe": false, "Subscribers": [
{%- for row in rows %}
{"EmailAddress": {{ row.EMail | trim | tojson_safe }}, "ConsentToTrack": "Unchanged",
"Name": {{ (row.FirstName ~ " " ~ row.LastName) | tojson_safe }}, "CustomFields": [
{"Key": "[City]", "Value": {{ row.City | tojson_safe }}},
{"Key": "[LoyaltyPoints]", "Value": {{ row.LoyaltyPoints | tojson_safe }}},
{"Key": "[LastPurchase]", "Value": {{ row.LastPurchase[:10] | replace("-", "/") | tojson_safe }}}]}
{{- "," if not loop.last }}
{%- endfor %}
]}
"""


@dataclass
class Ready:
    """A contender that is set up for one platform and one folder of files of its own.

    Attributes:
        command: The command of one export.
        cwd: Where it runs.
        variables: Its environment.
        home: All files that it leaves.
        claimed: Reads how many rows it says have failed, out of what it printed; None if it does not say.
    """

    command: list[str]
    cwd: Path
    variables: dict[str, str]
    home: Path
    claimed: Callable[[Measured], int | None]

    def run(self, kill_when: Callable[[], bool] | None = None) -> Measured:
        """Run one export to its end, however it ends."""
        return measure(
            self.command, cwd=self.cwd, settings=self.variables, kill_when=kill_when, check=False, output=True
        )


def ours(platform: Platform, folder: Path, home: Path) -> Ready:
    """This project, through Meltano."""
    output = home / "output"
    settings = {"ledger_url": f"sqlite:///{home / 'ledger.db'}", "output_dir": str(output), **NO_PACE}
    cwd = write_project(platform, {"folder": str(folder)}, settings)

    def claimed(_: Measured) -> int | None:
        found = counts(output)
        return sum(found[name] for name in ("suppressed", "rejected", "failed", "invalid")) if found else None

    return Ready(command(platform.name), cwd, {}, home, claimed)


def ours_alone(platform: Platform, folder: Path, home: Path) -> Ready:
    """This project, tap and target in a pipe."""
    account = platform.sandbox.control("GET", "/credentials")[platform.key]
    output = home / "output"
    project = YAML(typ="safe").load((HERE.parent / "meltano.yml").read_text("utf-8"))
    [loader] = [each for each in project["plugins"]["loaders"] if each["name"] == "target-campaign-monitor"]
    tap, target = home / "tap.json", home / "target.json"
    tap.write_text(json.dumps({"folder": str(folder), "segments": [SEGMENT]}), "utf-8")
    settings = {
        **loader["config"],
        **NO_PACE,
        "api_url": account["base_url"],
        "api_key": account["api_key"],
        "list_id": account["list_id"],
        "consent_to_track": "unchanged",
        "data_privacy_consent": True,
        "ledger_url": f"sqlite:///{home / 'ledger.db'}",
        "output_dir": str(output),
    }
    target.write_text(json.dumps(settings), "utf-8")
    pipe = f"set -o pipefail; {BIN}/tap-cix-segments --config {tap} | {BIN}/target-campaign-monitor --config {target}"

    def claimed(_: Measured) -> int | None:
        found = counts(output)
        return sum(found[name] for name in ("suppressed", "rejected", "failed", "invalid")) if found else None

    return Ready(["bash", "-c", pipe], home, {}, home, claimed)


def createsend(platform: Platform, folder: Path, home: Path) -> Ready:
    """A plain script with the vendor's package."""
    script = [_python(), str(SCRIPTS / "with_createsend.py"), *map(str, partitions(folder))]
    return Ready(script, home, _access(platform), home, lambda ran: _number(r"failed=(\d+)", ran.told))


def dlt(platform: Platform, folder: Path, home: Path) -> Ready:
    """A custom destination of dlt."""
    script = [_python(), str(SCRIPTS / "with_dlt.py"), *map(str, partitions(folder))]
    variables = {"DLT_FOLDER": str(home / "pipelines"), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    return Ready(script, home, {**_access(platform), **variables}, home, lambda _: None)


def drt(platform: Platform, folder: Path, home: Path) -> Ready:
    """The REST destination of drt in batch mode, from a table with the same rows (made before the clock starts)."""
    account = _access(platform)
    database = home / "rows.db"
    fill = [_python(), str(SCRIPTS / "fill_table.py"), str(database), *map(str, partitions(folder))]
    subprocess.run(fill, check=True)
    _dump(home / ".drt" / "profiles.yml", {"export": {"type": "sqlite", "database": str(database)}})
    _dump(home / "drt_project.yml", {"name": "export", "version": "0.1", "profile": "export"})
    sync = {
        "name": "export",
        "model": "ref('profiles')",
        "destination": {
            "type": "rest_api",
            "url": f"{account['CM_URL']}/subscribers/{account['CM_LIST']}/import.json",
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "auth": {"type": "basic", "username_env": "CM_KEY", "password_env": "CM_PASSWORD"},
            "body_mode": "batch",
            "batch_template": _DRT_TEMPLATE,
            "max_records_per_request": 1_000,
        },
        "sync": {
            "mode": "full",
            "batch_size": 1_000,
            "on_error": "skip",
            "dlq": {"enabled": True},
            "rate_limit": {"requests_per_second": 100_000},
        },
    }
    _dump(home / "syncs" / "export.yml", sync)
    variables = {**account, "CM_PASSWORD": "x", "HOME": str(home), "DRT_TELEMETRY": "0"}
    run = [str(folder_of("peers") / "drt"), "run", "--output", "json"]
    return Ready(run, home, variables, home, lambda ran: _number(r'"rows_failed": (\d+)', ran.told))


CONTENDERS: Mapping[str, tuple[str, Callable[[Platform, Path, Path], Ready]]] = {
    "ours": ("this project, `meltano run`", ours),
    "ours alone": ("this project, tap and target in a pipe", ours_alone),
    "createsend": ("plain script, vendor's `createsend` package", createsend),
    "dlt": ("dlt, custom destination", dlt),
    "drt": ("drt, REST destination in batch mode", drt),
}


def _python() -> str:
    return str(folder_of("peers") / "python")


def _access(platform: Platform) -> dict[str, str]:
    account = platform.sandbox.control("GET", "/credentials")[platform.key]
    return {"CM_URL": account["base_url"], "CM_KEY": account["api_key"], "CM_LIST": account["list_id"]}


def _number(pattern: str, text: str) -> int | None:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else None


def _dump(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(content, file)
