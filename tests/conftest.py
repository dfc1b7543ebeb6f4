"""A real sandbox process, for the tests of every room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cix_sandbox.testing import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """One process for all tests that leave it running; use `sandbox`."""
    running = RunningSandbox(tmp_path_factory.mktemp("sandbox"))
    yield running
    running.stop()


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox) -> RunningSandbox:
    """A sandbox in its fresh state."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    """A sandbox that the test may stop, kill and start again."""
    running = RunningSandbox(tmp_path / "data")
    yield running
    running.kill()
