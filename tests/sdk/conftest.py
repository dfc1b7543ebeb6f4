"""Fixtures of the engine's tests; their helpers are the modules beside this one."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.ledger import Staging

# Test folders are no packages, so the helpers are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from export_harness import Export, Process
from memory_destination import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def platform() -> Platform:
    """A platform in memory with one empty list, L1."""
    return Platform()


@pytest.fixture
def every_staging_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes what a test has staged when it ends, as a run does."""
    begin = Staging.__init__
    with ExitStack() as stack:

        def noted(self: Staging, *args: Any) -> None:
            begin(self, *args)
            stack.callback(self.close)

        monkeypatch.setattr(Staging, "__init__", noted)
        yield


@pytest.fixture
def export(tmp_path: Path, platform: Platform) -> Export:
    """An export onto list L1 of that platform."""
    return Export(tmp_path, platform)


@pytest.fixture
def start(export: Export) -> Iterator[Callable[..., Process]]:
    """Start the same export in a process of its own, with further settings as keywords."""
    processes: list[Process] = []

    def begin(file_bytes: int | None = None, **settings: Any) -> Process:
        processes.append(Process(export.folder, file_bytes, **export.config | settings))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
