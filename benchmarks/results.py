"""Raw results: one JSON file for each part, with everything that a table is made from."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from benchmarks import machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass
class Results:
    """The results of one part, written after each run, so that an interrupted benchmark keeps what it has measured.

    Attributes:
        path: The file, in a folder named after the form: `short` or `full`.
        settings: What was measured: sizes and settings.
        commands: How to do by hand what was measured, by name.
        runs: Every run's figures, by case, in the order in which they were made.
        facts: Further findings that are no series of runs.
    """

    path: Path
    settings: dict[str, Any]
    commands: dict[str, str] = field(default_factory=dict)
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=machine.describe)

    def add(self, case: str, run: Mapping[str, Any]) -> None:
        """Add a run of a case and write the file.

        Args:
            case: What was run.
            run: Its figures.
        """
        self.runs.setdefault(case, []).append(dict(run))
        self.write()

    def summary(self) -> dict[str, Any]:
        """Return everything that is known so far, with the medians."""
        return {
            "part": self.path.stem,
            "form": self.path.parent.name,
            "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "machine": self.machine,
            "settings": self.settings,
            "commands": self.commands,
            "medians": {case: medians(runs) for case, runs in self.runs.items()},
            "facts": self.facts,
            "runs": self.runs,
        }

    def write(self) -> None:
        """Write the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.summary(), indent=1, ensure_ascii=False)
        self.path.write_text(text + "\n", encoding="utf-8")


def medians(runs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the median of every figure that all runs have; figures inside figures too.

    Args:
        runs: The runs of one case.
    """
    runs = list(runs)
    found: dict[str, Any] = {"runs": len(runs)}
    for name, first in runs[0].items():
        values: list[Any] = [run.get(name) for run in runs]
        if isinstance(first, dict):
            inner = medians([value for value in values if isinstance(value, dict)])
            del inner["runs"]
            found[name] = inner
        elif all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            found[name] = round(float(statistics.median(values)), 3)
    return found
