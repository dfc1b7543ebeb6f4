"""The engine alone against what it is built on and against the floor: the same Singer lines, one process each."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import source
from benchmarks.places import BIN, HERE, ROOT, WORK, public
from benchmarks.processes import Measured, measure
from benchmarks.tables import mib, number, seconds, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Results

TITLE = "The engine alone"
SHORT = {"profiles": 100_000, "runs": 3}
FULL = {"profiles": 300_000, "runs": 11}
VARIANTS = {
    "engine": "this engine: planned, given to a destination that does nothing, confirmed in the ledger",
    "engine unchanged": "this engine, second run, nothing changed",
    "engine planned": "this engine up to the plan and each row's JSON (`dry_run: true`: no batches, nothing noted)",
    "sdk": "the SDK's BatchSink that does nothing, default form",
    "sdk unvalidated": "the same with `validate_records: false`",
    "bare": "decode, map, hash, stage in SQLite, compare, join bodies; check and note nothing",
    "bare checked": "the same with the engine's check of addresses, and with values looked at as it does",
    "floor": "only decode each line (msgspec): the floor",
}


def run(results: Results, profiles: int, runs: int) -> None:
    """Measure all variants in turn within each round.

    Args:
        results: Where the figures go.
        profiles: Size of the segment.
        runs: Number of rounds.
    """
    lines, few = singer_lines(profiles), singer_lines(1)
    results.commands.update({name: public(" ".join(_command(name, Path("DIR")))) for name in VARIANTS})
    for _ in range(runs):
        with tempfile.TemporaryDirectory(dir=scratch()) as name, tempfile.TemporaryDirectory(dir=scratch()) as small:
            for variant in VARIANTS:
                measured = run_variant(variant, Path(name), lines)
                start = run_variant(variant, Path(small), few)
                net = measured.wall_s - start.wall_s
                results.add(
                    variant,
                    {
                        "wall_s": round(measured.wall_s, 3),
                        "net_s": round(net, 3),
                        "cpu_s": round(measured.cpu_s, 3),
                        "net_cpu_s": round(measured.cpu_s - start.cpu_s, 3),
                        "rows_per_s": round(profiles / measured.wall_s),
                        "peak_mib": round(measured.largest(), 1),
                    },
                )


def tables(content: Mapping[str, Any]) -> str:
    """Render the results.

    Args:
        content: The raw results.
    """
    rows = [
        [
            title,
            seconds(found["wall_s"]),
            seconds(found["net_s"]),
            seconds(found["net_cpu_s"]),
            number(found["rows_per_s"]),
            mib(found["peak_mib"]),
            f"{_ratio(content, variant, 'engine', 'wall_s'):.2f}",
            f"{_ratio(content, variant, 'engine', 'net_s'):.2f}",
            f"{_ratio(content, variant, 'floor', 'wall_s'):.1f}",
            f"{_ratio(content, variant, 'floor', 'net_s'):.1f}",
        ]
        for variant, title in VARIANTS.items()
        if (found := content["medians"].get(variant))
    ]
    head = (
        *("what reads the lines", "wall s", "net s", "net CPU s", "rows/s", "peak MiB"),
        *("time ÷ engine's", "net ÷ engine's", "time ÷ floor's", "net ÷ floor's"),
    )
    return (
        f"The tap's own messages of {number(content['settings']['profiles'])} profiles of 12 columns on standard input."
        " “Net” leaves out what the same process needs for a single profile. Ratios are taken within a round.\n\n"
        + table(head, rows)
    )


def singer_lines(profiles: int) -> Path:
    """Return a file of the tap's messages of so many profiles; it is made once.

    Args:
        profiles: How many.
    """
    path = WORK / "data" / f"{profiles}.singer"
    if not path.exists():
        config = {"folder": str(source.folder(profiles)), "segments": [source.SEGMENT]}
        with tempfile.TemporaryDirectory(dir=scratch()) as name:
            settings = Path(name) / "config.json"
            settings.write_text(json.dumps(config), encoding="utf-8")
            partial = path.with_suffix(".partial")
            with partial.open("wb") as file:
                command = [str(BIN / "tap-cix-segments"), "--config", str(settings)]
                subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=True, cwd=ROOT)
            partial.replace(path)
    return path


def engine_config(folder: Path, *, dry_run: bool = False) -> Path:
    """Write the settings of the engine's run; the ledger is in the same folder, so that a second run finds it.

    Args:
        folder: Where.
        dry_run: Whether the run ends with the plan.
    """
    mapping = {
        "email": "EMail",
        "name": ["FirstName", "LastName"],
        "custom_fields": {name: name for name in ("City", "LoyaltyPoints", "LastPurchase")},
    }
    config = {
        "data_privacy_consent": True,
        "list_id": "L",
        "dry_run": dry_run,
        "field_mapping": mapping,
        "ledger_url": f"sqlite:///{folder / 'ledger.db'}",
        "output_dir": str(folder / "output"),
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def scratch() -> Path:
    """Return the folder of what is not kept."""
    path = WORK / "scratch"
    path.mkdir(parents=True, exist_ok=True)
    return path


def run_variant(variant: str, folder: Path, lines: Path) -> Measured:
    """Run one variant.

    Args:
        variant: Which.
        folder: Where it keeps its files.
        lines: What it reads.
    """
    if variant == "engine planned":
        folder = folder / "planned"
        folder.mkdir()
    if variant.startswith("engine"):
        engine_config(folder, dry_run=variant == "engine planned")
    return measure(_command(variant, folder), stdin=lines)


def _command(variant: str, folder: Path) -> list[str]:
    scripts = {
        "sdk": [str(HERE / "sdk_sink.py")],
        "sdk unvalidated": [str(HERE / "sdk_sink.py"), "--unvalidated"],
        "bare": [str(HERE / "bare_trial.py"), str(folder)],
        "bare checked": ["-m", "benchmarks.checked_trial", str(folder)],
        "floor": [str(HERE / "floor.py")],
    }
    engine = [str(HERE / "engine.py"), "--run", "--config", str(folder / "config.json")]
    return [sys.executable, *scripts.get(variant, engine)]


def _ratio(content: Mapping[str, Any], variant: str, base: str, figure: str) -> float:
    pairs = zip(content["runs"][variant], content["runs"].get(base, []), strict=False)
    return float(median([run[figure] / max(other[figure], 1e-3) for run, other in pairs] or [0.0]))
