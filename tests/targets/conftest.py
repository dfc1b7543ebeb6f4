"""Fixtures of the targets' tests; their helpers are the modules beside this one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Test folders are no packages, so the helpers are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from typing import TYPE_CHECKING

from target_process import Target

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

_AT_ONCE = {
    "constant_contact.activity_queue_seconds": 0,
    "constant_contact.activity_work_seconds": 0,
    "constant_contact.requests_per_second": 0,
    "constant_contact.token_requests_per_second": 0,
}


@pytest.fixture
def swift(sandbox: RunningSandbox) -> RunningSandbox:
    """A fresh sandbox that asks nobody to wait; tests of waiting set its switches back."""
    sandbox.control("PATCH", "/switches", _AT_ONCE)
    return sandbox


@pytest.fixture(params=["campaign_monitor", "constant_contact"])
def target(request: pytest.FixtureRequest, swift: RunningSandbox, tmp_path: Path) -> Target:
    """An export, once to each platform."""
    return Target(request.param, swift, tmp_path)


@pytest.fixture
def to_campaign_monitor(swift: RunningSandbox, tmp_path: Path) -> Target:
    """An export to Campaign Monitor."""
    return Target("campaign_monitor", swift, tmp_path)


@pytest.fixture
def to_constant_contact(swift: RunningSandbox, tmp_path: Path) -> Target:
    """An export to Constant Contact."""
    return Target("constant_contact", swift, tmp_path)
