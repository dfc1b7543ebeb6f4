"""The command: `python -m benchmarks [--full] [PART ...]`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from benchmarks import exports, readme
from benchmarks.parts import PARTS
from benchmarks.places import RESULTS, WORK
from benchmarks.processes import RunFailedError
from benchmarks.results import Results


def main() -> None:
    """Measure the parts that are asked for, print their tables, and write the README anew."""
    options = _options()
    WORK.mkdir(exist_ok=True)
    try:
        with FileLock(WORK / "lock", timeout=0):
            exports.forget_scratch()
            failed = [name for name in options.parts if not options.render and not _measured(name, options)]
    except Timeout:
        raise SystemExit("Another benchmark is running.") from None
    if options.results == RESULTS:
        readme.write(RESULTS)
    if failed:
        raise SystemExit(f"Not measured to the end: {', '.join(failed)}.")


def _measured(name: str, options: argparse.Namespace) -> bool:
    """Measure one part; say whether it came to its end."""
    part = PARTS[name]
    settings = dict(part.FULL if options.full else part.SHORT)
    if options.profiles and "sizes" in settings:
        settings["sizes"] = tuple(options.profiles)
    elif options.profiles:
        settings["profiles"] = options.profiles[0]
    settings["runs"] = options.runs or settings["runs"]
    print(f"{name}: {settings}", flush=True)
    results = Results(options.results / ("full" if options.full else "short") / f"{name}.json", dict(settings))
    began = time.monotonic()
    try:
        part.run(results, **settings)
    except RunFailedError as error:
        print(error, file=sys.stderr, flush=True)
        return False
    results.facts["seconds_in_all"] = round(time.monotonic() - began)
    results.write()
    print(f"\n{part.TITLE}\n\n{part.tables(results.summary())}\n", flush=True)
    return True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all unless given: {', '.join(PARTS)}")
    parser.add_argument("--full", action="store_true", help="the sizes of the committed figures; takes over an hour")
    parser.add_argument("--profiles", type=int, nargs="+", help="another size; several for growth")
    parser.add_argument("--runs", type=int, help="another number of runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="another folder for the raw results")
    parser.add_argument("--render", action="store_true", help="measure nothing, only write the README anew")
    options = parser.parse_args()
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    options.parts = options.parts or list(PARTS)
    return options


if __name__ == "__main__":
    main()
