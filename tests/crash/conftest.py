"""Fixtures of the tests that kill; their helpers are the modules beside this one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Test folders are no packages, so the helpers are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from typing import TYPE_CHECKING

from crash_export import QUICK, Export

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

PLATFORMS = ("campaign_monitor", "constant_contact")


@pytest.fixture
def swift(sandbox: RunningSandbox) -> RunningSandbox:
    """A fresh sandbox that asks nobody to wait; tests of waiting set its switches back."""
    sandbox.control("PATCH", "/switches", QUICK)
    return sandbox


@pytest.fixture(params=PLATFORMS)
def export(request: pytest.FixtureRequest, swift: RunningSandbox, tmp_path: Path) -> Export:
    """An export, once to each platform."""
    return Export(request.param, swift, tmp_path / "export")


@pytest.fixture
def to_campaign_monitor(swift: RunningSandbox, tmp_path: Path) -> Export:
    """An export to Campaign Monitor."""
    return Export("campaign_monitor", swift, tmp_path / "export")


@pytest.fixture
def to_constant_contact(swift: RunningSandbox, tmp_path: Path) -> Export:
    """An export to Constant Contact."""
    return Export("constant_contact", swift, tmp_path / "export")
