"""Writes what can be generated: settings in READMEs and meltano.yml from `--about`, error codes from their registry.

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
    return " or ".join(dict.fromkeys(kind for kind in _all_kinds(schema) if kind != "null"))


def _all_kinds(schema: dict[str, Any]) -> list[str]:
    kinds = schema.get("type") or [kind for option in schema.get("oneOf", ()) for kind in _all_kinds(option)]
    return [kinds] if isinstance(kinds, str) else list(kinds)


def settings_list(plugin: str) -> str:
    """Return a plugin's settings as meltano.yml declares them.

    Args:
        plugin: Name of its executable.
    """
    lines = []
    for name, each in about(plugin)["settings"]["properties"].items():
        # Meltano cannot pass a decimal from the environment, so what may be a text is one.
        kinds = [kind for kind in _all_kinds(each) if kind != "null"]
        kind = "string" if "string" in kinds else kinds[0]
        sensitive = ", sensitive: true" if each.get("secret") else ""
        lines.append(f"    - {{name: {name}, kind: {kind}{sensitive}}}\n")
    return "".join(lines)


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
    composition = (ROOT / "meltano.yml").read_text("utf-8")
    files = {ROOT / "docs" / "errors.md": errors_page()}
    for plugin in PLUGINS:
        path = ROOT / plugin / "README.md"
        table = settings_table(plugin)
        files[path] = _SETTINGS.sub(lambda match, table=table: match[1] + table + match[2], path.read_text("utf-8"))
        declared = re.compile(
            rf"(  - name: {plugin}\n(?:    [^-\n].*\n)*?    settings:\n)(?:    - .*\n(?:      .*\n)*)+"
        )
        composition = declared.sub(lambda match, plugin=plugin: match[1] + settings_list(plugin), composition)
    files[ROOT / "meltano.yml"] = composition
    return files


if __name__ == "__main__":
    for file, text in generated().items():
        file.write_text(text, "utf-8")
