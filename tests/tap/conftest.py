"""Builds small export folders, and runs the tap on them in this process or as the real executable."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tap_cix_segments.tap import TapCixSegments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# Test folders are no packages, so the helpers are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

EXECUTABLE = Path(sys.executable).with_name("tap-cix-segments")
CONTAINER_URL = "https://exampleexports.blob.core.windows.net/customer-insights"
EXPORT = "CustomerInsights_5f3c1d0a/Mail Export"
"""Where the export lies in its container; with a space, as paths can have."""
COLUMNS = {"CustomerId": "string", "EMail": "string", "LoyaltyPoints": "int64"}


@dataclass
class Outcome:
    """What a run of the tap gave."""

    exit_code: int
    lines: list[str]
    log: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def of_type(self, message_type: str, stream: str | None = None) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["type"] == message_type and stream in {None, m.get("stream")}]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [message["record"] for message in self.of_type("RECORD", stream)]

    def errors(self) -> list[str]:
        return [line for line in self.log.splitlines() if "| ERROR " in line]


@dataclass
class ExportFolder:
    """An export folder that grows by segments; the container is its root."""

    root: Path
    model: dict[str, Any] = field(default_factory=lambda: {"name": "Mail Export", "version": "1.0", "entities": []})

    @property
    def export(self) -> Path:
        return self.root / EXPORT

    def add(
        self,
        name: str = "Readers",
        *partitions: Sequence[Sequence[str]] | bytes,
        columns: Mapping[str, str] = COLUMNS,
        header: bool = True,
        file_format: Mapping[str, Any] | None = None,
        **entity: Any,
    ) -> ExportFolder:
        """Add a segment; each partition is given as rows, or as the bytes of the file."""
        described = []
        for number, content in enumerate(partitions, start=1):
            relative = f"{EXPORT}/{name}/2026/11/20/0400/{name}_{number}.csv"
            path = self.root / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_bytes(csv_bytes([list(columns), *content] if header else content))
            partition = {"name": f"{name}_{number}", "location": f"{CONTAINER_URL}/{relative}".replace(" ", "%20")}
            if file_format is not None:
                partition["fileFormatSettings"] = dict(file_format)
            described.append(partition)
        self.model["entities"].append(
            {
                "$type": "LocalEntity",
                "name": name,
                "attributes": [{"name": column, "dataType": kind} for column, kind in columns.items()],
                "partitions": described,
                **entity,
            }
        )
        return self.write_model()

    def write_model(self, content: str | None = None) -> ExportFolder:
        self.export.mkdir(parents=True, exist_ok=True)
        (self.export / "model.json").write_text(content or json.dumps(self.model), encoding="utf-8")
        return self

    def partition(self, name: str, number: int = 1) -> Path:
        return self.export / name / "2026/11/20/0400" / f"{name}_{number}.csv"


def csv_bytes(rows: Iterable[Sequence[str]], **dialect: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue().encode()


@pytest.fixture
def export(tmp_path: Path) -> ExportFolder:
    """An export folder without a model.json yet."""
    return ExportFolder(tmp_path / "a container")


@pytest.fixture
def run_tap(tmp_path: Path) -> Callable[..., Outcome]:
    """Run the real executable on a folder, with further settings as keywords."""

    def run(folder: ExportFolder | Path | str, *args: str, catalog: Any = None, **settings: Any) -> Outcome:
        where = folder.root if isinstance(folder, ExportFolder) else folder
        config = tmp_path / "config of the tap.json"
        config.write_text(json.dumps({"folder": str(where), "wait_seconds": 0, **settings}), encoding="utf-8")
        options = ["--config", str(config), *args]
        if catalog is not None:
            path = tmp_path / "catalog.json"
            path.write_text(json.dumps(catalog), encoding="utf-8")
            options += ["--catalog", str(path)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TAP_CIX_")}
        done = subprocess.run(
            [str(EXECUTABLE), *options], capture_output=True, text=True, check=False, timeout=60, env=environment
        )
        return Outcome(done.returncode, done.stdout.splitlines(), done.stderr)

    return run


@pytest.fixture
def run_waiting(tmp_path: Path) -> Callable[..., Outcome]:
    """Run the tap, and do something as soon as it says that it waits."""

    def run(folder: str, what: Callable[[], object], **settings: Any) -> Outcome:
        config = tmp_path / "config of the tap.json"
        config.write_text(json.dumps({"folder": folder, "wait_seconds": 60, **settings}))
        command = [str(EXECUTABLE), "--config", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr
        log = ""
        while "Waiting up to 60 s" not in log and process.poll() is None:
            log += process.stderr.readline()
        what()
        output, rest = process.communicate(timeout=90)
        return Outcome(process.returncode, output.splitlines(), log + rest)

    return run


@pytest.fixture
def sync() -> Callable[..., Outcome]:
    """Sync in this process, with the given catalog, state and settings; the log goes to `caplog`."""

    def run(folder: ExportFolder | Path, catalog: Any = None, state: Any = None, **settings: Any) -> Outcome:
        where = folder.root if isinstance(folder, ExportFolder) else folder
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        try:
            with redirect_stdout(output):
                config = {"folder": str(where), "wait_seconds": 0, **settings}
                tap = TapCixSegments(config=config, catalog=catalog, state=state)
                tap._forget_unselected()
                tap.sync_all()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        output.seek(0)
        complete = all(stream.report.complete for stream in tap.streams.values())  # type: ignore[attr-defined]
        return Outcome(0 if complete else 1, output.read().splitlines(), "")

    return run


@pytest.fixture
def discover() -> Callable[[ExportFolder], dict[str, Any]]:
    """Return the catalog of a folder."""

    def run(folder: ExportFolder) -> dict[str, Any]:
        return TapCixSegments(config={"folder": str(folder.root)}).catalog_dict

    return run
