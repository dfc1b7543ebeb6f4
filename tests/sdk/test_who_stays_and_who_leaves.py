"""Who is taken off a list, and who is not put back, after runs that went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audience_sdk.errors import DISK_FULL, PLATFORM_UNREACHABLE, QUOTA_SPENT, CixError
from audience_sdk.ledger import Ledger
from export_harness import Export, key, people, person, segment
from memory_destination import MemoryJobDestination

if TYPE_CHECKING:
    import pytest
    from memory_destination import Batch

MIRROR = {"sync_mode": "mirror", "max_removal_ratio": 1, "allow_empty_segment": True}


def test_who_was_on_the_list_before_stays_if_nothing_of_the_refused_request_can_have_arrived(export: Export) -> None:
    export.held[key(9)] = {}
    export.platform.error = lambda _batch: CixError(QUOTA_SPENT, "Spent.")
    assert export.run(segment(people(1, 9)), **MIRROR).counts() == {"received": 2, "deferred": 2}

    export.platform.error = lambda _batch: None
    export.run(segment(people(1)), **MIRROR)
    assert set(export.held) == {key(1), key(9)}, "a person whom no export has put there was removed"


def test_who_may_have_joined_by_a_request_without_an_answer_leaves_with_the_segment(export: Export) -> None:
    def lost(batch: Batch) -> CixError:
        export.platform.take(batch)
        return CixError(PLATFORM_UNREACHABLE, "No answer.", in_doubt=True)

    export.platform.error = lost
    assert export.run(segment(people(1, 2)), **MIRROR).counts() == {"received": 2, "failed": 2}
    assert set(export.held) == {key(1), key(2)}

    export.platform.error = lambda _batch: None
    assert export.run(segment(people(1)), **MIRROR).exit_code == 0
    assert set(export.held) == {key(1)}


def test_who_has_left_by_another_hand_is_kept_back_when_they_return_until_readmitted(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    del export.held[key(2)]  # by their own act, or the owner's
    assert export.run(segment(people(1)), **MIRROR).exit_code == 0

    back = export.run(segment(people(1, 2)), **MIRROR)
    assert back.counts() == {"received": 2, "unchanged": 1, "suppressed": 1}
    assert back.codes() == {"CIX-708"}
    assert set(export.held) == {key(1)}

    assert export.run(segment(people(1, 2)), readmit=True, **MIRROR).counts()["created"] == 1
    assert set(export.held) == {key(1), key(2)}


def test_whom_we_took_off_returns_with_the_segment(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    export.run(segment(people(1)), **MIRROR)
    assert set(export.held) == {key(1)}
    assert export.run(segment(people(1, 2)), **MIRROR).counts() == {"received": 2, "unchanged": 1, "created": 1}
    assert set(export.held) == {key(1), key(2)}


def test_who_is_in_another_segment_stays_though_the_run_of_that_segment_failed(export: Export) -> None:
    export.run(segment(people(1, 2, 3), "Readers"), **MIRROR)
    export.platform.error = lambda _batch: CixError(PLATFORM_UNREACHABLE, "Down.")
    assert export.run(segment(people(1, 2, 9), "Buyers"), **MIRROR).exit_code == 1

    export.platform.error = lambda _batch: None
    export.run(segment(people(3), "Readers"), **MIRROR)
    assert {key(1), key(2), key(3)} <= set(export.held)


def test_who_left_is_named_in_the_report_with_the_reason(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    result = export.run(segment(people(1)), **MIRROR)

    assert [(row["email"], row["outcome"], row["code"]) for row in result.rejected] == [(key(2), "removed", "CIX-709")]


def test_what_the_ledger_could_not_keep_is_no_success(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    export.destination = MemoryJobDestination  # type: ignore[assignment]

    def full(*_: object) -> None:
        raise CixError(DISK_FULL, "Full.")

    monkeypatch.setattr(Ledger, "confirm", full)
    result = export.run(segment(people(1, 2, 3)))

    assert result.exit_code == 1
    assert result.states == []
    assert "created" not in result.counts()


def test_a_segment_that_shrinks_sharply_stops_the_run_though_the_list_is_large(export: Export) -> None:
    settings = {"sync_mode": "mirror", "removal_floor": 2}
    export.run([*segment(people(*range(100)), "Readers"), *segment(people(*range(200, 210)), "Buyers")], **settings)
    result = export.run([*segment(people(*range(100)), "Readers"), *segment(people(200), "Buyers")], **settings)

    assert "segment `Buyers`" in result.error_lines()[-1]
    assert len(export.held) == 110


def test_a_platform_that_refuses_everything_is_not_asked_row_by_row(export: Export) -> None:
    export.platform.poison = {key(number) for number in range(400)}
    result = export.run(segment(people(*range(400))))

    assert result.exit_code == 1
    assert "CIX-408" in result.error_lines()[-1]
    assert len(export.platform.batches) < 100


def test_a_misspelt_segment_in_lists_stops_the_run(export: Export) -> None:
    export.platform.lists["L2"] = {}
    result = export.run(segment(people(1)), lists={"Raeders": "L2"})

    assert "did you mean `Readers`?" in result.error_lines()[-1]
    assert export.platform.batches == []


def test_a_misspelt_setting_stops_the_run(export: Export) -> None:
    result = export.run(segment(people(1)), dryrun=True)

    assert "`dryrun` is not known (did you mean `dry_run`?)" in result.error_lines()[-1]
    assert export.platform.batches == []


def test_a_person_whose_row_grew_too_large_stays_on_the_list(export: Export) -> None:
    export.run(segment(people(1, 2)), **MIRROR)
    for _ in range(2):
        result = export.run(segment([person(1, First="x" * 3_000), person(2)]), **MIRROR)
        assert result.counts() == {"received": 2, "invalid": 1, "unchanged": 1}
    assert key(1) in export.held

    export.run(segment(people(2)), **MIRROR)
    assert set(export.held) == {key(2)}
