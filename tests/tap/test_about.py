"""What the tap says about itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "tap-cix-segments" / "README.md"
EXECUTABLE = str(Path(sys.executable).with_name("tap-cix-segments"))


def about() -> dict[str, object]:
    done = subprocess.run([EXECUTABLE, "--about", "--format=json"], capture_output=True, check=True, timeout=30)
    content: dict[str, object] = json.loads(done.stdout)
    return content


def test_readme_lists_every_setting_and_no_other() -> None:
    settings = about()["settings"]["properties"]  # type: ignore[index]
    text = README.read_text(encoding="utf-8")
    table = text.partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
    assert re.findall(r"^\| `([^`.]+)`", table, re.MULTILINE) == list(settings)


def test_no_setting_needs_a_library_that_is_not_there() -> None:
    assert "faker_config" not in about()["settings"]["properties"]  # type: ignore[index]


def test_settings_may_come_from_the_environment(tmp_path: Path) -> None:
    demo = Path(__file__).parents[2] / "demo" / "export"
    environment = os.environ | {
        "TAP_CIX_SEGMENTS_FOLDER": str(demo),
        "TAP_CIX_SEGMENTS_SEGMENTS": '["ChurnRisk"]',
    }
    done = subprocess.run(
        [EXECUTABLE, "--config=ENV", "--discover"], capture_output=True, check=True, timeout=30, env=environment
    )
    assert [stream["stream"] for stream in json.loads(done.stdout)["streams"]] == ["ChurnRisk"]
