"""BATCH messages, the SDK's own way of passing records in files, against RECORD messages."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import source
from benchmarks.exports import NO_PACE, command, platform, warm_up
from benchmarks.places import WORK, public
from benchmarks.tables import mib, number, seconds, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Results

TITLE = "BATCH messages between tap and target"
SHORT = {"profiles": 100_000, "runs": 1}
FULL = {"profiles": 300_000, "runs": 5}
VARIANTS: dict[str, dict[str, str] | None] = {
    "RECORD lines": None,
    "BATCH, jsonl.gz": {"format": "jsonl", "compression": "gzip"},
    "BATCH, parquet": {"format": "parquet"},
}


def run(results: Results, profiles: int, runs: int) -> None:
    """Measure a first export with each variant, in turn.

    Args:
        results: Where the figures go.
        profiles: Size of the segment.
        runs: How often each.
    """
    folder = source.folder(profiles)
    warm_up(source.folder(1_000))
    results.commands["all"] = public(" ".join(command("campaign-monitor")))
    results.settings["tap settings"] = {name: _tap_settings(encoding, "DIR") for name, encoding in VARIANTS.items()}
    for _ in range(runs):
        for name, encoding in VARIANTS.items():
            with platform("campaign-monitor") as each, tempfile.TemporaryDirectory(dir=WORK / "scratch") as files:
                found = each.export(folder, NO_PACE, _tap_settings(encoding, files))
                found["files_mb"] = round(sum(path.stat().st_size for path in Path(files).iterdir()) / 1e6, 1)
                results.add(name, found)


def tables(content: Mapping[str, Any]) -> str:
    """Render the results.

    Args:
        content: The raw results.
    """
    medians, runs = content["medians"], content["runs"]
    rows = [
        [
            name,
            seconds(found["wall_s"]),
            f"{_ratio(runs, name):.2f}",
            seconds(found["program_cpu_s"]["tap"]),
            seconds(found["program_cpu_s"]["target"]),
            seconds(found["program_cpu_s"]["meltano"]),
            *(mib(found["peak_mib"][role]) for role in ("tap", "target", "meltano")),
            number(found["files_mb"]),
            number(found["counts"]["created"]),
        ]
        for name, found in medians.items()
    ]
    head = (
        *("between tap and target", "wall s", "ratio", "tap CPU s", "target CPU s", "Meltano CPU s", "tap MiB"),
        *("target MiB", "Meltano MiB", "files MB", "created"),
    )
    return (
        f"{number(content['settings']['profiles'])} profiles of 12 columns to Campaign Monitor's stand-in, first export"
        " through `meltano run`. BATCH is the tap's setting `batch_config`; the targets read it without a setting."
        " The ratio is to RECORD lines in the same round.\n\n" + table(head, rows)
    )


def _ratio(runs: Mapping[str, Any], name: str) -> float:
    pairs = zip(runs[name], runs["RECORD lines"], strict=False)
    return float(median(run["wall_s"] / base["wall_s"] for run, base in pairs))


def _tap_settings(encoding: Mapping[str, str] | None, folder: str) -> dict[str, Any]:
    if encoding is None:
        return {}
    return {"batch_config": {"encoding": dict(encoding), "storage": {"root": f"file://{folder}"}}}
