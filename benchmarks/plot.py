"""Draws what is better seen than read, in the environment that has matplotlib: `python plot.py KIND OUT < series`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def draw(kind: str, series: dict[str, Any], path: Path) -> None:
    """Draw a picture.

    Args:
        kind: What to draw: `growth`.
        series: The figures.
        path: The SVG file.
    """
    from benchmarks.environments import folder_of  # noqa: PLC0415 - this file also runs where there is no such module

    command = [str(folder_of("tools") / "python"), __file__, kind, str(path)]
    subprocess.run(command, input=json.dumps(series).encode(), check=True)


def _growth(series: dict[str, Any], path: str) -> None:
    import matplotlib as mpl  # type: ignore[import-not-found]  # noqa: PLC0415 - only in the environment of the tools

    mpl.use("svg")
    # Texts as texts and fixed names inside: the same figures make the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "growth", "font.size": 9})
    from matplotlib import pyplot as plt  # noqa: PLC0415 - same

    figure, (times, memory) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for name, each in series.items():
        times.plot(each["profiles"], each["microseconds_per_row"], "o-", label=name)
        times.plot(each["profiles"], each["microseconds_per_row_net"], "o--", label=f"{name}, without the start")
        for role, marker in (("meltano", "^"), ("tap", "v"), ("target", "o")):
            memory.plot(each["profiles"], each[f"{role}_mib"], f"{marker}-", label=f"{role} ({name})", markersize=4)
    for axes, title in ((times, "µs per row"), (memory, "peak memory, MiB")):
        axes.set(xscale="log", xlabel="profiles", title=title)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize=7)
    times.set_yscale("symlog", linthresh=10)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    {"growth": _growth}[sys.argv[1]](json.load(sys.stdin), sys.argv[2])
