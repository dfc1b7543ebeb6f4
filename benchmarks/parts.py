"""The parts of the benchmark, in the order in which they run and stand in the README."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from benchmarks import batch_messages, comparison, end_to_end, engine_ratios, flame, growth, pace, tap_ratios

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Results


class Part(Protocol):
    """What a module of the benchmark has.

    Attributes:
        TITLE: Its heading.
        SHORT: Arguments of `run` in the short form.
        FULL: Arguments of `run` in the full form.
    """

    TITLE: str
    SHORT: Mapping[str, Any]
    FULL: Mapping[str, Any]

    @staticmethod
    def run(results: Results, **settings: Any) -> None:
        """Measure."""

    @staticmethod
    def tables(content: Mapping[str, Any]) -> str:
        """Render the results in Markdown."""


PARTS = {
    name: cast("Part", module)
    for name, module in {
        "end_to_end": end_to_end,
        "engine": engine_ratios,
        "tap": tap_ratios,
        "batch_messages": batch_messages,
        "flame": flame,
        "pace": pace,
        "growth": growth,
        "comparison": comparison,
    }.items()
}
