"""Fixtures of the stand-ins' tests; their helpers are the modules beside this one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Test folders are no packages, so the helpers are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from typing import TYPE_CHECKING

from cc_application import Application
from cm_api import Api
from dv_environment import Environment

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox


@pytest.fixture
def cc(sandbox: RunningSandbox) -> Application:
    """An application with access to a fresh Constant Contact account, without limits and delays."""
    return Application(sandbox, **Application.UNHURRIED)


@pytest.fixture
def cm(sandbox: RunningSandbox) -> Api:
    """A holder of the API key of a fresh Campaign Monitor account."""
    return Api(sandbox)


@pytest.fixture
def dv(sandbox: RunningSandbox) -> Environment:
    """An application user of an empty Customer Insights environment."""
    return Environment(sandbox)
