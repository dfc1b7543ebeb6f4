"""Where the engine's time goes: a flame picture, and the functions that hold the most of it."""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.engine_ratios import engine_config, scratch, singer_lines
from benchmarks.environments import folder_of
from benchmarks.places import HERE, public
from benchmarks.processes import measure
from benchmarks.tables import number, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Results

TITLE = "Where the engine's time goes"
SHORT = {"profiles": 100_000, "runs": 1}
FULL = {"profiles": 1_000_000, "runs": 1}

_RATE = 200
_SHOWN = 30
_FRAME = re.compile(r"^(?P<function>.+) \((?P<file>[^:()]+)(?::\d+)?\)$")
_FOLDERS = re.compile(r"[\w./-]*/(?:site-packages|lib/python3\.\d+)/|(?:[\w.-]*/)*(?=(?:audience_sdk|benchmarks)/)")


def run(results: Results, profiles: int, runs: int) -> None:
    """Watch a first run of the engine with py-spy, once for the picture and once for the stacks.

    Args:
        results: Where the figures go.
        profiles: Size of the segment.
        runs: How often the stacks are taken; the shares are of all together.
    """
    lines = singer_lines(profiles)
    spy = folder_of("tools") / "py-spy"
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        picture = Path(name) / "flame.svg"
        _record(results, spy, "flamegraph", picture, lines)
        results.path.parent.mkdir(parents=True, exist_ok=True)
        results.path.with_suffix(".svg").write_text(
            _FOLDERS.sub("", public(picture.read_text("utf-8"))), encoding="utf-8"
        )
        for number_of_run in range(runs):
            stacks = Path(name) / f"stacks-{number_of_run}"
            _record(results, spy, "raw", stacks, lines)
            results.add("stacks", shares(stacks.read_text("utf-8")))


def shares(stacks: str) -> dict[str, Any]:
    """Return how much of the time each function of the engine holds, and how much each spends itself.

    Args:
        stacks: One stack a line, outermost first, with the number of samples at its end.
    """
    total, held, own = 0, Counter[str](), Counter[str]()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        functions = [_function(frame) for frame in stack.split(";")]
        total += int(count)
        own[functions[-1]] += int(count)
        for function in set(functions):
            held[function] += int(count)
    ours = [(name, count) for name, count in held.most_common() if name.startswith("audience_sdk")]
    return {
        "samples": total,
        "held": {name: round(count / total, 4) for name, count in ours[:_SHOWN]},
        "own": {name: round(count / total, 4) for name, count in own.most_common(_SHOWN)},
    }


def tables(content: Mapping[str, Any]) -> str:
    """Render the results.

    Args:
        content: The raw results.
    """
    found = content["medians"]["stacks"]
    held = [[f"`{name}`", f"{share:.0%}"] for name, share in found["held"].items()][:20]
    own = [[f"`{name}`", f"{share:.0%}"] for name, share in found["own"].items()][:15]
    return (
        f"A first run of {number(content['settings']['profiles'])} profiles, sampled {_RATE} times a second by py-spy"
        " (all threads that use the processor; native code counts for the function that calls it).\n\n"
        f"![flame picture of the engine](results/{content['form']}/flame.svg)\n\n"
        "Time held by functions of the engine, with all that they call:\n\n"
        + table(("function", "share"), held)
        + "\nTime spent in the function itself:\n\n"
        + table(("function", "share"), own)
    )


def _record(results: Results, spy: Path, form: str, output: Path, lines: Path) -> None:
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        target = [sys.executable, str(HERE / "engine.py"), "--run", "--config", str(engine_config(Path(name)))]
        options = ["record", "--rate", str(_RATE), "--format", form, "--output", str(output)]
        command = [str(spy), *options, "--", *target]
        results.commands[form] = public(" ".join(command))
        measure(command, stdin=lines)


def _function(frame: str) -> str:
    """Return `module.function` of a frame such as `add (audience_sdk/stage.py:12)`."""
    found = _FRAME.match(frame)
    if not found:
        return frame or "outside Python"
    module = _FOLDERS.sub("", found["file"]).removesuffix(".py").replace("/", ".")
    return f"{module}.{found['function']}"
