"""Others on the same work: the same rows onto the same list, and what becomes of them when something goes wrong."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import source
from benchmarks.contenders import CONTENDERS, Ready
from benchmarks.engine_ratios import scratch
from benchmarks.exports import platform, warm_up
from benchmarks.places import public
from benchmarks.tables import mib, number, seconds, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.exports import Platform
    from benchmarks.processes import Measured
    from benchmarks.results import Results

TITLE = "Others on the same work"
SHORT = {"profiles": 20_000, "runs": 1}
FULL = {"profiles": 109_000, "runs": 5}

_PLATFORM = "campaign-monitor"
_REFUSED = 5
"""People of the segment who have unsubscribed at the platform."""
_CALL_SECONDS = 0.1
"""How long an import takes where a run is killed half-way, so that there is a half-way."""


def run(results: Results, profiles: int, runs: int) -> None:
    """Measure all contenders in turn, and try each once where something goes wrong.

    Args:
        results: Where the figures go.
        profiles: What the segment is cut from.
        runs: Number of rounds.
    """
    folder = source.clean_folder(profiles)
    people = _addresses(folder)
    results.settings["rows"] = len(people)
    warm_up(source.folder(1_000))
    for _ in range(runs):
        for name in CONTENDERS:
            _first_and_second(results, name, folder)
    for name in CONTENDERS:
        results.facts[f"{name} refused"] = _with_refused(name, folder, people)
        results.facts[f"{name} killed"] = _killed(name, folder, len(people))
        results.write()


def tables(content: Mapping[str, Any]) -> str:
    """Render the results.

    Args:
        content: The raw results.
    """
    medians, facts = content["medians"], content["facts"]
    speed, trouble = [], []
    for name, (title, _) in CONTENDERS.items():
        first, second = medians.get(f"{name} first"), medians.get(f"{name} second")
        if first and second:
            speed.append(
                [
                    title,
                    seconds(first["wall_s"]),
                    number(first["rows_per_s"]),
                    mib(first["peak_mib"]),
                    number(first["write_requests"]),
                    number(first["on_list"]),
                    seconds(second["wall_s"]),
                    number(second["write_requests"]),
                ]
            )
        refused, killed = facts.get(f"{name} refused"), facts.get(f"{name} killed")
        if refused and killed:
            trouble.append([title, *_refused_cells(refused), *_killed_cells(killed)])
    head = (
        *("who", "wall s", "rows/s", "peak MiB, all processes", "write requests", "on the list"),
        *("second run, wall s", "its write requests"),
    )
    trouble_head = (
        *("who", "rows refused", "says have failed", "names of the refused", "on the list", "exit code"),
        *("rerun after a kill: rows sent twice", "on the list then"),
    )
    rows = content["settings"]["rows"]
    return (
        f"{number(rows)} rows with good addresses of their own onto Campaign Monitor's stand-in, which answers at once;"
        " at most 1,000 rows a call. drt reads a database table that was filled before, the others read the CSV files."
        " drt can send differences out of four databases and warehouses, not out of files. What each peer runs is in"
        " `peers/` and `contenders.py`.\n\n"
        + table(head, speed)
        + f"\nWhat each does when {_REFUSED} people of the segment have unsubscribed at the platform, so that"
        " imports are answered with partial failure (HTTP 400, code 210); and when it is killed (SIGKILL) half-way and"
        " simply run again:\n\n" + table(trouble_head, trouble)
    )


def _first_and_second(results: Results, name: str, folder: Path) -> None:
    with platform(_PLATFORM) as each, tempfile.TemporaryDirectory(dir=scratch()) as home:
        ready = CONTENDERS[name][1](each, folder, Path(home))
        results.commands[name] = public(" ".join(ready.command)).replace(home, "DIR")
        for which in ("first", "second"):
            results.add(f"{name} {which}", _figures(each, ready.run(), results.settings["rows"]))
            each.sandbox.control("DELETE", "/requests")


def _figures(each: Platform, ran: Measured, rows: int) -> dict[str, Any]:
    requests = each.requests()
    return {
        "wall_s": round(ran.wall_s, 3),
        "cpu_s": round(ran.cpu_s, 2),
        "rows_per_s": round(rows / ran.wall_s),
        "peak_mib": round(sum(usage.peak_mib for usage in ran.programs.values()), 1),
        "exit_code": ran.exit_code,
        "write_requests": requests["write"],
        "rows_written": requests["rows_written"],
        "on_list": _on_list(each),
    }


def _with_refused(name: str, folder: Path, people: list[str]) -> dict[str, Any]:
    """Run into a list that a few people of the segment have unsubscribed from."""
    refused = people[:: len(people) // _REFUSED][:_REFUSED]
    with platform(_PLATFORM) as each, tempfile.TemporaryDirectory(dir=scratch()) as home:
        each.sandbox.seed(each.key, subscribers=[{"email": email, "state": "Unsubscribed"} for email in refused])
        ready = CONTENDERS[name][1](each, folder, Path(home))
        already_there = set(Path(home).rglob("*"))
        ran = ready.run()
        return {
            "refused": len(refused),
            "claimed": ready.claimed(ran),
            "named": sum(email in _left_behind(ready, ran, already_there) for email in refused),
            "on_list": _on_list(each),
            "exit_code": ran.exit_code,
            "write_requests": each.requests()["write"],
        }


def _killed(name: str, folder: Path, rows: int) -> dict[str, Any]:
    """Kill a run half-way, then run again."""
    switches = {"campaign_monitor.import_latency_seconds": _CALL_SECONDS}
    with platform(_PLATFORM, switches) as each, tempfile.TemporaryDirectory(dir=scratch()) as home:
        ready = CONTENDERS[name][1](each, folder, Path(home))
        ready.run(kill_when=lambda: each.requests()["rows_written"] >= rows / 2)
        before = each.requests()
        reruns = [ready.run()]
        after = each.requests()
        sent = after["rows_written"]
        return {
            "rows_before_the_kill": before["rows_written"],
            "rows_of_the_rerun": sent - before["rows_written"],
            "rows_sent_twice": sent - rows,
            "requests_of_the_rerun": after["write"] - before["write"],
            "on_list": _on_list(each),
            "exit_codes": [ran.exit_code for ran in reruns],
        }


def _refused_cells(refused: Mapping[str, Any]) -> list[str]:
    claimed = refused["claimed"]
    return [
        number(refused["refused"]),
        "nothing" if claimed is None else number(claimed),
        f"{refused['named']} of {refused['refused']}",
        number(refused["on_list"]),
        str(refused["exit_code"]),
    ]


def _killed_cells(killed: Mapping[str, Any]) -> list[str]:
    return [number(killed["rows_sent_twice"]), number(killed["on_list"])]


def _left_behind(ready: Ready, ran: Measured, already_there: set[Path]) -> str:
    """Return what a user could read: what was printed, and the reports that were not there before."""
    files = [path for path in ready.home.rglob("*") if path.is_file() and path not in already_there]
    reports = [path for path in files if path.suffix in {".json", ".jsonl", ".log", ".txt"}]
    return "\n".join([ran.told, *(path.read_text("utf-8", "replace") for path in reports)])


def _addresses(folder: Path) -> list[str]:
    found: list[str] = []
    for partition in source.partitions(folder):
        with partition.open(encoding="utf-8", newline="") as file:
            found.extend(row["EMail"].strip() for row in csv.DictReader(file))
    return found


def _on_list(each: Platform) -> int:
    return sum(person["state"] == "Active" for person in each.sandbox.members(each.key, each.list_id))
