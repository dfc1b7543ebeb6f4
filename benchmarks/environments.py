"""Environments of what only measuring needs: locked with hashes, made on first use, apart from the product's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.places import HERE, ROOT, WORK

if TYPE_CHECKING:
    from pathlib import Path


def folder_of(name: str) -> Path:
    """Return the folder of an environment's executables, after making it from its lock if need be.

    Args:
        name: `tools` or `peers`; the lock is `benchmarks/{name}-requirements.lock`.
    """
    lock, place = HERE / f"{name}-requirements.lock", WORK / f"env-{name}"
    installed = place / "installed.lock"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        uv = ROOT / ".tools" / "bin" / "uv"
        variables = {**os.environ, "VIRTUAL_ENV": str(place), "UV_NO_PROGRESS": "1"}
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, place], check=True)
        subprocess.run([uv, "pip", "sync", "--quiet", "--require-hashes", lock], check=True, env=variables)
        shutil.copyfile(lock, installed)
    return place / "bin"
