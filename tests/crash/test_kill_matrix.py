"""Death by SIGKILL at every step, on both platforms: a plain rerun ends where a run that was never killed ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import killed_history
import pytest
from crash_export import IN_FLIGHT, Export
from deaths import CAMPAIGN_MONITOR, CONSTANT_CONTACT, EVERYWHERE
from killed_history import BY_HAND, LATE, UNSUBSCRIBED

if TYPE_CHECKING:
    from pathlib import Path

    from crash_runner import Death


@pytest.fixture(scope="session")
def keep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs before the dying one are kept."""
    return tmp_path_factory.mktemp("past")


def check(export: Export, death: Death, keep: Path, *, untouched: bool) -> None:
    undisturbed = killed_history.undisturbed_end(export, keep)
    killed_history.begin(export, keep)
    in_flight = killed_history.die(export, death)
    killed_history.finish(export, untouched=untouched)
    end = killed_history.end(export)
    assert end.members == undisturbed.members
    assert end.on_list == undisturbed.on_list
    assert set(BY_HAND) <= end.on_list
    assert not end.on_list & {*UNSUBSCRIBED, LATE}
    assert end.transit == {}
    assert in_flight.batches + in_flight.jobs <= IN_FLIGHT
    replayed = end.rows + end.removals - undisturbed.rows - undisturbed.removals
    assert replayed <= in_flight.rows + in_flight.returning, (end.log, undisturbed.log)
    export.forget_requests()
    again = killed_history.finish(export, untouched=False)
    assert again.summary["counts"]["unchanged"] + again.summary["counts"]["suppressed"] == again.counts["received"]
    assert export.writes() == []


@pytest.mark.parametrize("step", [*EVERYWHERE, *CAMPAIGN_MONITOR])
def test_campaign_monitor_ends_the_same_after_a_kill(to_campaign_monitor: Export, step: str, keep: Path) -> None:
    check(to_campaign_monitor, (EVERYWHERE | CAMPAIGN_MONITOR)[step], keep, untouched=True)


@pytest.mark.parametrize("step", [*EVERYWHERE, *CONSTANT_CONTACT])
def test_constant_contact_ends_the_same_after_a_kill(to_constant_contact: Export, step: str, keep: Path) -> None:
    check(to_constant_contact, (EVERYWHERE | CONSTANT_CONTACT)[step], keep, untouched=True)
