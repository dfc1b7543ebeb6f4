"""Where things are, and what a benchmark's processes see of the user's environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
WORK = ROOT / ".bench"
"""Made by the benchmarks, never committed: data, environments, a Meltano project."""
HERE = ROOT / "benchmarks"
RESULTS = HERE / "results"

_PRIVATE = ("TARGET_", "TAP_", "MELTANO_", "XDG_", "PYTHON")


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a measured process: nothing of the user's settings, and no telemetry.

    Args:
        **settings: Further variables.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)}
    return {
        **kept,
        "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
        "HOME": str(WORK / "home"),
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "1",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
        **settings,
    }


def public(text: str) -> str:
    """Return a text without the paths of this machine.

    Args:
        text: What may hold them.
    """
    return text.replace(str(WORK), ".bench").replace(str(BIN), ".venv/bin").replace(str(ROOT), ".")
