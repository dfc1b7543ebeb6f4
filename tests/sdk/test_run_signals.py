"""A run that is stopped or killed loses nothing, says so, and lets the next one go on where it was."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
from export_harness import STATE, Export, Process, key, people, records, schema, segment
from memory_destination import MemoryTarget

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


def test_signals_are_taken_only_once_they_can_be_heeded(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[int, bool] = {}

    def take(number: int, handler: Any) -> None:
        taken[number] = hasattr(handler.__self__, "services")

    monkeypatch.setattr(signal, "signal", take)
    MemoryTarget(config=export.config)

    assert taken == {signal.SIGINT: True, signal.SIGTERM: True}


def test_a_run_in_a_process_of_its_own_ends_like_one_in_ours(start: Callable[..., Process]) -> None:
    process = start()
    process.open_gates("check", "send")
    process.write(segment(people(1, 2)))
    process.end_input()
    result = process.result()

    assert (result.exit_code, result.states) == (0, [STATE])
    assert result.counts() == {"received": 2, "created": 2}


@pytest.mark.parametrize(("number", "exit_code"), SIGNALS)
def test_a_signal_while_reading_stops_the_run_before_anything_is_sent(
    start: Callable[..., Process], number: signal.Signals, exit_code: int
) -> None:
    process = start()
    process.open_gates("check", "send")
    process.write([schema(), *records(people(*range(6_000))), {"type": "STATE", "value": STATE}])
    process.await_that(lambda: any(process.ledger_folder.glob("*.staged-*")))
    process.signal(number)
    result = process.result()

    assert (result.exit_code, result.states) == (exit_code, [])
    assert result.summary["status"] == "stopped"
    assert result.summary["error"]["code"] == "CIX-604"
    assert result.counts()["deferred"] == result.counts()["received"]
    assert process.sent() == []
    assert [line for line in result.log.splitlines() if "CIX-604" in line]


def test_a_signal_before_the_first_record_ends_a_run_whose_tap_is_silent(start: Callable[..., Process]) -> None:
    """The signal comes while the run begins, and no record ever follows."""
    process = start()
    process.write([schema()])
    process.await_step("check-1")
    process.signal(signal.SIGTERM)
    process.open_gates("check", "send")
    result = process.result()

    assert (result.exit_code, result.states) == (143, [])
    assert result.summary["status"] == "stopped"


@pytest.mark.parametrize(("number", "exit_code"), SIGNALS)
def test_a_signal_while_sending_finishes_what_is_in_flight_and_begins_nothing_new(
    start: Callable[..., Process], number: signal.Signals, exit_code: int
) -> None:
    rows = range(8)
    process = start()
    process.open_gates("check")
    process.write(segment(people(*rows)))
    process.end_input()
    process.await_step("send-1")
    process.signal(number)
    process.open_gates("send")
    result = process.result()

    assert (result.exit_code, result.states) == (exit_code, [])
    assert result.summary["status"] == "stopped"
    assert result.counts() == {"received": 8, "created": 3, "deferred": 5}
    assert process.sent() == [key(0), key(1), key(2)]

    again = start()
    again.open_gates("check", "send")
    again.write(segment(people(*rows)))
    again.end_input()
    assert again.result().counts() == {"received": 8, "unchanged": 3, "created": 5}
    assert again.sent() == [key(number) for number in range(3, 8)]


def test_a_second_signal_ends_the_process_at_once(start: Callable[..., Process]) -> None:
    process = start()
    process.open_gates("check")
    process.write(segment(people(1, 2)))
    process.end_input()
    process.await_step("send-1")
    process.signal_until_it_ends(signal.SIGTERM)  # the gate is never opened
    result = process.result()

    assert (result.exit_code, result.states) == (143, [])
    assert result.summary == {}


def test_what_was_in_flight_when_a_run_was_killed_is_sent_again_and_the_rest_is_not(
    start: Callable[..., Process],
) -> None:
    rows = range(8)
    process = start()
    process.open_gates("check", "send-1")
    process.write(segment(people(*rows)))
    process.end_input()
    process.await_step("send-2")
    process.kill()
    assert process.sent() == [key(number) for number in range(6)]

    again = start()
    again.open_gates("check", "send")
    again.write(segment(people(*rows)))
    again.end_input()
    result = again.result()
    assert (result.exit_code, result.states) == (0, [STATE])
    assert result.counts() == {"received": 8, "unchanged": 3, "created": 5}
    assert again.sent() == [key(number) for number in range(3, 8)]
    assert not [path for path in again.ledger_folder.iterdir() if "staged" in path.name]


def test_a_list_that_another_run_works_on_is_left_alone(start: Callable[..., Process]) -> None:
    process = start()
    process.open_gates("check")
    process.write(segment(people(1)))
    process.end_input()
    process.await_step("send-1")

    second = start()
    second.open_gates("check", "send")
    second.write(segment(people(1)))
    second.end_input()
    busy = second.result()
    assert (busy.exit_code, busy.states) == (1, [])
    assert "CIX-502" in busy.log
    assert "L1" in busy.log
    assert second.sent() == []

    process.open_gates("send")
    assert process.result().exit_code == 0
    third = start()
    third.open_gates("check", "send")
    third.write(segment(people(1)))
    third.end_input()
    assert third.result().counts() == {"received": 1, "unchanged": 1}


def test_the_lock_of_a_run_that_was_killed_clears_by_itself(start: Callable[..., Process]) -> None:
    process = start()
    process.open_gates("check")
    process.write(segment(people(1)))
    process.end_input()
    process.await_step("send-1")
    process.kill()

    again = start()
    again.open_gates("check", "send")
    again.write(segment(people(1)))
    again.end_input()
    assert again.result().exit_code == 0
