"""Runs a command and watches what each of its processes takes, from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.places import ROOT, environment, public

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LOOK_SECONDS = 0.05
_TICK = os.sysconf("SC_CLK_TCK")
_TAIL = 2_000


class RunFailedError(Exception):
    """A measured command has not ended as it should."""


@dataclass
class Usage:
    """What the processes of one program have taken.

    Attributes:
        peak_mib: Most resident memory of one of them (VmHWM), MiB.
        cpu_s: Processor time of all of them, user and system, seconds.
    """

    peak_mib: float = 0.0
    cpu_s: float = 0.0


@dataclass
class Measured:
    """One run of one command.

    Attributes:
        command: The command, without paths of this machine.
        exit_code: How it ended; negative for a signal.
        wall_s: From start to end, seconds.
        cpu_s: Processor time of all its processes, as the kernel accounts for them at their end.
        programs: What each program of it took, by the name of its executable or script.
        told: The end of what it wrote to standard error, and to standard output if that was asked for.
    """

    command: str
    exit_code: int
    wall_s: float
    cpu_s: float
    programs: dict[str, Usage] = field(default_factory=dict)
    told: str = ""

    def peak(self, program: str) -> float:
        """Return the most memory of a program, MiB; 0 if it was not seen."""
        return self.programs.get(program, Usage()).peak_mib

    def cpu(self, program: str) -> float:
        """Return the processor time of a program, seconds."""
        return self.programs.get(program, Usage()).cpu_s

    def largest(self) -> float:
        """Return the most memory of any of its processes, MiB."""
        return max((usage.peak_mib for usage in self.programs.values()), default=0.0)


def measure(
    command: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    stdin: Path | None = None,
    settings: Mapping[str, str] | None = None,
    kill_when: Callable[[], bool] | None = None,
    check: bool = True,
    output: bool = False,
) -> Measured:
    """Run a command to its end.

    Memory and processor time of each program are looked up every 50 ms, so that the last 50 ms of a process may be
    missing; its peak is the kernel's own high-water mark.

    Args:
        command: The command.
        cwd: Where it runs.
        stdin: What it reads.
        settings: Variables of its environment, besides the ordinary ones.
        kill_when: Asked while it runs; once it says so, the command and all its processes are killed.
        check: Whether the command must succeed.
        output: Whether its standard output is of interest; else it goes nowhere.

    Raises:
        RunFailedError: It did not.
    """
    with tempfile.TemporaryFile() as told, (stdin or Path(os.devnull)).open("rb") as source:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            stdin=source,
            stdout=told if output else subprocess.DEVNULL,
            stderr=told,
            env=environment(**settings or {}),
            start_new_session=True,
        )
        ended = threading.Event()
        end: dict[str, Any] = {}

        def await_end() -> None:
            end["status"], end["usage"] = os.wait4(process.pid, 0)[1:]
            end["time"] = time.perf_counter()
            ended.set()

        threading.Thread(target=await_end, daemon=True).start()
        try:
            seen = _watch(process.pid, ended, kill_when)
        except BaseException:  # Ctrl-C does not reach a session of its own
            _kill_family(process.pid)
            raise
        process.returncode = os.waitstatus_to_exitcode(end["status"])
        told.seek(max(0, told.seek(0, os.SEEK_END) - _TAIL))
        text = told.read().decode("utf-8", "replace")
    if check and process.returncode:
        raise RunFailedError(f"{public(' '.join(map(str, command)))} ended with {process.returncode}:\n{text}")
    return Measured(
        command=public(" ".join(map(str, command))),
        exit_code=process.returncode,
        wall_s=end["time"] - began,
        cpu_s=end["usage"].ru_utime + end["usage"].ru_stime,
        programs=_by_program(seen),
        told=text,
    )


def usage_of(pid: int) -> Usage:
    """Return what a running process has taken so far.

    Args:
        pid: The process.
    """
    looked = _look(pid)
    return looked[1] if looked else Usage()


def _watch(pid: int, ended: threading.Event, kill_when: Callable[[], bool] | None) -> dict[int, tuple[str, Usage]]:
    seen: dict[int, tuple[str, Usage]] = {}
    while not ended.wait(_LOOK_SECONDS):
        for each in _family(pid):
            looked = _look(each)
            if looked:
                seen[each] = looked
        if kill_when is not None and kill_when():
            _kill_family(pid)
            kill_when = None
    return seen


def _kill_family(pid: int) -> None:
    for each in _family(pid):
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def _by_program(seen: dict[int, tuple[str, Usage]]) -> dict[str, Usage]:
    programs: dict[str, Usage] = {}
    for name, usage in seen.values():
        total = programs.setdefault(name, Usage())
        total.peak_mib = max(total.peak_mib, usage.peak_mib)
        total.cpu_s += usage.cpu_s
    return programs


def _family(pid: int) -> list[int]:
    """Return a process and all that came of it."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            found.extend(map(int, _read(children).split()))
    return found


def _look(pid: int) -> tuple[str, Usage] | None:
    """Return the program of a process and what it has taken; None if it is gone."""
    status, stat = _read(Path(f"/proc/{pid}/status")), _read(Path(f"/proc/{pid}/stat"))
    arguments = _read(Path(f"/proc/{pid}/cmdline")).split("\0")
    peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), None)
    if peak is None or not stat or not arguments[0]:
        return None
    ticks = sum(map(int, stat.rpartition(")")[2].split()[11:13]))
    return _program(arguments), Usage(int(peak) / 1024, ticks / _TICK)


def _program(arguments: Sequence[str]) -> str:
    """Return the name of a script that an interpreter runs, else of the executable."""
    name = Path(arguments[0]).name
    words = [word for word in arguments[1:] if word and not word.startswith("-")]
    return Path(words[0]).name if name.startswith("python") and words else name


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def as_dict(measured: Measured) -> dict[str, Any]:
    """Return a run for the raw results.

    Args:
        measured: The run.
    """
    return {
        "wall_s": round(measured.wall_s, 3),
        "cpu_s": round(measured.cpu_s, 2),
        "exit_code": measured.exit_code,
        "peak_mib": {name: round(usage.peak_mib, 1) for name, usage in sorted(measured.programs.items())},
        "program_cpu_s": {name: round(usage.cpu_s, 2) for name, usage in sorted(measured.programs.items())},
    }
