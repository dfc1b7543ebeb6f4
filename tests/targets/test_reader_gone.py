"""Whoever reads the target's output may have been killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from processes import Call, Ended
from target_process import people, stream

if TYPE_CHECKING:
    from target_process import Target


def _unread(call: Call, text: str) -> Ended:
    """Run a target whose output nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    executable = str(Path(sys.executable).with_name(call.name))
    done = subprocess.run(
        [executable, *call.arguments],
        cwd=call.folder,
        input=text,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    return Ended(done.returncode, "", done.stderr)


def test_a_state_that_nobody_reads_is_no_matter_to_be_reported_and_loses_no_row(to_campaign_monitor: Target) -> None:
    target, usual = to_campaign_monitor, to_campaign_monitor.runner
    target.runner = _unread
    ran = target.run(stream(people(3)))
    assert ran.code == 1
    assert "CIX-606" in ran.stderr
    assert "CIX-901" not in ran.stderr
    target.runner = usual
    assert target.run(stream(people(3))).counts == {"received": 3, "unchanged": 3}
