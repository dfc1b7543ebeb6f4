"""Writes the tables of the README from the raw results; no figure in them is typed by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.parts import PARTS
from benchmarks.places import HERE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_START, _END = "<!-- figures -->", "<!-- end of figures -->"


def write(results: Path) -> None:
    """Write the README's tables anew: the full form's figures, where there are none the short form's.

    Args:
        results: The folder of the raw results.
    """
    path = HERE / "README.md"
    before, _, rest = path.read_text("utf-8").partition(_START)
    _, _, after = rest.partition(_END)
    sections = [section for name in PARTS if (section := _section(results, name))]
    text = "\n".join(sections) or "Nothing has been measured yet.\n"
    path.write_text(f"{before}{_START}\n\n{text}\n{_END}{after}", encoding="utf-8")


def _section(results: Path, name: str) -> str:
    for form in ("full", "short"):
        path = results / form / f"{name}.json"
        if path.exists():
            content = json.loads(path.read_text("utf-8"))
            part = PARTS[name]
            if not content["medians"]:
                continue
            return f"## {part.TITLE}\n\n{part.tables(content)}\n{_provenance(content)}\n"
    return ""


def _provenance(content: Mapping[str, Any]) -> str:
    machine, part, form = content["machine"], content["part"], content["form"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    counts = sorted({found["runs"] for found in content["medians"].values()})
    runs = f"{counts[0]} run" if counts == [1] else f"{' to '.join(map(str, {counts[0], counts[-1]}))} runs each"
    command = f"python -m benchmarks{' --full' * (form == 'full')} {part}"
    return (
        f"<sub>`{command}`, {content['measured_at'][:10]}; medians of {runs};"
        f" [raw results](results/{form}/{part}.json)."
        f" {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']},"
        f" Python {machine['python']}, SQLite {machine['sqlite']}, {packages}; commit {machine['commit']};"
        f" load before: {machine['load_before']}.</sub>\n"
    )
