"""A list can be named; what is kept, locked and sent to is always its id, and no list is made by mistake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from audience_sdk.errors import FIELD_UNKNOWN, LIST_AMBIGUOUS, LIST_CHANGED, LIST_UNKNOWN
from export_harness import people, segment

if TYPE_CHECKING:
    from typing import Any

    from export_harness import Export, Result

DAILY, WEEKLY = "L7", "L8"


@pytest.fixture(autouse=True)
def _named_lists(export: Export) -> None:
    export.platform.lists |= {DAILY: {}, WEEKLY: {}}
    export.platform.names |= {DAILY: "Daily news", WEEKLY: "Weekly news"}


def all_rows(export: Export) -> dict[str, int]:
    return {list_id: len(rows) for list_id, rows in export.platform.lists.items() if rows}


def carry_out(export: Export, flag: str, **settings: Any) -> Result:
    path = export.folder / "settings.json"
    path.write_text(json.dumps(export.config | settings))
    return export.command("--config", str(path), flag)


@pytest.mark.parametrize("name", ["Daily news", "daily NEWS", " Daily news ", "L7", "l7"])
def test_a_list_is_found_by_id_and_by_name_in_any_case(export: Export, name: str) -> None:
    result = export.run(segment(people(1, 2)), list_id=name)

    assert result.exit_code == 0, result.log
    assert list(result.summary["lists"]) == [DAILY]
    assert all_rows(export) == {DAILY: 2}


def test_a_name_and_its_id_are_one_list_to_the_ledger(export: Export) -> None:
    export.run(segment(people(1, 2)), list_id="Daily news")
    second = export.run(segment(people(1, 2)), list_id=DAILY)

    assert second.summary["counts"]["unchanged"] == 2
    twice = export.run(segment(people(1, 2)), list_id=None, lists={"Readers": ["daily news", DAILY]})
    assert list(twice.summary["lists"]) == [DAILY]
    assert twice.summary["counts"]["received"] == 2


def test_an_export_that_names_ids_alone_never_asks_for_all_lists(export: Export) -> None:
    export.run(segment(people(1)), list_id="L1")
    assert export.platform.listings == 0
    export.run(segment(people(1)), list_id="Daily news", lists={"Other": "Weekly news"})
    assert export.platform.listings == 1


def test_an_exact_name_goes_before_one_in_another_case(export: Export) -> None:
    export.platform.names[WEEKLY] = "DAILY NEWS"
    export.run(segment(people(1)), list_id="DAILY NEWS")

    assert all_rows(export) == {WEEKLY: 1}


@pytest.mark.parametrize(("name", "other"), [("Daily news", "Daily news"), ("daily news", "DAILY NEWS")])
def test_a_name_that_two_lists_have_stops_the_run_with_both_ids(export: Export, name: str, other: str) -> None:
    export.platform.names[WEEKLY] = other
    result = export.run(segment(people(1)), list_id=name)

    assert result.summary["error"]["code"] == LIST_AMBIGUOUS.code
    assert DAILY in result.summary["error"]["message"]
    assert WEEKLY in result.summary["error"]["message"]
    assert all_rows(export) == {}


@pytest.mark.parametrize(
    ("name", "near"),
    [("Dialy news", "did you mean `Daily news` or `Weekly news`?"), ("Something else entirely", "entirely`.")],
)
def test_a_name_that_no_list_has_is_answered_with_the_nearest(export: Export, name: str, near: str) -> None:
    result = export.run(segment(people(1)), list_id=name)

    assert result.summary["error"]["code"] == LIST_UNKNOWN.code
    assert near in result.summary["error"]["message"]


def test_a_missing_list_is_made_if_the_settings_ask_for_it_and_only_once(export: Export) -> None:
    for _ in range(2):
        result = export.run(segment(people(1, 2)), list_id="Monthly news", create_list=True)
        assert result.exit_code == 0, result.log
    [made] = [list_id for list_id, name in export.platform.names.items() if name == "Monthly news"]

    assert all_rows(export) == {made: 2}
    assert result.summary["counts"]["unchanged"] == 2


def test_the_report_says_which_list_was_made(export: Export) -> None:
    result = export.run(segment(people(1)), list_id="Monthly news", create_list=True)

    assert ["list `Monthly news`"] in list(result.summary["changes"].values())


def test_what_has_the_form_of_an_id_is_never_the_name_of_a_new_list(export: Export) -> None:
    before = dict(export.platform.lists)
    result = export.run(segment(people(1)), list_id="L99", create_list=True)

    assert result.summary["error"]["code"] == LIST_UNKNOWN.code
    assert export.platform.lists == before


def test_a_dry_run_makes_no_list_and_shows_who_would_be_on_it(export: Export) -> None:
    before = dict(export.platform.lists)
    result = export.run(segment(people(1, 2)), list_id="Monthly news", create_list=True, dry_run=True)

    assert result.exit_code == 0, result.log
    assert result.summary["counts"]["created"] == 2
    assert result.summary["lists"].keys() == {"Monthly news"}
    assert export.platform.lists == before


def test_a_run_that_was_stopped_by_a_name_has_touched_nothing(export: Export) -> None:
    settings: dict[str, Any] = {"lists": {"Readers": "Daily news", "Other": "Nobody's news"}}
    result = export.run(segment(people(1)), list_id=None, **settings)

    assert result.exit_code == 1
    assert all_rows(export) == {}


@pytest.mark.parametrize("name", ["1157c0de1157c0de1157c0de1157c0d", "0d9ef2c4-1b1a-11ef-8c90", "0123ABCD "])
def test_what_looks_like_a_mistyped_id_is_never_the_name_of_a_new_list(export: Export, name: str) -> None:
    before = dict(export.platform.lists)
    for settings in ({}, {"dry_run": True}):
        result = export.run(segment(people(1)), list_id=name, create_list=True, **settings)
        assert result.summary["error"]["code"] == LIST_UNKNOWN.code
        assert "looks like a mistyped id" in result.summary["error"]["message"]
    assert export.platform.lists == before

    export.platform.names[DAILY] = name
    assert export.run(segment(people(1)), list_id=name, create_list=True).exit_code == 0
    assert all_rows(export) == {DAILY: 1}


def test_no_list_is_made_that_could_not_be_filled(export: Export) -> None:
    before = dict(export.platform.lists)
    mapping = {"email": "EMail", "custom_fields": {"Shoe size": "Points"}}
    result = export.run(segment(people(1)), list_id="Monthly news", create_list=True, field_mapping=mapping)

    assert result.summary["error"]["code"] == FIELD_UNKNOWN.code
    assert export.platform.lists == before


def test_the_test_stream_of_meltano_makes_no_list(export: Export) -> None:
    before = dict(export.platform.lists)
    columns = {"type": "object", "properties": {"id": {"type": "string"}}}
    test = {"type": "SCHEMA", "stream": "meltano_test_stream", "key_properties": ["id"], "schema": columns}
    result = export.run([test], list_id="Monthly news", create_list=True)

    assert result.exit_code == 0, result.log
    assert export.platform.lists == before
    mixed = export.run([test, *segment(people(1))], list_id="Monthly news", create_list=True)
    assert mixed.summary["error"]["code"] == LIST_UNKNOWN.code
    assert export.run([test, *segment(people(1))], list_id="Daily news", create_list=True).exit_code == 0
    assert all_rows(export) == {DAILY: 1}


def renamed(export: Export) -> str:
    """A list that an export has made, and that its owner has given another name."""
    export.run(segment(people(1, 2)), list_id="Club", create_list=True)
    [made] = [list_id for list_id, name in export.platform.names.items() if name == "Club"]
    export.platform.names[made] = "Club members"
    return made


def test_a_list_that_was_renamed_is_not_made_anew_under_the_old_name(export: Export) -> None:
    made = renamed(export)
    before = dict(export.platform.lists)
    for settings in ({"create_list": True}, {}, {"create_list": True, "dry_run": True}):
        result = export.run(segment(people(1, 2)), list_id="Club", **settings)
        assert result.summary["error"]["code"] == LIST_CHANGED.code
        assert made in result.summary["error"]["message"]
        assert "`Club members`" in result.summary["error"]["message"]
    assert export.platform.lists == before

    for name in ("Club members", made):
        assert export.run(segment(people(1, 2)), list_id=name).summary["counts"]["unchanged"] == 2


def test_another_list_of_the_same_name_is_not_filled_before_somebody_says_so(export: Export) -> None:
    made = renamed(export)
    export.platform.names[WEEKLY] = "Club"
    result = export.run(segment(people(1, 2)), list_id="Club")

    assert result.summary["error"]["code"] == LIST_CHANGED.code
    assert made in result.summary["error"]["message"]
    assert WEEKLY in result.summary["error"]["message"]
    assert "`accept_other_list: true`" in result.summary["error"]["what_to_do"]
    assert all_rows(export) == {made: 2}

    export.run(segment(people(1, 2)), list_id="Club", accept_other_list=True, dry_run=True)
    assert export.run(segment(people(1, 2)), list_id="Club").exit_code == 1, "a dry run accepts nothing for good"
    assert export.run(segment(people(1, 2)), list_id="Club", accept_other_list=True).exit_code == 0
    assert export.run(segment(people(1, 2)), list_id="Club").exit_code == 0
    assert all_rows(export) == {made: 2, WEEKLY: 2}


def test_a_list_of_the_same_name_in_another_account_is_not_filled_instead(export: Export) -> None:
    export.run(segment(people(1)), list_id="Daily news")
    del export.platform.lists[DAILY], export.platform.names[DAILY]
    export.platform.names[WEEKLY] = "Daily news"
    result = export.run(segment(people(1)), list_id="Daily news")

    assert result.summary["error"]["code"] == LIST_CHANGED.code
    assert "not in this account" in result.summary["error"]["message"]
    assert all_rows(export) == {}


def test_a_list_that_was_deleted_is_made_again(export: Export) -> None:
    made = renamed(export)
    del export.platform.lists[made], export.platform.names[made]

    assert export.run(segment(people(1)), list_id="Club", create_list=True).exit_code == 0


def test_a_dry_run_remembers_no_name(export: Export) -> None:
    export.run(segment(people(1)), list_id="Daily news", dry_run=True)
    assert not export.ledger.exists()
    export.run(segment(people(1)), list_id=WEEKLY)
    export.run(segment(people(1)), list_id="Daily news", dry_run=True)
    export.platform.names |= {DAILY: "Old news", WEEKLY: "Daily news"}

    assert export.run(segment(people(1)), list_id="Daily news").exit_code == 0


def test_a_purged_list_is_forgotten_with_its_name(export: Export) -> None:
    made = renamed(export)
    assert carry_out(export, "--purge", list_id=made).exit_code == 0

    assert export.run(segment(people(1)), list_id="Club", create_list=True).exit_code == 0


@pytest.mark.parametrize("flag", ["--rebuild-ledger", "--purge"])
def test_upkeep_takes_names_too_and_makes_no_list(export: Export, flag: str) -> None:
    export.run(segment(people(1, 2)), list_id="Daily news")
    assert carry_out(export, flag, list_id="daily news").exit_code == 0
    before = dict(export.platform.lists)
    refused = carry_out(export, flag, list_id="Monthly news", create_list=True)

    assert refused.exit_code == 1
    assert LIST_UNKNOWN.code in refused.log
    assert export.platform.lists == before
