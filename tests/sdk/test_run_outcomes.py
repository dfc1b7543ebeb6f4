"""Every received row ends in exactly one outcome, and the summary, the rejected rows and the exit code agree."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from audience_sdk.contact import Outcome, RowProblem
from audience_sdk.destination import Leavers
from audience_sdk.errors import PLATFORM_UNREACHABLE, QUOTA_SPENT, ROW_UNCONFIRMED, THROTTLED, CixError, ErrorCode
from export_harness import STATE, Export, Result, key, people, person, segment
from memory_destination import Limits, MemoryDestination
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

    from audience_sdk.destination import Batch, BatchResult


def fails_at(number: int, error: Callable[[], Exception]) -> Callable[[Batch], Exception | None]:
    """Let the batch of a number and all after it fail, counted from 0."""
    seen = []

    def answer(batch: Batch) -> Exception | None:
        seen.append(batch)
        return error() if len(seen) > number else None

    return answer


def assert_done(result: Result, **counts: int) -> None:
    assert result.exit_code == 0, result.log
    assert result.states == [STATE]
    assert result.counts() == counts


def one_at_a_time(export: Export) -> None:
    export.platform.limits = Limits(rows=2, body_bytes=2_000, email_length=60, calls=1, in_flight=1, removals=2)


def test_new_contacts_are_created_with_all_that_is_mapped(export: Export) -> None:
    result = export.run(segment([person(1, Last="Lee", Points="12"), person(2)]))

    assert_done(result, received=2, created=2)
    assert export.held == {
        key(1): {"email": key(1), "first_name": "Ann1", "last_name": "Lee", "cf_loyalty": "12"},
        key(2): {"email": key(2), "first_name": "Ann2"},
    }
    assert result.rejected == []
    assert result.summary["target"] == "target-memory"
    assert result.summary["status"] == "succeeded"


def test_a_second_run_over_an_unchanged_segment_sends_nothing(export: Export) -> None:
    export.run(segment(people(1, 2, 3, 4)))
    export.platform.batches.clear()
    result = export.run(segment(people(4, 3, 2, 1)))

    assert_done(result, received=4, unchanged=4)
    assert export.platform.batches == []


def test_only_what_has_changed_is_sent(export: Export) -> None:
    export.run(segment(people(1, 2, 3)))
    export.platform.batches.clear()
    result = export.run(segment([person(1), person(2, Last="Lee"), person(3), person(4)]))

    assert_done(result, received=4, unchanged=2, updated=1, created=1)
    assert sorted(export.platform.sent_keys()) == [key(2), key(4)]
    assert export.held[key(2)]["last_name"] == "Lee"


def test_an_empty_segment_is_a_success_that_sends_nothing(export: Export) -> None:
    assert_done(export.run(segment([])))
    assert export.platform.batches == []


def test_where_no_segment_arrives_the_run_fails_and_sends_nothing(export: Export) -> None:
    result = export.run([])

    assert (result.exit_code, result.states, result.counts()) == (1, [], {})
    assert result.error_lines()[0].startswith("CIX-304")


def test_rows_that_make_no_contact_are_invalid_with_their_reason(export: Export) -> None:
    rows = [
        person(1, EMail=None),
        person(2, EMail="nobody"),
        person(3, EMail="a" * 50 + "@example.com"),
        person(4, First="x" * 3_000),
        person(5),
    ]
    result = export.run(segment(rows))

    assert_done(result, received=5, invalid=4, created=1)
    assert {row["row_key"]: (row["outcome"], row["code"]) for row in result.rejected} == {
        "c1": ("invalid", "CIX-701"),
        "c2": ("invalid", "CIX-702"),
        "c3": ("invalid", "CIX-702"),
        "c4": ("invalid", "CIX-704"),
    }
    assert all(row["what_to_do"] and row["segment"] == "Readers" for row in result.rejected)


def test_of_several_rows_with_one_address_the_last_is_taken_and_the_earlier_ones_are_listed(export: Export) -> None:
    rows = [
        person(1, First="first"),
        person(2),
        person(3, EMail=key(1).upper(), First="second"),
        person(4, EMail=f" {key(1)} ", First="third"),
    ]
    result = export.run(segment(rows))

    assert_done(result, received=4, duplicate=2, created=2)
    assert export.held[key(1)]["first_name"] == "third"
    assert {row["row_key"]: row["code"] for row in result.rejected} == {"c1": "CIX-703", "c3": "CIX-703"}


def test_what_the_platform_refuses_is_told_row_by_row(export: Export) -> None:
    export.platform.suppressed.add(key(1))
    export.platform.rejected.add(key(2))
    result = export.run(segment(people(1, 2, 3, 4)))

    assert_done(result, received=4, suppressed=1, rejected=1, created=2)
    assert result.outcomes() == {key(1): "suppressed", key(2): "rejected"}
    assert set(export.held) == {key(3), key(4)}


def test_rejected_rows_are_tried_again_and_suppressed_ones_are_not(export: Export) -> None:
    export.platform.suppressed.add(key(1))
    export.platform.rejected.add(key(2))
    export.run(segment(people(1, 2, 3)))
    export.platform.batches.clear()
    export.platform.rejected.clear()
    result = export.run(segment(people(1, 2, 3)))

    assert_done(result, received=3, suppressed=1, created=1, unchanged=1)
    assert export.platform.sent_keys() == [key(2)]


def test_a_row_that_feeds_two_lists_counts_in_each(export: Export) -> None:
    export.platform.lists["L2"] = {}
    export.platform.suppressed.add(key(2))
    result = export.run(segment(people(1, 2)), lists={"Readers": ["L1", "L2"]})

    assert_done(result, received=4, created=2, suppressed=2)
    assert result.counts("L1") == result.counts("L2") == {"received": 2, "created": 1, "suppressed": 1}
    assert set(export.held) == set(export.platform.lists["L2"]) == {key(1)}


def test_segments_go_to_the_lists_that_are_named_for_them(export: Export) -> None:
    export.platform.lists["L2"] = {}
    messages = [*segment(people(1, 2), "Readers"), *segment(people(2, 3), "Buyers")]
    result = export.run(messages, lists={"Buyers": "L2"})

    assert result.counts("L1") == {"received": 2, "created": 2}
    assert result.counts("L2") == {"received": 2, "created": 2}
    assert (set(export.held), set(export.platform.lists["L2"])) == ({key(1), key(2)}, {key(2), key(3)})


def test_a_person_in_two_segments_of_one_list_is_one_contact(export: Export) -> None:
    messages = [*segment(people(1, 2), "Readers"), *segment(people(2, 3), "Buyers")]
    result = export.run(messages)

    assert_done(result, received=4, duplicate=1, created=3)
    assert [(row["row_key"], row["segment"]) for row in result.rejected] == [("c2", "Readers")]


def test_a_rejected_person_in_two_segments_is_told_with_the_segment_whose_row_was_sent(export: Export) -> None:
    export.platform.rejected.add(key(2))
    result = export.run([*segment(people(1, 2), "Readers"), *segment(people(2, 3), "Buyers")])

    assert [(row["outcome"], row["segment"]) for row in result.rejected] == [
        ("duplicate", "Readers"),
        ("rejected", "Buyers"),
    ]


def test_a_segment_that_did_not_arrive_is_warned_about(export: Export) -> None:
    result = export.run(segment(people(1)), lists={"Buyers": "L1"})

    assert "`Buyers`" in result.log
    assert_done(result, received=1, created=1)


@pytest.mark.parametrize("bad", [[1], [8], [4, 5], [1, 4, 8], list(range(1, 9))])
def test_a_batch_that_is_refused_whole_is_halved_until_the_bad_rows_stand_alone(export: Export, bad: list[int]) -> None:
    export.platform.limits = Limits(rows=8, body_bytes=9_000, email_length=60, calls=2, in_flight=4, removals=2)
    export.platform.poison = {key(number) for number in bad}
    result = export.run(segment(people(*range(1, 9))))

    assert result.exit_code == 0, result.log
    assert result.outcomes() == dict.fromkeys(export.platform.poison, "rejected")
    assert set(export.held) == {key(number) for number in range(1, 9) if number not in bad}
    taken = [batch for batch in export.platform.batches if len(batch.rows) == 1]
    assert {batch.rows[0].email_key for batch in taken} >= export.platform.poison


def test_a_refused_batch_is_not_halved_any_more_once_the_run_is_to_stop(export: Export) -> None:
    export.platform.limits = Limits(rows=8, body_bytes=9_000, email_length=60, calls=1, in_flight=1, removals=2)
    export.platform.poison = {key(7)}
    export.platform.error = lambda _batch: signal.raise_signal(signal.SIGTERM)
    result = export.run(segment(people(*range(8))))

    assert (result.exit_code, result.states) == (143, [])
    assert result.counts() == {"received": 8, "deferred": 8}
    assert [len(batch.rows) for batch in export.platform.batches] == [8]


def test_what_the_platform_knew_already_counts_as_updated_where_it_tells(export: Export) -> None:
    export.platform.tells_created = True
    export.held[key(1)] = {}

    assert_done(export.run(segment(people(1, 2, 3))), received=3, created=2, updated=1)


def test_values_that_were_changed_to_fit_are_counted(export: Export) -> None:
    result = export.run(segment([person(1, Points="odd"), person(2, Points="odd"), person(3)]))

    assert result.summary["warnings"] == {"`Loyalty`: left as it is.": 2}


@pytest.mark.parametrize(
    ("code", "exit_code", "status"), [(THROTTLED, 75, "incomplete"), (QUOTA_SPENT, 75, "incomplete")]
)
def test_where_the_platform_asks_to_come_later_the_rest_waits_for_the_next_run(
    export: Export, code: ErrorCode, exit_code: int, status: str
) -> None:
    one_at_a_time(export)
    export.platform.error = fails_at(1, lambda: CixError(code, "Later."))
    result = export.run(segment(people(1, 2, 3, 4, 5, 6, 7)))

    assert (result.exit_code, result.states, result.summary["status"]) == (exit_code, [], status)
    assert result.counts() == {"received": 7, "created": 2, "deferred": 5}
    assert result.codes() == {code.code}
    assert result.summary["error"]["code"] == code.code
    assert len(export.platform.batches) == 2, "nothing new is begun"

    export.platform.error = lambda _batch: None
    export.platform.batches.clear()
    assert_done(export.run(segment(people(1, 2, 3, 4, 5, 6, 7))), received=7, unchanged=2, created=5)
    assert len(export.platform.sent_keys()) == 5


def test_where_no_answer_came_the_rows_have_failed_and_are_sent_again(export: Export) -> None:
    one_at_a_time(export)
    export.platform.error = fails_at(1, lambda: CixError(PLATFORM_UNREACHABLE, "Gone."))
    result = export.run(segment(people(1, 2, 3, 4, 5)))

    assert (result.exit_code, result.states, result.summary["status"]) == (1, [], "failed")
    assert result.counts() == {"received": 5, "created": 2, "failed": 2, "deferred": 1}
    assert {row["email"]: row["code"] for row in result.rejected} == {
        key(3): "CIX-707",
        key(4): "CIX-707",
        key(5): "CIX-401",
    }
    with export.open_ledger() as ledger:
        assert ledger.execute("SELECT count(*) FROM batches").fetchone() == (0,), "in flight, though it has ended"

    export.platform.error = lambda _batch: None
    assert_done(export.run(segment(people(1, 2, 3, 4, 5))), received=5, unchanged=2, created=3)


def test_an_unfinished_list_fails_the_run_and_its_rows_stay_confirmed(export: Export) -> None:
    export.platform.finish_error = CixError(PLATFORM_UNREACHABLE, "Gone.")
    result = export.run(segment(people(1)))

    assert (result.exit_code, result.states) == (1, [])
    assert result.counts() == {"received": 1, "created": 1}
    assert export.platform.finished == ["L1"]


@pytest.mark.parametrize(("ratio", "exit_code"), [(0.5, 0), ("0.5", 0), (0.49, 1), (0, 1), (1, 0)])
def test_too_many_refused_rows_make_a_failure(export: Export, ratio: float | str, exit_code: int) -> None:
    export.platform.rejected.add(key(1))
    result = export.run(segment([person(1), person(2, EMail=""), person(3), person(4)]), max_rejected_ratio=ratio)

    assert result.exit_code == exit_code
    assert result.counts() == {"received": 4, "invalid": 1, "rejected": 1, "created": 2}
    assert result.states == ([] if exit_code else [STATE])
    if exit_code:
        (line,) = result.error_lines()
        assert line.startswith("CIX-503")
        assert "2 of 4" in line
        assert "max_rejected_ratio" in line


def test_no_more_calls_are_made_at_once_than_the_platform_allows(export: Export) -> None:
    export.run(segment(people(*range(60))))

    assert len(export.platform.batches) == 20
    assert export.platform.most_at_once <= 2


def test_progress_is_told_when_the_work_is_done(export: Export) -> None:
    log = export.run(segment(people(1, 2, 3))).log

    assert "profiles read: 3" in log
    assert "profiles handled: 3" in log


class Unsure(MemoryDestination):
    """Does what it is asked for, and does not say so of one person."""

    @override
    def send(self, batch: Batch) -> BatchResult:
        result = super().send(batch)
        unsure = {row.email_key for row in batch.rows} & {key(3)}
        problem = RowProblem(Outcome.FAILED, ROW_UNCONFIRMED, "No word of this one.")
        return replace(result, problems={**result.problems, **dict.fromkeys(unsure, problem)})


def test_whoever_may_have_joined_leaves_with_the_segment(export: Export) -> None:
    export.destination = Unsure
    assert export.run(segment(people(1, 2, 3))).counts() == {"received": 3, "created": 2, "failed": 1}
    export.destination = MemoryDestination
    assert export.run(segment(people(1, 2)), sync_mode="mirror", max_removal_ratio=1).summary["counts"]["removed"] == 1
    assert set(export.held) == {key(1), key(2)}


def test_whoever_may_have_been_taken_off_may_come_back(export: Export) -> None:
    mirror = {"sync_mode": "mirror", "max_removal_ratio": 1}
    export.run(segment(people(1, 2, 3)))
    export.destination = Unsure
    assert export.run(segment(people(1, 2)), **mirror).exit_code == 1
    export.destination = MemoryDestination
    assert export.run(segment(people(1, 2)), **mirror).exit_code == 0
    assert export.run(segment(people(1, 2, 3)), **mirror).counts() == {"received": 3, "unchanged": 2, "created": 1}


def test_whoever_is_not_found_out_of_when_they_are_to_leave_does_not_count_as_gone(export: Export) -> None:
    class Forgetful(MemoryDestination):
        @override
        def look_up(self, batch: Batch) -> Leavers:
            return Leavers(batch.rows[:1])

    export.run(segment(people(1, 2, 3)))
    export.destination = Forgetful
    result = export.run(segment(people(1)), sync_mode="mirror", max_removal_ratio=1)
    assert (result.exit_code, result.summary["counts"]["removed"]) == (1, 0)
    assert "CIX-411" in result.log
    assert len(export.held) == 3


def test_an_answer_about_others_confirms_nobody(export: Export) -> None:
    class Shouts(MemoryDestination):
        @override
        def send(self, batch: Batch) -> BatchResult:
            result = super().send(batch)
            return replace(result, problems={each.upper(): why for each, why in result.problems.items()})

    export.platform.rejected.add(key(2))
    export.destination = Shouts
    result = export.run(segment(people(1, 2)))
    assert (result.exit_code, result.counts()) == (1, {"received": 2, "failed": 2})
    assert "CIX-411" in result.log
    export.destination = MemoryDestination
    assert export.run(segment(people(1, 2))).counts() == {"received": 2, "created": 1, "rejected": 1}


def test_no_more_are_counted_as_created_than_were_confirmed(export: Export) -> None:
    class Boasts(MemoryDestination):
        @override
        def send(self, batch: Batch) -> BatchResult:
            return replace(super().send(batch), created=20)

    export.destination = Boasts
    assert export.run(segment(people(1, 2))).counts() == {"received": 2, "created": 2}
