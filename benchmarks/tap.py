"""How fast the tap is, and how much memory it takes, against the SDK's default way of writing the same rows.

    .venv/bin/python benchmarks/tap.py [--profiles 300000] [--runs 5] [--json FILE]

Each variant reads the same generated segment of 12 columns and writes to /dev/null, in its own process, in turn within
each round. A ratio is taken within a round; what is printed are medians. "net" leaves out the start-up of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cix_sandbox.sample import write_sample
from singer_sdk import Stream, Tap
from singer_sdk.io_base import SingerWriter
from tap_cix_segments.streams import SegmentStream
from tap_cix_segments.tap import TapCixSegments
from typing_extensions import override

SEGMENT = "NewsletterReaders"


class DefaultStream(SegmentStream):
    """The same rows through the SDK's own loop over records."""

    @override
    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Any:
        return Stream._sync_records(self, context, write_messages=write_messages)  # noqa: SLF001 - what is compared


class DefaultTap(TapCixSegments):
    """The same tap with the SDK's own loop and its default writer of messages."""

    message_writer_class = SingerWriter  # type: ignore[assignment]

    @override
    def discover_streams(self) -> list[Any]:
        return [
            DefaultStream(self, stream._source, stream._segment, self.message_writer)  # noqa: SLF001 - same rows
            for stream in super().discover_streams()
        ]


TAPS: dict[str, type[Tap]] = {"tap": TapCixSegments, "sdk": DefaultTap}
NAMES = {
    "tap": "tap-cix-segments",
    "sdk": "same rows, SDK's record loop and default writer",
}


@dataclass
class Measurement:
    """One run of one variant."""

    seconds: float
    cpu_seconds: float
    sync_seconds: float
    peak_mib: float


def measure(variant: str, folder: Path) -> Measurement:
    """Run a variant in its own process."""
    command = [sys.executable, __file__, "--variant", variant, "--folder", str(folder)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr  # noqa: S101 - it is a pipe
        log = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(log)
    sync_seconds = float(log.rpartition("sync_seconds=")[2])
    return Measurement(seconds, usage.ru_utime + usage.ru_stime, sync_seconds, usage.ru_maxrss / 1024)


def run_variant(variant: str, folder: str) -> None:
    """Read the segment once, in this process, and say how long it took."""
    tap = TAPS[variant](config={"folder": folder, "segments": [SEGMENT]})
    started = time.perf_counter()
    tap.sync_all()
    print(f"sync_seconds={time.perf_counter() - started}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", type=int, default=300_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    parser.add_argument("--variant", choices=TAPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        run_variant(options.variant, options.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        write_sample(Path(scratch), options.profiles, seed=1)
        rounds = [{variant: measure(variant, Path(scratch)) for variant in TAPS} for _ in range(options.runs)]
    report(rounds, options.profiles)
    if options.json:
        runs = [{variant: vars(measured) for variant, measured in one.items()} for one in rounds]
        options.json.write_text(
            json.dumps({"profiles": options.profiles, "machine": machine(), "rounds": runs}, indent=2)
        )


def report(rounds: list[dict[str, Measurement]], profiles: int) -> None:
    """Print the medians."""
    print(f"{profiles:,} profiles, 12 columns, median of {len(rounds)} runs; {machine()}")
    print("| variant | wall s | CPU s | sync s | rows/s | rows/s net | peak MiB | sync time against the tap's |")
    print("|---|---|---|---|---|---|---|---|")
    for variant, name in NAMES.items():
        runs = [one[variant] for one in rounds]
        wall = statistics.median(run.seconds for run in runs)
        cpu = statistics.median(run.cpu_seconds for run in runs)
        sync = statistics.median(run.sync_seconds for run in runs)
        peak = statistics.median(run.peak_mib for run in runs)
        ratio = statistics.median(one[variant].sync_seconds / one["tap"].sync_seconds for one in rounds)
        print(
            f"| {name} | {wall:.2f} | {cpu:.2f} | {sync:.2f} | {profiles / wall:,.0f} | {profiles / sync:,.0f} "
            f"| {peak:.0f} | {ratio:.1f} |"
        )


def machine() -> str:
    """Describe where this ran."""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


if __name__ == "__main__":
    main()
