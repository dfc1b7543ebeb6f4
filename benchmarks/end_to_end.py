"""Through `meltano run` into a stand-in that answers at once: first, unchanged and changed exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import source
from benchmarks.exports import NO_PACE, PLATFORMS, command, platform, warm_up
from benchmarks.places import public
from benchmarks.tables import mib, number, seconds, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Results

TITLE = "End to end, through Meltano"
SHORT = {"profiles": 100_000, "runs": 1}
FULL = {"profiles": 1_000_000, "runs": 5}
CASES = {
    "first": "first export",
    "unchanged": "second run, nothing changed, all read again (`--full-refresh`)",
    "left out": "the same, with Meltano's state: the tap sees that nothing has changed",
    "changed": "1 % changed, 1 % left (`sync_mode: mirror`)",
}


def run(results: Results, profiles: int, runs: int) -> None:
    """Measure the four runs of each platform, one after the other on one ledger.

    Args:
        results: Where the figures go.
        profiles: Size of the segment.
        runs: How often it is done.
    """
    first, later = source.folder(profiles), source.next_folder(profiles)
    results.facts["rows_that_differ"] = source.differences(profiles)
    warm_up(source.folder(1_000))
    for name in PLATFORMS:
        results.commands[name] = public(" ".join(command(name)))
    for rounds_before in range(runs):
        for name in PLATFORMS:
            with platform(name) as each:
                results.add(f"{name} first", each.export(first, NO_PACE))
                results.add(f"{name} unchanged", each.export(first, NO_PACE))
                results.add(f"{name} left out", each.export(first, NO_PACE, with_state=True))
                # What this case shows are the rows that are sent; its time is that of a request or two for each leaver.
                if rounds_before == 0:
                    results.add(f"{name} changed", each.export(later, {**NO_PACE, "sync_mode": "mirror"}))


def tables(content: Mapping[str, Any]) -> str:
    """Render the results.

    Args:
        content: The raw results.
    """
    rows = []
    for name in PLATFORMS:
        first = content["medians"].get(f"{name} first")
        for case, title in CASES.items():
            found = content["medians"].get(f"{name} {case}")
            if found:
                rows.append([name, title, *_figures(found, first)])
    differ = content["facts"]["rows_that_differ"]
    head = (
        *("platform", "run", "wall s", "of the first", "tap MiB", "target MiB", "Meltano MiB", "CPU s"),
        *("sandbox CPU s", "write requests", "rows written", "of them leaving"),
    )
    return (
        f"{number(content['settings']['profiles'])} profiles of 12 columns. Memory is the peak of each process, CPU"
        f" that of Meltano and its plugins together. In the last run {number(differ['changed'])} rows differ and"
        f" {number(differ['left'])} are gone; it was made in the first round alone, for what it sends.\n\n"
        + table(head, rows)
    )


def _figures(found: Mapping[str, Any], first: Mapping[str, Any]) -> list[str]:
    requests, peak = found["requests"], found["peak_mib"]
    return [
        seconds(found["wall_s"]),
        f"{found['wall_s'] / first['wall_s']:.0%}",
        *(mib(peak[role]) for role in ("tap", "target", "meltano")),
        seconds(found["cpu_s"]),
        seconds(found["sandbox"]["cpu_s"]),
        number(requests["write"]),
        number(requests["rows_written"]),
        number(found["counts"]["removed"]),
    ]
