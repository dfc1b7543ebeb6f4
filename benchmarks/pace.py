"""At the platform's pace: a first export into stand-ins that take as long as the platforms do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from target_campaign_monitor.destination import CampaignMonitor
from target_constant_contact.destination import ConstantContact

from benchmarks import source
from benchmarks.exports import command, platform, warm_up
from benchmarks.places import public
from benchmarks.tables import mib, number, seconds, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Results

TITLE = "At the platform's pace"
SHORT = {"profiles": 20_000, "runs": 1}
FULL = {"profiles": 1_000_000, "runs": 1}

_CALL_SECONDS, _ACTIVITY_SECONDS = 1.2, 60
_THROTTLED_SHARE = 0.05
_SWITCHES: dict[str, dict[str, float]] = {
    "campaign-monitor": {"campaign_monitor.import_latency_seconds": _CALL_SECONDS},
    "constant-contact": {
        "constant_contact.activity_work_seconds": _ACTIVITY_SECONDS,
        "constant_contact.requests_per_second": 4,
        "constant_contact.requests_per_day": 10_000,
        "constant_contact.token_requests_per_second": 1,
    },
}
_LIMITS = {"campaign-monitor": CampaignMonitor.limits, "constant-contact": ConstantContact.limits}
_PACES = {
    "campaign-monitor": f"{_CALL_SECONDS} s for each import call",
    "constant-contact": f"4 requests a second, {_ACTIVITY_SECONDS} s for each activity",
}


def run(results: Results, profiles: int, runs: int) -> None:
    """Measure a first export to each platform, with and without throttled requests.

    Args:
        results: Where the figures go.
        profiles: Size of the segment.
        runs: How often.
    """
    folder = source.folder(profiles)
    warm_up(source.folder(1_000))
    results.settings["switches"] = _SWITCHES
    results.settings["throttled_share"] = _THROTTLED_SHARE
    for name, limits in _LIMITS.items():
        results.commands[name] = public(" ".join(command(name)))
        results.facts[name] = {"calls_at_a_time": limits.calls, "in_flight": limits.in_flight}
    for _ in range(runs):
        for name, switches in _SWITCHES.items():
            for throttled in (False, True):
                with platform(name, switches) as each:
                    if throttled:
                        # Neither platform says how long to wait.
                        each.sandbox.fault("throttle", platform=each.key, rate=_THROTTLED_SHARE)
                    results.add(f"{name}{' throttled' * throttled}", each.export(folder))


def tables(content: Mapping[str, Any]) -> str:
    """Render the results.

    Args:
        content: The raw results.
    """
    rows = []
    for name in _LIMITS:
        for case, title in (("", "none"), (" throttled", f"{_THROTTLED_SHARE:.0%} of the requests")):
            found = content["medians"].get(name + case)
            if not found:
                continue
            requests, facts = found["requests"], content["facts"][name]
            rows.append(
                [
                    f"{name}: {_PACES[name]}",
                    title,
                    seconds(found["wall_s"]),
                    seconds(_least(name, found, facts)),
                    f"{facts['calls_at_a_time']} calls, {facts['in_flight']} batches",
                    number(requests["all"]),
                    number(requests["throttled"]),
                    mib(found["peak_mib"]["target"]),
                    number(found["counts"]["created"]),
                ]
            )
    head = ("platform", "429s", "wall s", "least s", "at a time", "requests", "429s answered", "target MiB", "created")
    return (
        f"{number(content['settings']['profiles'])} profiles, settings as they come. “Least” is what the platform's"
        " waits alone come to with so many at a time. A 429 does not say how long to wait.\n\n" + table(head, rows)
    )


def _least(name: str, found: Mapping[str, Any], facts: Mapping[str, Any]) -> float:
    """Return the time that the platform's waits take, with nothing else."""
    if name == "campaign-monitor":
        calls = math.ceil(int(found["counts"]["created"]) / _LIMITS[name].rows)
        return math.ceil(calls / int(facts["calls_at_a_time"])) * _CALL_SECONDS
    imports = int(found["requests"]["write_accepted"])
    return math.ceil(imports / int(facts["in_flight"])) * float(_ACTIVITY_SECONDS)
