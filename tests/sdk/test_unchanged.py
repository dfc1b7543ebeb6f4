"""A segment that the tap leaves out as unchanged is no empty one, and whoever needs it gets it again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.bookmarks import CONTENT, SKIPPED, without_contents
from audience_sdk.errors import QUOTA_SPENT, CixError
from audience_sdk.unchanged import form_of
from export_harness import MAPPING, Export, key, people, records, schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from export_harness import Result

MIRROR = {"sync_mode": "mirror", "max_removal_ratio": 1, "allow_empty_segment": True}
NEEDED = "CIX-305"


class History:
    """Runs an export again and again, with a tap that leaves out what its state says it has sent."""

    def __init__(self, export: Export, **settings: Any) -> None:
        self.export = export
        self.settings = settings
        self.state: dict[str, Any] = {}
        self.read: list[str] = []

    def run(self, segments: Mapping[str, list[int]], **settings: Any) -> Result:
        result = self.export.run(self._messages(segments), **self.settings | settings)
        if result.states:
            [state] = result.states
            self.state = state
        return result

    def _messages(self, segments: Mapping[str, list[int]]) -> list[dict[str, Any]]:
        before = self.state.get("bookmarks", {})
        messages: list[dict[str, Any]] = []
        bookmarks = {}
        self.read = []
        for name, numbers in segments.items():
            left_out = before.get(name, {}).get(CONTENT) == repr(numbers)
            bookmarks[name] = {CONTENT: repr(numbers), SKIPPED: left_out, "read_at": "2026-11-20T04:00:00+00:00"}
            if not left_out:
                self.read.append(name)
                messages += [schema(name), *records(people(*numbers), name)]
                messages.append({"type": "ACTIVATE_VERSION", "stream": name, "version": 1})
            messages.append({"type": "STATE", "value": {"bookmarks": dict(bookmarks)}})
        return messages


@pytest.fixture
def history(export: Export) -> History:
    return History(export, **MIRROR)


def test_run_in_which_everything_is_unchanged_is_a_success_and_asks_for_nothing(history: History) -> None:
    segments = {"Readers": [1, 2], "Buyers": [2, 3]}
    assert history.run(segments).exit_code == 0
    sent = len(history.export.platform.sent_keys())
    again = history.run(segments)
    assert history.read == []
    assert again.exit_code == 0
    assert again.summary["status"] == "succeeded"
    assert again.counts() == {}
    assert again.summary["left_out"] == ["Buyers", "Readers"]
    assert len(history.export.platform.sent_keys()) == sent
    assert history.run(segments).exit_code == 0
    assert history.read == []


def test_who_is_only_in_a_segment_that_was_left_out_stays(history: History) -> None:
    history.run({"Readers": [1, 2], "Buyers": [2, 3]})
    result = history.run({"Readers": [1, 2], "Buyers": [3]})
    assert history.read == ["Buyers"]
    assert result.exit_code == 0
    assert set(history.export.held) == {key(1), key(2), key(3)}
    history.run({"Readers": [1], "Buyers": [3]})
    assert set(history.export.held) == {key(1), key(3)}


def test_rows_that_the_platform_rejected_are_tried_again_in_the_next_run(history: History) -> None:
    history.export.platform.rejected = {key(2)}
    assert history.run({"Readers": [1, 2], "Buyers": [3]}).counts()["rejected"] == 1
    history.export.platform.rejected = set()
    assert history.run({"Readers": [1, 2], "Buyers": [3]}).counts() == {"received": 2, "unchanged": 1, "created": 1}
    assert history.read == ["Readers"]
    history.run({"Readers": [1, 2], "Buyers": [3]})
    assert history.read == []


def test_rows_that_were_deferred_are_tried_again_in_the_next_run(history: History) -> None:
    history.run({"Readers": [1]})
    history.export.platform.error = lambda _batch: CixError(QUOTA_SPENT, "Spent.")
    assert history.run({"Readers": [1, 2]}).exit_code == 75
    history.export.platform.error = lambda _batch: None
    assert history.run({"Readers": [1, 2]}).counts()["created"] == 1
    assert history.read == ["Readers"]


def test_half_a_segment_does_not_count_as_sent(history: History) -> None:
    messages = history._messages({"Readers": [1, 2]})
    cut = [message for message in messages if message["type"] != "ACTIVATE_VERSION"]
    result = history.export.run(cut, **MIRROR)
    assert result.exit_code == 0
    [state] = result.states
    assert state["bookmarks"]["Readers"] == {CONTENT: None, SKIPPED: None, "read_at": None}


def test_changed_mapping_gets_the_segments_that_were_left_out_by_itself(history: History) -> None:
    segments = {"Readers": [1, 2], "Buyers": [3]}
    history.run(segments)
    other = {"field_mapping": {**MAPPING, "first_name": "Last"}}
    needed = history.run(segments, **other)
    assert needed.exit_code == 75
    assert needed.summary["error"]["code"] == NEEDED
    assert "`Buyers`, `Readers`" in needed.log
    assert history.run(segments, **other).counts() == {"received": 3, "updated": 3}
    assert history.run(segments, **other).exit_code == 0
    assert history.read == []


@pytest.mark.parametrize("other", [{"list_id": "L2"}, {"lists": {"Readers": ["L1", "L2"]}}])
def test_another_list_gets_the_segments_that_were_left_out(history: History, other: dict[str, Any]) -> None:
    history.export.platform.lists["L2"] = {}
    history.run({"Readers": [1, 2]})
    assert history.run({"Readers": [1, 2]}, **other).exit_code == 75
    assert history.run({"Readers": [1, 2]}, **other).exit_code == 0
    assert set(history.export.platform.lists["L2"]) == {key(1), key(2)}


def test_full_resync_sends_everything_again_however_long_it_stays_on(history: History) -> None:
    history.run({"Readers": [1, 2]})
    assert history.run({"Readers": [1, 2]}, full_resync=True).exit_code == 75
    for _ in range(2):
        assert history.run({"Readers": [1, 2]}, full_resync=True).counts() == {"received": 2, "updated": 2}
    assert history.run({"Readers": [1, 2]}).counts() == {"received": 2, "unchanged": 2}
    assert history.run({"Readers": [1, 2]}).counts() == {}


def test_lost_ledger_gets_the_segments_that_were_left_out(history: History) -> None:
    history.run({"Readers": [1, 2]})
    shutil.rmtree(history.export.ledger.parent)
    assert history.run({"Readers": [1, 2]}).exit_code == 75
    assert history.run({"Readers": [1, 2]}).counts()["received"] == 2


def test_older_ledger_gets_the_segments_that_were_left_out(history: History) -> None:
    history.run({"Readers": [1]})
    backup = history.export.folder / "backup"
    shutil.copytree(history.export.ledger.parent, backup)
    history.run({"Readers": [1, 2]})
    shutil.rmtree(history.export.ledger.parent)
    shutil.copytree(backup, history.export.ledger.parent)
    assert history.run({"Readers": [1, 2]}).exit_code == 75
    assert history.run({"Readers": [1, 2]}).counts() == {"received": 2, "unchanged": 1, "created": 1}


def test_rebuilt_ledger_lets_nobody_leave_whom_a_left_out_segment_may_feed(history: History) -> None:
    history.run({"Readers": [1, 2], "Buyers": [3]})
    config = history.export.folder / "config.json"
    assert history.export.command("--config", str(config), "--rebuild-ledger").exit_code == 0
    history.settings["adopt_existing"] = True
    assert history.run({"Readers": [1, 2], "Buyers": [3, 4]}).exit_code == 75
    assert history.read == ["Buyers"]
    assert set(history.export.held) == {key(1), key(2), key(3), key(4)}
    assert history.run({"Readers": [1], "Buyers": [3, 4]}).exit_code == 0
    assert set(history.export.held) == {key(1), key(3), key(4)}


def test_rebuilt_ledger_gets_the_segments_that_were_left_out(history: History) -> None:
    history.run({"Readers": [1, 2]})
    config = history.export.folder / "config.json"
    assert history.export.command("--config", str(config), "--rebuild-ledger").exit_code == 0
    assert history.run({"Readers": [1, 2]}).exit_code == 75
    assert history.run({"Readers": [1, 2]}).counts() == {"received": 2, "updated": 2}


def test_who_may_not_leave_in_a_run_that_lacks_a_segment_leaves_in_the_next(history: History) -> None:
    history.export.platform.lists |= {"L2": {}, "L3": {}}
    history.run({"Readers": [1, 2], "Buyers": [3]}, lists={"Buyers": "L2"})
    after = {"Readers": [1], "Buyers": [3]}
    assert history.run(after, lists={"Buyers": "L3"}).exit_code == 75
    assert set(history.export.held) == {key(1), key(2)}
    assert history.run(after, lists={"Buyers": "L3"}).exit_code == 0
    assert set(history.export.held) == {key(1)}


def test_content_of_before_a_run_that_failed_does_not_count_as_held(history: History) -> None:
    history.run({"Readers": [1]})
    history.export.platform.error = lambda _batch: CixError(QUOTA_SPENT, "Spent.")
    assert history.run({"Readers": [1, 2]}).exit_code == 75
    history.export.platform.error = lambda _batch: None
    assert history.run({"Readers": [1]}).summary["error"]["code"] == NEEDED
    assert history.run({"Readers": [1]}).counts() == {"received": 1, "unchanged": 1}


def test_purged_export_gets_the_segments_that_were_left_out(history: History) -> None:
    history.run({"Readers": [1, 2]})
    config = history.export.folder / "config.json"
    assert history.export.command("--config", str(config), "--purge").exit_code == 0
    assert history.run({"Readers": [1, 2]}).exit_code == 75
    assert history.run({"Readers": [1, 2]}).counts()["received"] == 2


def test_dry_run_tells_of_needed_segments_and_leaves_the_state_alone(history: History) -> None:
    history.run({"Readers": [1, 2]})
    assert history.run({"Readers": [1, 2]}, dry_run=True).exit_code == 0
    state = history.state
    refused = history.run({"Readers": [1, 2]}, dry_run=True, full_resync=True)
    assert refused.summary["error"]["code"] == NEEDED
    assert refused.states == []
    assert history.state == state


def test_segment_that_was_left_out_is_no_misspelt_one(history: History) -> None:
    history.settings["lists"] = {"Reader": "L1", "Readers": "L1"}
    history.run({"Reader": [1], "Readers": [2]})
    assert history.run({"Reader": [1], "Readers": [2, 3]}).exit_code == 0
    assert history.read == ["Readers"]


def test_segment_that_was_left_out_and_has_no_list_is_an_error(history: History) -> None:
    history.run({"Readers": [1]})
    del history.export.config["list_id"]
    refused = history.run({"Readers": [1]}, lists={"Buyers": "L1"})
    assert refused.exit_code == 1
    assert refused.summary["error"]["code"] == "CIX-105"


def test_bookmarks_of_other_taps_pass_as_they_are() -> None:
    state = {"bookmarks": {"a": {"replication_key_value": 4}, "b": "2026", "c": {CONTENT: "x"}}, "own": 1}
    assert without_contents(state, but=()) == {
        "bookmarks": {"a": {"replication_key_value": 4}, "b": "2026", "c": {CONTENT: None}},
        "own": 1,
    }
    assert without_contents(state, but=["c"]) == state
    assert without_contents({"own": 1}, but=()) == {"own": 1}


def test_secrets_and_paces_decide_on_nothing_that_a_list_holds() -> None:
    known = {"properties": {"api_key": {"secret": True}}}
    before = form_of({"api_key": "a", "max_attempts": 3, "sync_mode": "upsert", "ledger_url": "x"}, known)
    assert form_of({"api_key": "b", "max_attempts": 4, "sync_mode": "upsert", "ledger_url": "y"}, known) == before
    assert form_of({"api_key": "a", "max_attempts": 3, "sync_mode": "mirror"}, known) != before


def test_an_empty_segment_stays_a_reason_to_stop_after_a_run_in_which_another_was_left_out(history: History) -> None:
    readers, buyers = list(range(20)), list(range(20, 120))
    guarded = {"allow_empty_segment": False, "max_removal_ratio": 0.3}
    assert history.run({"Readers": readers, "Buyers": buyers}, **guarded).exit_code == 0
    # Another form of the rows: the list needs the segment that the tap leaves out.
    needed = history.run({"Readers": [], "Buyers": buyers}, **guarded, extend_options=True)
    assert needed.summary["error"]["code"] == NEEDED
    stopped = history.run({"Readers": [], "Buyers": buyers}, **guarded, extend_options=True)

    assert stopped.summary["error"]["code"] == "CIX-507"
    assert len(history.export.held) == 120


def test_a_person_whom_the_platform_rejected_is_tried_again_through_every_segment_that_they_are_in(
    history: History,
) -> None:
    history.export.platform.rejected = {key(2)}
    history.run({"Readers": [1, 2], "Buyers": [2, 3]}, max_rejected_ratio=1)
    history.export.platform.rejected = set()
    # They leave the segment whose row came last; the other one has not changed.
    assert history.run({"Readers": [1, 2], "Buyers": [3]}).exit_code == 0

    assert set(history.export.held) == {key(1), key(2), key(3)}


def test_where_streams_are_made_of_others_no_bookmark_lets_the_tap_leave_one_out(history: History) -> None:
    for _ in range(2):
        ran = history.run({"Readers": [1, 2]}, stream_maps={"Copies": {"__source__": "Readers"}})
        assert ran.exit_code == 0, ran.log
        assert history.read == ["Readers"]
