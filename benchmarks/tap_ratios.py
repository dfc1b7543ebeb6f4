"""The tap alone against the SDK's own loop over records and its default writer: `benchmarks/tap.py` in turn."""

from __future__ import annotations

import sys
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import source
from benchmarks.places import HERE, public
from benchmarks.processes import measure
from benchmarks.tables import mib, number, seconds, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Results

TITLE = "The tap alone"
SHORT = {"profiles": 100_000, "runs": 3}
FULL = {"profiles": 300_000, "runs": 5}
VARIANTS = {"tap": "tap-cix-segments", "sdk": "the same rows by the SDK's record loop and default writer"}


def run(results: Results, profiles: int, runs: int) -> None:
    """Measure both in turn within each round.

    Args:
        results: Where the figures go.
        profiles: Size of the segment.
        runs: Number of rounds.
    """
    folder = source.folder(profiles)
    for _ in range(runs):
        for variant in VARIANTS:
            command = [sys.executable, str(HERE / "tap.py"), "--variant", variant, "--folder", str(folder)]
            results.commands[variant] = public(" ".join(command))
            measured = measure(command)
            sync = float(measured.told.rpartition("sync_seconds=")[2])
            results.add(
                variant,
                {
                    "wall_s": round(measured.wall_s, 3),
                    "sync_s": round(sync, 3),
                    "cpu_s": round(measured.cpu_s, 3),
                    "rows_per_s": round(profiles / measured.wall_s),
                    "peak_mib": round(measured.largest(), 1),
                },
            )


def tables(content: Mapping[str, Any]) -> str:
    """Render the results.

    Args:
        content: The raw results.
    """
    rows = [
        [
            title,
            seconds(found["wall_s"]),
            seconds(found["sync_s"]),
            number(found["rows_per_s"]),
            mib(found["peak_mib"]),
            f"{_ratio(content, variant, 'wall_s'):.1f}",
            f"{_ratio(content, variant, 'sync_s'):.1f}",
        ]
        for variant, title in VARIANTS.items()
        if (found := content["medians"].get(variant))
    ]
    head = ("what writes the lines", "wall s", "sync s", "rows/s", "peak MiB", "time ÷ tap's", "sync ÷ tap's")
    return (
        f"{number(content['settings']['profiles'])} profiles of 12 columns, all selected, from a folder to nowhere."
        " “Sync” leaves out the start of the process. Ratios are taken within a round.\n\n" + table(head, rows)
    )


def _ratio(content: Mapping[str, Any], variant: str, figure: str) -> float:
    pairs = zip(content["runs"][variant], content["runs"]["tap"], strict=False)
    return float(median(run[figure] / other[figure] for run, other in pairs))
