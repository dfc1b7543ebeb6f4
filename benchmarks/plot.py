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
    for (name, each), style in zip(series.items(), ("-", "--"), strict=False):
        lines = (("microseconds_per_row", "C0", "all of it"), ("microseconds_per_row_net", "C1", "without the start"))
        for figure_name, colour, label in lines:
            times.plot(each["profiles"], each[figure_name], f"o{style}", color=colour, label=f"{label}, {name}")
        for role, colour in (("meltano", "C2"), ("tap", "C3"), ("target", "C4")):
            memory.plot(each["profiles"], each[f"{role}_mib"], f"o{style}", color=colour, label=f"{role}, {name}")
    times.set(yscale="log", title="time per row, µs")
    times.set_ylim(bottom=1)
    memory.set(title="peak memory, MiB")
    memory.set_ylim(bottom=0)
    for axes in (times, memory):
        axes.set(xscale="log", xlabel="profiles")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize=7, handlelength=4)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    {"growth": _growth}[sys.argv[1]](json.load(sys.stdin), sys.argv[2])
