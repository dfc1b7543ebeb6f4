"""Writes what can be generated into the docs: settings tables from `--about`, the error codes from their registry.

`make docs` runs it; a test fails when the files on disk differ from what it would write.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from audience_sdk.errors import all_codes

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = ("tap-cix-segments", "target-campaign-monitor", "target-constant-contact")
_SETTINGS = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


def about(plugin: str) -> dict[str, Any]:
    """Return what a plugin says about itself.

    Args:
        plugin: Name of its executable.
    """
    command = [Path(sys.executable).parent / plugin, "--about", "--format=json"]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


def settings_table(plugin: str) -> str:
    """Return a plugin's settings as a Markdown table.

    Args:
        plugin: Name of its executable.
    """
    schema = about(plugin)["settings"]
    rows = ["| setting | type | default | what it does |", "|---|---|---|---|"]
    for name, each in schema["properties"].items():
        required = " (required)" if name in schema.get("required", ()) else ""
        secret = " Secret." if each.get("secret") else ""
        text = " ".join(str(each.get("description", "")).split()).replace("|", "\\|")
        default = "" if each.get("default") in {None, ""} else f"`{json.dumps(each['default'])}`"
        rows.append(f"| `{name}`{required} | {_type(each)} | {default} | {text}{secret} |")
        for inner, part in each.get("properties", {}).items():
            if name == "field_mapping":
                rows.append(f"| `{name}.{inner}` | {_type(part)} | | {part.get('description', '')} |")
    return "\n".join(rows) + "\n"


def _type(schema: dict[str, Any]) -> str:
    kinds = schema.get("type") or [kind for option in schema.get("oneOf", ()) for kind in _kinds(option)]
    return " or ".join(dict.fromkeys(kind for kind in _as_list(kinds) if kind != "null"))


def _kinds(schema: dict[str, Any]) -> list[str]:
    return _as_list(schema.get("type", ()))


def _as_list(kinds: Any) -> list[str]:
    return [kinds] if isinstance(kinds, str) else list(kinds)


def errors_page() -> str:
    """Return the page of error codes."""
    lines = [
        "# Error codes",
        "",
        "Every message that asks something of you carries one of these codes. They never change their meaning.",
        "Generated from `audience_sdk/errors.py` by `make docs`.",
        "",
        "| code | what has happened | what to do |",
        "|---|---|---|",
        *(f"| {each.code} | {each.meaning} | {each.action} |" for each in all_codes()),
    ]
    return "\n".join(lines) + "\n"


def generated() -> dict[Path, str]:
    """Return what every generated file should hold, by path."""
    files = {ROOT / "docs" / "errors.md": errors_page()}
    for plugin in PLUGINS:
        path = ROOT / plugin / "README.md"
        table = settings_table(plugin)
        files[path] = _SETTINGS.sub(lambda match, table=table: match[1] + table + match[2], path.read_text("utf-8"))
    return files


if __name__ == "__main__":
    for file, text in generated().items():
        file.write_text(text, "utf-8")
