"""A stopped tap says so by its exit code, leaves whole lines behind and claims nothing; memory does not grow."""

from __future__ import annotations

import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from cix_sandbox.sample import write_sample
from tap_cix_segments.writer import LineWriter, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXECUTABLE = str(Path(sys.executable).with_name("tap-cix-segments"))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings to read a segment that is much larger than a pipe."""
    folder = tmp_path_factory.mktemp("large")
    write_sample(folder, profiles=50_000, seed=1)
    path = folder / "config.json"
    path.write_text(json.dumps({"folder": str(folder), "segments": ["NewsletterReaders"]}))
    return path


@pytest.fixture(params=["buffered", "unbuffered"])
def blocked(config: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A tap that waits for its reader in the middle of a segment."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1" if request.param == "unbuffered" else ""}
    # Without a buffer on this side: `communicate` would leave out what `readline` has read beyond the line.
    process = subprocess.Popen(
        [EXECUTABLE, "--config", str(config)],
        bufsize=0,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout
    assert b"SCHEMA" in process.stdout.readline()
    unread = [0, 1]
    while not unread[-1] or len(set(unread[-10:])) > 1:  # until the pipe has been full for half a second
        assert process.poll() is None
        time.sleep(0.05)
        unread.append(int.from_bytes(fcntl.ioctl(process.stdout, termios.FIONREAD, bytes(4)), sys.byteorder))
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_stops_between_lines_without_activate_version(
    blocked: subprocess.Popen[bytes], number: signal.Signals, exit_code: int
) -> None:
    blocked.send_signal(number)
    output, log = blocked.communicate(timeout=30)
    assert blocked.returncode == exit_code
    assert output.endswith(b"\n")
    kinds = {json.loads(line)["type"] for line in output.splitlines()}
    assert kinds == {"RECORD"}
    assert b"Traceback" not in log
    assert b"CIX-604" in log.splitlines()[-1]


class _ShortWrites(io.RawIOBase):
    """A pipe to a slow reader, met by a signal in each write: it takes a few bytes at a time."""

    def __init__(self, on_write: Callable[[], None]) -> None:
        self.taken = b""
        self._on_write = on_write

    def write(self, data: Any) -> int:
        self.taken += bytes(data[:7])
        self._on_write()
        return len(data[:7])


def test_short_writes_and_a_signal_in_the_first_leave_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LineWriter()
    pipe = _ShortWrites(lambda: None if len(pipe.taken) > 7 else writer.stop(143))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=pipe))
    with pytest.raises(Stopped):
        writer.write_lines(b'{"type": "RECORD"}\n' * 3)
    assert pipe.taken == b'{"type": "RECORD"}\n' * 3


def test_second_signal_does_not_wait_for_the_reader(blocked: subprocess.Popen[bytes]) -> None:
    blocked.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    assert blocked.poll() is None
    blocked.send_signal(signal.SIGTERM)
    assert blocked.wait(timeout=30) == 143


def test_reader_that_goes_away_is_one_line(blocked: subprocess.Popen[bytes]) -> None:
    assert blocked.stdout
    assert blocked.stderr
    blocked.stdout.close()
    log = blocked.stderr.read().decode()
    assert blocked.wait(timeout=30) == 1
    errors = [line for line in log.splitlines() if "| ERROR " in line]
    assert len(errors) == 1
    assert "CIX-217" in errors[0]
    assert "Traceback" not in log
    assert "Exception ignored" not in log


def test_reader_that_was_never_there_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"folder": str(Path(__file__).parents[2] / "demo" / "export")}))
    reader, writer = os.pipe()
    os.close(reader)
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        [EXECUTABLE, "--config", str(config)],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )
    os.close(writer)
    assert done.returncode == 1
    assert sum("| ERROR " in line for line in done.stderr.splitlines()) == 1
    assert "CIX-217" in done.stderr
    assert "Exception ignored" not in done.stderr


_WITH_PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command from a small process: a peak counts from the fork on, and the tests' own process is large."""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss differs elsewhere")
def test_memory_does_not_grow_with_the_segment(config: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.json"
    write_sample(tmp_path, profiles=2_000, seed=1)
    small.write_text(json.dumps({"folder": str(tmp_path), "segments": ["NewsletterReaders"]}))
    peaks = []
    for settings in (small, config):
        command = [sys.executable, "-c", _WITH_PEAK, EXECUTABLE, "--config", str(settings)]
        with (tmp_path / "out").open("wb") as output:
            ran = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=True)
        peaks.append(int(ran.stderr.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] + 10
    assert peaks[1] < 100
