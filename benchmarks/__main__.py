"""The command: `python -m benchmarks [--full] [PART ...]`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from filelock import FileLock, Timeout

from benchmarks import exports, readme
from benchmarks.parts import PARTS
from benchmarks.places import RESULTS, WORK
from benchmarks.results import Results


def main() -> None:
    """Measure the parts that are asked for, print their tables, and write the README anew."""
    options = _options()
    if options.full and options.profiles:
        raise SystemExit("The full form has its own sizes; leave out --full or --profiles.")
    WORK.mkdir(exist_ok=True)
    try:
        with FileLock(WORK / "lock", timeout=0):
            _measure(options)
    except Timeout:
        raise SystemExit("Another benchmark is running.") from None


def _measure(options: argparse.Namespace) -> None:
    form = "full" if options.full else "short"
    exports.forget_scratch()
    for name in options.parts if not options.render else []:
        part = PARTS[name]
        settings = dict(part.FULL if options.full else part.SHORT)
        if options.profiles:
            settings["sizes" if "sizes" in settings else "profiles"] = (
                tuple(options.profiles) if "sizes" in settings else options.profiles[0]
            )
        settings["runs"] = options.runs or settings["runs"]
        results = Results(options.results / form / f"{name}.json", dict(settings))
        print(f"{name}: {settings}", flush=True)
        began = time.monotonic()
        part.run(results, **settings)
        results.facts["seconds_in_all"] = round(time.monotonic() - began)
        results.write()
        print(f"\n{part.TITLE}\n\n{part.tables(results.summary())}\n", flush=True)
    if options.results == RESULTS:
        readme.write(RESULTS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all unless given: {', '.join(PARTS)}")
    parser.add_argument("--full", action="store_true", help="the sizes of the committed figures; takes over an hour")
    parser.add_argument("--profiles", type=int, nargs="+", help="another size, to try things out")
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
