"""Runs whole exports onto the platform in memory and gathers what a user would see of them."""

from __future__ import annotations

import io
import json
import logging
import multiprocessing
import os
import resource
import signal
import sqlite3
import stat
import sys
import time
from contextlib import closing, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.contact import Outcome
from memory_destination import GatedTarget, MemoryDestination, MemoryTarget, Platform

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path

COLUMNS = ("CustomerId", "EMail", "First", "Last", "Points")
MAPPING = {
    "email": "EMail",
    "first_name": "First",
    "last_name": "Last",
    "custom_fields": {"Loyalty": "Points"},
}
STATE = {"bookmarks": {"Readers": "2026-11-20"}}
PATIENCE_SECONDS = 30
"""How long a process of ours may take for what it does in a moment."""


def person(number: int, **values: Any) -> dict[str, Any]:
    """A made-up profile."""
    return {"CustomerId": f"c{number}", "EMail": f"p{number}@example.com", "First": f"Ann{number}", **values}


def people(*numbers: int) -> list[dict[str, Any]]:
    return [person(number) for number in numbers]


def key(number: int) -> str:
    """The `email_key` of `person(number)`."""
    return f"p{number}@example.com"


def schema(stream: str = "Readers", columns: Iterable[str] = COLUMNS) -> dict[str, Any]:
    properties = {column: {"type": ["string", "null"]} for column in columns}
    return {
        "type": "SCHEMA",
        "stream": stream,
        "key_properties": ["CustomerId"],
        "schema": {"type": "object", "properties": properties},
    }


def records(rows: Iterable[Mapping[str, Any]], stream: str = "Readers") -> list[dict[str, Any]]:
    return [{"type": "RECORD", "stream": stream, "record": dict(row)} for row in rows]


def segment(rows: Iterable[Mapping[str, Any]], stream: str = "Readers") -> list[dict[str, Any]]:
    """The messages of a segment that was read to its end."""
    return [
        schema(stream),
        *records(rows, stream),
        {"type": "ACTIVATE_VERSION", "stream": stream, "version": 1},
        {"type": "STATE", "value": STATE},
    ]


def lines_of(messages: Iterable[Mapping[str, Any] | str]) -> str:
    return "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in messages)


@dataclass
class Result:
    """What a user sees of a run."""

    exit_code: int
    states: list[Any]
    log: str
    summary: dict[str, Any] = field(default_factory=dict)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    directory: Path | None = None

    def counts(self, list_id: str | None = None) -> dict[str, int]:
        """The counts that are not 0, of the run or of one list."""
        counts = self.summary["lists"][list_id] if list_id else self.summary["counts"]
        return {name: count for name, count in counts.items() if count}

    def outcomes(self) -> dict[str, str]:
        """Outcome by e-mail, of the rows that were written down."""
        return {row["email"]: row["outcome"] for row in self.rejected}

    def codes(self) -> set[str]:
        return {row["code"] for row in self.rejected}

    def error_lines(self) -> list[str]:
        return [line for line in self.log.splitlines() if line.startswith("CIX-")]


class Export:
    """An export onto a platform in memory; its ledger and its reports outlive the single run."""

    def __init__(self, folder: Path, platform: Platform) -> None:
        self.folder = folder
        self.platform = platform
        self.destination: type[MemoryDestination] = MemoryDestination
        self.config: dict[str, Any] = {
            "data_privacy_consent": True,
            "list_id": "L1",
            "field_mapping": MAPPING,
            "ledger_url": f"sqlite:///{self.ledger}",
            "output_dir": str(folder / "output"),
            "max_rejected_ratio": 1,
        }

    @property
    def ledger(self) -> Path:
        return self.folder / "cix" / "ledger.db"

    @property
    def held(self) -> dict[str, Any]:
        """What list L1 holds at the platform."""
        return self.platform.lists["L1"]

    @contextmanager
    def open_ledger(self) -> Iterator[sqlite3.Connection]:
        """Open the ledger's file behind the engine's back."""
        with closing(sqlite3.connect(self.ledger, isolation_level=None)) as connection:
            yield connection

    def run(
        self, messages: Iterable[Mapping[str, Any] | str], target: type[MemoryTarget] = MemoryTarget, **settings: Any
    ) -> Result:
        """Run the target's command in this process and check what holds for every run."""
        config = self.folder / "config.json"
        config.write_text(json.dumps(self.config | settings), encoding="utf-8")
        source = self.folder / "input.singer"
        source.write_text(lines_of(messages), encoding="utf-8")
        return self.command("--config", str(config), "--input", str(source), target=target)

    def command(self, *arguments: str, target: type[MemoryTarget] = MemoryTarget) -> Result:
        """Run the target's command with the given arguments."""
        own = type(target.__name__, (target,), {"platform": self.platform, "destination_class": self.destination})
        before = self._reports()
        with _undone(), redirect_stdout(io.StringIO()) as output, _logged() as log, pytest.raises(SystemExit) as ended:
            own.get_singer_command().main(list(arguments), prog_name="target-memory")
        code = ended.value.code
        states = [json.loads(line) for line in output.getvalue().splitlines()]
        result = Result(code if isinstance(code, int) else 0, states, log.getvalue())
        self._add_report(result, self._reports() - before)
        return result

    def _reports(self) -> set[Path]:
        return set((self.folder / "output").glob("*/*"))

    def _add_report(self, result: Result, directories: set[Path]) -> None:
        assert len(directories) <= 1
        for directory in directories:
            read_report(result, directory)
        check_result(result)


def read_report(result: Result, directory: Path) -> None:
    result.directory = directory
    result.summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    lines = (directory / "rejected.jsonl").read_text(encoding="utf-8").split("\n")
    result.rejected = [json.loads(line) for line in lines[:-1]]


def check_result(result: Result) -> None:
    """Check what holds for every run, however it ended."""
    assert "Traceback" not in result.log
    assert "@example" not in result.log, "an address in the log"
    if result.directory is None:
        return
    assert "@example" not in json.dumps(result.summary), "an address in the summary"
    assert stat.S_IMODE((result.directory / "rejected.jsonl").stat().st_mode) == 0o600
    every = [result.summary["counts"], *result.summary["lists"].values()]
    for counts in every:
        assert counts["received"] == sum(counts[outcome.value] for outcome in Outcome)
    for name, count in result.summary["counts"].items():
        assert count == sum(counts[name] for counts in result.summary["lists"].values())
    assert (result.exit_code == 0) == (result.summary["status"] in {"succeeded", "planned"})
    assert (result.exit_code == 0) == (result.summary["error"] is None)


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """Gather what is logged, at every level."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@contextmanager
def _undone() -> Iterator[None]:
    """Undo what a command does to the process that it thinks is its own."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hook = sys.excepthook
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.excepthook = hook
        logging.captureWarnings(capture=False)


# Forked from a server that has the engine in memory already: a fresh interpreter takes seconds to get there.
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["pytest", "audience_sdk.target"])


class Process:
    """A run in a process of its own, which stands still at its gates until they are opened."""

    def __init__(self, folder: Path, file_bytes: int | None = None, **settings: Any) -> None:
        self.gates = folder / f"gates-{time.monotonic_ns()}"
        self.gates.mkdir()
        self._folder = folder
        config = self.gates / "config.json"
        own = {"gates": str(self.gates), "output_dir": str(self.gates / "output")}
        config.write_text(json.dumps(settings | own), encoding="utf-8")
        theirs, self._input = _SERVER.Pipe(duplex=False)
        self.process = _SERVER.Process(target=run_gated_target, args=(theirs, self.gates, file_bytes))
        self.process.start()
        theirs.close()

    def write(self, messages: Iterable[Mapping[str, Any] | str]) -> None:
        content = lines_of(messages).encode()
        while content:
            content = content[os.write(self._input.fileno(), content) :]

    def end_input(self) -> None:
        self._input.close()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._pid, number)

    @property
    def _pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def open_gates(self, *steps: str) -> None:
        for step in steps:
            (self.gates / step).touch()

    def await_step(self, step: str) -> None:
        """Wait until the process stands at a gate."""
        arrived = self.gates / "arrived"
        self.await_that(lambda: arrived.exists() and step in arrived.read_text().split())

    def await_that(self, happened: Any) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert self.process.is_alive(), f"the process ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"it did not happen:\n{self.log()}"
            time.sleep(0.005)

    def signal_until_it_ends(self, number: signal.Signals) -> None:
        """Send a signal again and again, as two that come close together can arrive as one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process.is_alive() and time.monotonic() < deadline:
            with suppress(ProcessLookupError):
                self.signal(number)
            self.process.join(0.01)

    @property
    def ledger_folder(self) -> Path:
        return self._folder / "cix"

    def log(self) -> str:
        return (self.gates / "log").read_text()

    def sent(self) -> list[str]:
        """The key of every row that the platform was given."""
        sent = self.gates / "sent"
        return sent.read_text().split() if sent.exists() else []

    def result(self) -> Result:
        """Wait for the end of the process. Its input is left as it is: a stopped target must not wait for its tap."""
        self.process.join(PATIENCE_SECONDS)
        assert self.process.exitcode is not None, f"the process does not end:\n{self.log()}"
        states = [json.loads(line) for line in (self.gates / "out").read_text().splitlines()]
        result = Result(self.process.exitcode, states, self.log())
        for summary in (self.gates / "output").glob("*/*/summary.json"):
            read_report(result, summary.parent)
        check_result(result)
        return result

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self._input.close()


def run_gated_target(source: Connection, gates: Path, file_bytes: int | None) -> None:
    """Run the gated target as a program whose standard streams are a pipe and two files.

    Where `file_bytes` is given, no file can grow beyond it, as on a disk that is full.
    """
    for name, number in (("out", 1), ("log", 2)):
        os.dup2(os.open(gates / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    os.dup2(source.fileno(), 0)
    source.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor, for good
    for name in [name for name in os.environ if name.startswith(("TARGET_", "MELTANO_"))]:
        del os.environ[name]
    if file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    sys.argv = ["target-memory", "--config", str(gates / "config.json")]
    GatedTarget.cli()


def ledger_rows(ledger: Any) -> dict[tuple[int, str], bytes]:
    """What a ledger holds as confirmed."""
    query = "SELECT list_no, email_key, hash FROM main.contacts"
    return {(list_no, email_key): hash_ for list_no, email_key, hash_ in ledger.connection.execute(query)}
