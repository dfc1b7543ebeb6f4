"""Growth: the same first export at sizes from ten thousand to five million profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import plot, source
from benchmarks.exports import NO_PACE, PLATFORMS, command, platform, warm_up
from benchmarks.places import public
from benchmarks.tables import mib, number, seconds, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.results import Results

TITLE = "Growth"
SHORT = {"sizes": (10_000, 100_000), "runs": 1}
FULL = {"sizes": (10_000, 100_000, 1_000_000, 5_000_000), "runs": 5}
_FEWER_RUNS = {1_000_000: 3, 5_000_000: 1}
"""Sizes whose runs are too long to be made often."""
_START_UP = 100
"""So few profiles that what is measured is the start of Meltano and its plugins."""
_ROLES = ("meltano", "tap", "target")


def run(results: Results, sizes: Sequence[int], runs: int) -> None:
    """Measure a first export to each platform at each size.

    Args:
        results: Where the figures go.
        sizes: Numbers of profiles.
        runs: How often at most.
    """
    warm_up(source.folder(1_000))
    for name in PLATFORMS:
        results.commands[name] = public(" ".join(command(name)))
    for size in (_START_UP, *sizes):
        folder = source.folder(size)
        for _ in range(min(runs, _FEWER_RUNS.get(size, runs))):
            for name in PLATFORMS:
                with platform(name) as each:
                    found = each.export(folder, {**NO_PACE, "max_profiles": max(size, 1_000_000)})
                    results.add(f"{name} {size}", found)
    picture = results.path.with_suffix(".svg")
    plot.draw("growth", series(results.summary()), picture)


def series(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is plotted: for each platform the sizes, the time per row and the peak memory.

    Args:
        content: The raw results.
    """
    found: dict[str, Any] = {}
    for name in PLATFORMS:
        points = _points(content, name)
        if points:
            start_up = points[0][1]["wall_s"]
            rest = points[1:]
            found[name] = {
                "profiles": [size for size, _ in rest],
                "microseconds_per_row": [median["wall_s"] / size * 1e6 for size, median in rest],
                "microseconds_per_row_net": [(median["wall_s"] - start_up) / size * 1e6 for size, median in rest],
                **{f"{role}_mib": [median["peak_mib"][role] for _, median in rest] for role in _ROLES},
            }
    return found


def tables(content: Mapping[str, Any]) -> str:
    """Render the results.

    Args:
        content: The raw results.
    """
    rows = []
    for name in PLATFORMS:
        points = _points(content, name)
        for size, median in points[1:]:
            wall, start_up = median["wall_s"], points[0][1]["wall_s"]
            net = wall - start_up
            rows.append(
                [
                    name,
                    number(size),
                    str(median["runs"]),
                    seconds(wall),
                    f"{wall / size * 1e6:.1f}",
                    # Starts differ by more than few rows take.
                    f"{net / size * 1e6:.1f}" if net > start_up / 5 else "-",
                    *(mib(median["peak_mib"][role]) for role in ("tap", "target", "meltano")),
                    mib(median["sandbox"]["peak_mib"]),
                ]
            )
    head = (
        *("platform", "profiles", "runs", "wall s", "µs per row", "without the start", "tap MiB", "target MiB"),
        *("Meltano MiB", "sandbox MiB"),
    )
    picture = f"results/{content['form']}/growth.svg"
    return (
        f"A first export through `meltano run`. The start is a run of {_START_UP} profiles.\n\n"
        + table(head, rows)
        + f"\n![time per row and memory by the number of profiles]({picture})\n"
    )


def _points(content: Mapping[str, Any], name: str) -> list[tuple[int, dict[str, Any]]]:
    medians = content["medians"]
    sizes = sorted(int(case.rpartition(" ")[2]) for case in medians if case.startswith(f"{name} "))
    return [(size, medians[f"{name} {size}"]) for size in sizes]
