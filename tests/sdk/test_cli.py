"""Whatever is wrong with the settings, the user sees one line with a code and no value, and the exit code is 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import (
    CONNECTION_LOST,
    CONSENT_MISSING,
    NOT_CONNECTED,
    SETTING_INVALID,
    UNEXPECTED,
    CixError,
)
from export_harness import Export, Result, people, segment
from memory_destination import MemoryTarget, Platform

if TYPE_CHECKING:
    from audience_sdk.errors import ErrorCode
    from memory_destination import Batch


def assert_one_clear_line(result: Result, code: str) -> str:
    """Check that the log ends with one error of a code, and return it."""
    (line,) = result.error_lines()
    assert line.startswith(f"{code}: ")
    assert "What to do: " in line
    assert "s-value" not in result.log
    assert result.exit_code == 1
    assert result.states == []
    return line


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"s-value", b'{"api_key": "s-value"', b"\xff\xfe", b'["s-value"]', b'"s-value"', b"null", b"3"],
)
def test_a_configuration_that_is_no_json_object_is_refused(export: Export, content: bytes) -> None:
    path = export.folder / "settings.json"
    path.write_bytes(content)

    assert_one_clear_line(export.command("--config", str(path)), SETTING_INVALID.code)


def test_a_configuration_that_is_not_there_is_named(export: Export) -> None:
    path = export.folder / "settings.json"

    assert str(path) in assert_one_clear_line(export.command("--config", str(path)), SETTING_INVALID.code)


def test_a_folder_is_no_configuration(export: Export) -> None:
    line = assert_one_clear_line(export.command("--config", str(export.folder)), SETTING_INVALID.code)

    assert str(export.folder) in line


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"api_key": ["s-value"]}, "api_key"),
        ({"max_profiles": "s-value"}, "max_profiles"),
        ({"max_rejected_ratio": "s-value"}, "max_rejected_ratio"),
        ({"field_mapping": {"email": ["s-value"]}}, "field_mapping.email"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_named(export: Export, wrong: dict[str, Any], name: str) -> None:
    result = export.run(segment(people(1)), **wrong)

    assert f"`{name}`" in assert_one_clear_line(result, SETTING_INVALID.code)
    assert export.platform.batches == []


def test_without_settings_those_that_are_needed_are_named(export: Export) -> None:
    assert "`field_mapping` is required" in assert_one_clear_line(export.command(), SETTING_INVALID.code)


def test_without_consent_nothing_is_sent(export: Export) -> None:
    result = export.run(segment(people(1)), data_privacy_consent=False)

    assert "compliance boundary" in assert_one_clear_line(result, CONSENT_MISSING.code)
    assert export.platform.batches == []


def test_settings_can_come_from_the_environment(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in export.config.items():
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv(f"TARGET_MEMORY_{name.upper()}", text)
    source = export.folder / "input.singer"
    source.write_text("\n".join(map(json.dumps, segment(people(1)))))
    result = export.command("--config", "ENV", "--input", str(source))

    assert result.exit_code == 0, result.log
    assert result.summary["status"] == "succeeded"


def test_a_variable_that_misspells_a_setting_stops_the_run(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meltano passes over it without a word, and what was to be a dry run would send."""
    monkeypatch.setenv("TARGET_MEMORY_DRYRUN", "s-value")
    line = assert_one_clear_line(export.run(segment(people(1))), SETTING_INVALID.code)
    assert "`TARGET_MEMORY_DRYRUN`" in line
    assert "`dry_run`" in line
    assert export.held == {}


@pytest.mark.parametrize(
    "variable",
    [
        *("TARGET_MEMORY_DRY_RUN", "TARGET_MEMORY_FIELD_MAPPING_EMAIL", "TARGET_MEMORY_LOAD_METHOD"),
        *("TARGET_MEMORY__SECOND_DRYRUN", "TARGET_OTHER_DRYRUN", "TARGET_MEMORY_HOME", "TARGET_MEMORY_URL"),
        *("TARGET_MEMORY_LOGLEVEL", "TARGET_MEMORY_LOG_LEVEL", "TARGET_MEMORY_VERSION", "TARGET_MEMORY_CONFIG"),
        *(
            "TARGET_MEMORY_EU_DRY_RUN",
            "TARGET_MEMORY_B_LIST_ID",
            "TARGET_MEMORY_2_SYNC_MODE",
            "TARGET_MEMORY_EU_API_KEY",
        ),
    ],
)
def test_other_variables_are_no_matter_of_ours(export: Export, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "INFO")
    assert export.run(segment(people(1))).counts() == {"received": 1, "created": 1}


@pytest.mark.parametrize(
    ("plugin", "command"),
    [("target-second", "meltano invoke target-second:login"), (None, "target-memory --config … --login")],
)
@pytest.mark.parametrize("code", [CONNECTION_LOST, NOT_CONNECTED])
def test_an_error_that_calls_for_a_login_names_the_command_to_type(
    export: Export, monkeypatch: pytest.MonkeyPatch, code: ErrorCode, plugin: str | None, command: str
) -> None:
    monkeypatch.delenv("MELTANO_LOADER_NAME", raising=False)
    if plugin:
        monkeypatch.setenv("MELTANO_LOADER_NAME", plugin)
    export.platform.check_error = CixError(code, "Nobody is logged in.")
    result = export.run(segment(people(1)))

    assert f"`{command}`" in assert_one_clear_line(result, code.code)
    assert f"`{command}`" in result.summary["error"]["what_to_do"]


def test_an_error_that_nobody_foresaw_is_told_without_its_words(export: Export) -> None:
    def broken(_batch: Batch) -> Exception:
        return RuntimeError("s-value")

    export.platform.error = broken
    result = export.run(segment(people(1, 2)))

    assert "s-value" not in result.log
    lines = result.error_lines()
    assert all(line.startswith(UNEXPECTED.code) and "RuntimeError" in line for line in lines)
    assert len(lines) == 2, "where it arose, and how the run has ended"
    assert result.summary["counts"]["failed"] == 2
    assert result.summary["status"] == "failed"
    assert result.summary["error"]["code"] == UNEXPECTED.code


def test_about_shows_every_setting_without_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    MemoryTarget.platform = Platform()
    with pytest.raises(SystemExit) as ended:
        MemoryTarget.get_singer_command().main(["--about", "--format", "json"])
    about = json.loads(capsys.readouterr().out)

    assert ended.value.code in {None, 0}
    shown = set(about["settings"]["properties"])
    assert {"data_privacy_consent", "list_id", "lists", "field_mapping", "max_profiles", "dry_run"} <= shown
    assert {"ledger_url", "output_dir", "max_rejected_ratio", "display_name", "stream_maps"} <= shown
    assert not shown & {"faker_config", "batch_size_rows", "load_method", "validate_records", "add_record_metadata"}
