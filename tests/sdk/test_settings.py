"""Settings are taken as they are meant, and what cannot be meant is refused by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from audience_sdk.cli import check_settings
from audience_sdk.errors import CONSENT_MISSING, LEDGER_URL_INVALID, LIST_UNSET, SETTING_INVALID, CixError
from audience_sdk.ledger import ledger_path
from audience_sdk.settings import MAX_PROFILES, Settings, common_settings, with_custom_fields
from singer_sdk import typing as th

SCHEMA = th.PropertiesList(*common_settings({"first_name": "Column of the first name."})).to_dict()
NEEDED = {"data_privacy_consent": True, "list_id": "L1", "field_mapping": {"email": "EMail"}}


def settings_of(**config: Any) -> Settings:
    """The settings as a target reads them: checked against the schema, which also fills in the defaults."""
    given = NEEDED | config
    check_settings(given, SCHEMA)
    return Settings.of({name: value for name, value in given.items() if value is not None})


def without(*names: str) -> dict[str, Any]:
    config = {name: value for name, value in NEEDED.items() if name not in names}
    check_settings(config, SCHEMA)
    return config


def test_little_needs_to_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MELTANO_PROJECT_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    settings = settings_of()

    assert settings.all_lists() == settings.lists_of("any segment") == ("L1",)
    assert (settings.dry_run, settings.mirror, settings.max_profiles) == (False, False, MAX_PROFILES)
    assert settings.max_rejected_ratio == 0.25
    assert ledger_path(settings.ledger_url) == tmp_path / ".cix" / "ledger.db"
    assert settings.output_dir == tmp_path / "output"


def test_ledger_and_output_lie_in_the_meltano_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path / "a project"))
    settings = settings_of()

    assert ledger_path(settings.ledger_url) == tmp_path / "a project" / ".cix" / "ledger.db"
    assert settings.output_dir == tmp_path / "a project" / "output"


@pytest.mark.parametrize("consent", [None, False])
def test_without_consent_nothing_begins_and_what_is_agreed_to_is_told(consent: bool | None) -> None:
    config = without("data_privacy_consent")
    if consent is not None:
        config["data_privacy_consent"] = consent
    settings = Settings.of(config)
    with pytest.raises(CixError) as caught:
        settings.check_consent()

    assert caught.value.code is CONSENT_MISSING
    assert "compliance boundary" in str(caught.value)


def test_consent_is_a_yes_and_not_a_word() -> None:
    with pytest.raises(CixError) as caught:
        settings_of(data_privacy_consent="true")

    assert caught.value.code is SETTING_INVALID
    assert "`data_privacy_consent`" in caught.value.message


def test_lists_of_a_segment_go_before_the_default() -> None:
    settings = settings_of(lists={"A": "L2", "B": ["L3", "L1", "L3"]})

    assert settings.lists_of("A") == ("L2",)
    assert settings.lists_of("B") == ("L3", "L1")
    assert settings.lists_of("C") == ("L1",)
    assert settings.all_lists() == ("L1", "L2", "L3")


def test_a_segment_without_a_list_is_named() -> None:
    settings = settings_of(list_id=None, lists={"A": "L2"})

    assert settings.all_lists() == ("L2",)
    with pytest.raises(CixError) as caught:
        settings.lists_of("B")
    assert caught.value.code is LIST_UNSET
    assert "`B`" in caught.value.message


@pytest.mark.parametrize("nothing", [{}, {"list_id": ""}, {"lists": {}}, {"list_id": "", "lists": {}}])
def test_without_any_list_nothing_begins(nothing: dict[str, Any]) -> None:
    settings = Settings.of(without("list_id") | nothing)
    with pytest.raises(CixError) as caught:
        settings.check_lists()

    assert caught.value.code is LIST_UNSET


@pytest.mark.parametrize("name", ["max_rejected_ratio", "max_removal_ratio"])
@pytest.mark.parametrize(("given", "taken"), [(0, 0.0), (1, 1.0), (0.5, 0.5), ("0.25", 0.25), ("1", 1.0)])
def test_a_ratio_can_be_a_number_or_its_text(name: str, given: Any, taken: float) -> None:
    assert getattr(settings_of(**{name: given}), name) == taken


@pytest.mark.parametrize("name", ["max_rejected_ratio", "max_removal_ratio"])
@pytest.mark.parametrize("given", [-0.1, 1.1, "much", "", "nan", "inf"])
def test_a_ratio_that_is_none_is_refused_by_name_and_not_shown(name: str, given: Any) -> None:
    with pytest.raises(CixError) as caught:
        settings_of(**{name: given})

    assert caught.value.code is SETTING_INVALID
    assert f"`{name}`" in caught.value.message
    assert "much" not in caught.value.message.removesuffix(".")


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"max_profiles": "s-value"}, "max_profiles"),
        ({"dry_run": "s-value"}, "dry_run"),
        ({"list_id": ["s-value"]}, "list_id"),
        ({"lists": "s-value"}, "lists"),
        ({"lists": {"A": 3}}, "lists.A"),
        ({"field_mapping": "s-value"}, "field_mapping"),
        ({"field_mapping": {"first_name": "s-value"}}, "field_mapping.email"),
        ({"field_mapping": {"email": "EMail", "first_name": {"s-value": 1}}}, "field_mapping.first_name"),
        ({"field_mapping": {"email": "EMail", "custom_fields": {"x": 3}}}, "field_mapping.custom_fields.x"),
        ({"sync_mode": "s-value"}, "sync_mode"),
        ({"on_leave": "s-value"}, "on_leave"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_named_and_its_value_not_shown(wrong: dict[str, Any], name: str) -> None:
    with pytest.raises(CixError) as caught:
        settings_of(**wrong)

    assert caught.value.code is SETTING_INVALID
    assert f"`{name}`" in caught.value.message
    assert "s-value" not in str(caught.value)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(CixError) as caught:
        check_settings({"max_profiles": "many", "dry_run": 3}, SCHEMA)

    for name in ("max_profiles", "dry_run", "field_mapping"):
        assert f"`{name}`" in caught.value.message


@pytest.mark.parametrize(
    ("url", "path"), [("sqlite:////var/a b/x.db", "/var/a b/x.db"), ("sqlite:///x.db", str(Path.cwd() / "x.db"))]
)
def test_a_ledger_url_names_a_file(url: str, path: str) -> None:
    assert ledger_path(url) == Path(path)


@pytest.mark.parametrize(
    "url", ["", "x.db", "sqlite://x.db", "sqlite:///", "sqlite:///:memory:", "postgres://s-value@h/d"]
)
def test_any_other_ledger_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(CixError) as caught:
        ledger_path(url)

    assert caught.value.code is LEDGER_URL_INVALID
    assert "s-value" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"email": "E", "custom_fields": {"City": "C", "a.b": ["D", "E"]}},
        {"email": "E", "custom_fields.City": "C", "custom_fields.a.b": ["D", "E"]},
        {"email": "E", "custom_fields": {"City": "C"}, "custom_fields.a.b": ["D", "E"]},
    ],
)
def test_custom_fields_can_come_as_meltano_writes_them_into_the_environment(given: dict[str, Any]) -> None:
    assert with_custom_fields(given) == {"email": "E", "custom_fields": {"City": "C", "a.b": ["D", "E"]}}
