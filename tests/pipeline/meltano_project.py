"""A Meltano project of the repository's own files, in a folder of its own, and what its runs leave behind."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from filelock import FileLock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cix_sandbox.testing import RunningSandbox

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 180
EXPORTS = {
    "constant_contact": ("tap-cix-segments", "target-constant-contact"),
    "campaign_monitor": ("tap-cix-segments--campaign-monitor", "target-campaign-monitor"),
}
LIST_IDS = {
    "constant_contact": "1157c0de-0000-4000-8000-000000000001",
    "campaign_monitor": "1157c0de1157c0de1157c0de1157c0de",
}


class Ran(NamedTuple):
    """How a process has ended, and what it said on both streams."""

    code: int
    told: str


def repository_files() -> list[Path]:
    """The files of the repository, those not yet committed too, relative to its root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return [Path(name) for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


@functools.cache
def uv_cache() -> str:
    """Where the package manager keeps what it has downloaded, so that an install needs the network only once."""
    command = [BIN / "uv", "cache", "dir"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class MeltanoProject:
    """A Meltano project.

    Args:
        root: Its folder; the folders of the user beside it are its own too.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def install(self) -> None:
        """Copy the repository's files there and install the plugins, unless that has been done."""
        done = self.root.with_name("installed")
        with self.alone():
            if done.exists():
                return
            for path in repository_files():
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, self.root / path)
            ran = self.meltano("install")
            assert ran.code == 0, ran.told
            done.touch()

    def alone(self) -> AbstractContextManager[Any]:
        """Keep other test processes out of the project: two runs of one tap name disturb each other."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self.root.with_name("project.lock"), timeout=10 * PATIENCE_SECONDS)

    def environment(self, **settings: str) -> dict[str, str]:
        """The environment of a command: nothing of the user's own, and no network besides the package registry."""
        own = ("TARGET_", "TAP_", "MELTANO_", "XDG_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        home = str(self.root.with_name("home"))
        return {
            **kept,
            "PATH": os.pathsep.join([str(BIN), str(ROOT / ".tools" / "bin"), os.environ["PATH"]]),
            "HOME": home,
            "UV_CACHE_DIR": uv_cache(),
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "1",
            "NO_COLOR": "1",
            **settings,
        }

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a Meltano command, in a process group of its own and with a umask that lets others read."""
        return subprocess.Popen(
            [BIN / "meltano", *arguments],
            cwd=self.root,
            env=self.environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o022,
        )

    def meltano(self, *arguments: str, **settings: str) -> Ran:
        """Run a Meltano command to its end; what it says about Meltano itself is left in."""
        return wait_for(self.start(*arguments, **settings))


def wait_for(process: subprocess.Popen[bytes]) -> Ran:
    told, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return Ran(process.returncode, told.decode())


def settings_of(sandbox_url: str, folder: Path) -> dict[str, str]:
    """Settings of both targets, as environment variables: their platform, and a ledger and an output of their own."""
    common = {"LEDGER_URL": f"sqlite:///{folder / 'ledger.db'}", "OUTPUT_DIR": str(folder / "output")}
    urls = {
        "TARGET_CONSTANT_CONTACT": f"{sandbox_url}/constantcontact/v3",
        "TARGET_CAMPAIGN_MONITOR": f"{sandbox_url}/createsend/api/v3.3",
    }
    return {
        **{f"{target}_API_URL": url for target, url in urls.items()},
        **{f"{target}_{name}": value for target in urls for name, value in common.items()},
    }


def last_run(folder: Path, platform: str) -> dict[str, Any]:
    """The summary of the latest run of a target, and the rows that are not on its list."""
    _, target = EXPORTS[platform]
    run = max((folder / "output" / target).iterdir(), key=lambda path: path.stat().st_mtime)
    lines = (run / "rejected.jsonl").read_text("utf-8").splitlines()
    return {
        "summary": json.loads((run / "summary.json").read_text("utf-8")),
        "rejected": [json.loads(line) for line in lines],
    }


def writes(sandbox: RunningSandbox, platform: str) -> list[str]:
    """The logged requests that change something at the platform; getting a token is none."""
    logged = sandbox.requests(platform)
    return [each["path"] for each in logged if each["method"] != "GET" and not each["path"].endswith("/token")]


def members(sandbox: RunningSandbox, platform: str) -> dict[str, dict[str, Any]]:
    """Everyone whom the ready list knows, by address, without what the platforms decide by themselves."""
    people = sandbox.members(platform, LIST_IDS[platform])
    return {p["email"]: {n: v for n, v in p.items() if n not in {"email", "consent_to_track"}} for p in people}
