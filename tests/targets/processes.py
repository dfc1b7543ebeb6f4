"""Two ways to run a target: its executable, and the executable's own entry point in a fork of a warm process.

Starting Python and importing the SDK takes far longer than a small export. So most tests run in a process that is
forked from one that has done that already. The executables themselves are run by the exports end to end, where the
command line is the point, and by the tests of whole pipelines.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 60
"""How long a run may take that takes a second."""

_warm = multiprocessing.get_context("forkserver")
_warm.set_forkserver_preload(["pytest", "target_campaign_monitor.target", "target_constant_contact.target"])


class Call(NamedTuple):
    """A call of a target.

    Attributes:
        name: Name of the executable.
        arguments: Its arguments.
        folder: Where it runs.
        largest_file: Bytes beyond which no file can grow, as on a full disk.
    """

    name: str
    arguments: tuple[str, ...]
    folder: Path
    largest_file: int | None = None


class Ended(NamedTuple):
    """How a process has ended."""

    code: int
    stdout: str
    stderr: str


def environment() -> dict[str, str]:
    """The environment without anything that configures a plugin."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("TARGET_", "TAP_", "MELTANO_"))}


def run_executable(call: Call, text: str) -> Ended:
    """Run the executable.

    Args:
        call: What to run.
        text: Its standard input.
    """
    process = subprocess.run(
        [BIN / call.name, *call.arguments],
        input=text.encode(),
        capture_output=True,
        cwd=call.folder,
        env=environment(),
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ended(process.returncode, process.stdout.decode(), process.stderr.decode())


def run_forked(call: Call, text: str) -> Ended:
    """Run the executable's entry point in a process of its own.

    Args:
        call: What to run.
        text: Its standard input.
    """
    streams = [call.folder / name for name in ("stdin", "stdout", "stderr")]
    streams[0].write_text(text, "utf-8")
    process = _warm.Process(target=_become, args=(call, *map(str, streams)))
    process.start()
    process.join(PATIENCE_SECONDS)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"{call.name} did not end")
    _, stdout, stderr = (path.read_text("utf-8") for path in streams)
    for path in streams:
        path.unlink()
    return Ended(process.exitcode, stdout, stderr)


def _become(call: Call, stdin: str, stdout: str, stderr: str) -> None:
    """Do what the console script does, with files in place of the standard streams."""
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, (path, flags) in enumerate([(stdin, os.O_RDONLY), (stdout, write), (stderr, write)]):
        descriptor = os.open(path, flags, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    os.chdir(call.folder)
    clean = environment()
    os.environ.clear()
    os.environ.update(clean)
    if call.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (call.largest_file, call.largest_file))
    sys.argv = [str(BIN / call.name), *call.arguments]
    [script] = entry_points(group="console_scripts", name=call.name)
    sys.exit(script.load()())
