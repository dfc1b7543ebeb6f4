"""Random histories of segments, settings, kills, faults and people, against the sandbox and the reference model."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from crash_export import KILLED, MAPPING, TUNING, Export, address, person, segment
from deaths import CAMPAIGN_MONITOR, CONSTANT_CONTACT, EVERYWHERE
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from reference_model import Input, Model
from target_campaign_monitor.destination import CampaignMonitor
from target_constant_contact.destination import ConstantContact
from target_constant_contact.transit import TRANSIT_LIST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox
    from crash_export import Ran

SEGMENTS = ("A", "B")
PROFILES, ADDRESSES = range(8), range(12)
_LEAVES = "leaves"
TRANSIT_LIST = "1157c0de-0000-4000-8000-0000000000ff"
_FEW = {"rows": 2, "removals": 2, "calls": 2, "in_flight": 2}
SMALL_BATCHES: Mapping[str, Any] = {
    **TUNING,
    "target_campaign_monitor.destination:CampaignMonitor.limits": replace(CampaignMonitor.limits, **_FEW),
    "target_constant_contact.destination:ConstantContact.limits": replace(ConstantContact.limits, **_FEW),
    "audience_sdk.reader:_CHUNK_BYTES": 800,
    "audience_sdk.ledger.staging:_WRITE_ROWS": 3,
}
MOST_UNSUBSCRIBED = 4
"""So that somebody is left for the rest of the history."""
Edit = tuple[str, int, "int | None", str]
Names = tuple[str, ...]
_LIMITS = {"max_removal_ratio": 1, "removal_floor": 100, "allow_empty_segment": True, "max_attempts": 3}

segments = st.sampled_from(SEGMENTS)
picks = st.integers(0, 20)
edits = st.lists(
    st.tuples(
        segments,
        st.sampled_from(PROFILES),
        # Mostly the profile's own address; else one that another profile may have as well.
        st.sampled_from([None, None, None, *ADDRESSES]),
        st.sampled_from(["Ribe", "Odense", "Skagen", _LEAVES, _LEAVES]),
    ),
    min_size=1,
    max_size=6,
)
"""What happens to the segments before a run: profiles join, change, change their address, leave."""
cuts = st.sampled_from([None, None, None, 0, 1, 2, 3])
"""Where a segment is cut short, if it is."""
_LANDED = EVERYWHERE["answered-not-confirmed"]
deaths = st.tuples(
    st.sampled_from(
        [*(["answered-not-confirmed", "journalled-not-sent"] * 4), *EVERYWHERE, *CAMPAIGN_MONITOR, *CONSTANT_CONTACT]
    ),
    st.sampled_from([1, 1, 2]),
)
"""A step, and at which time that it is taken; most often those after which nobody knows what the platform has done."""
inputs = st.sampled_from([("A",), ("B",), ("A", "B"), ("A", "B"), ("B", "A")])
faults = st.sampled_from(
    [
        {"kind": kind, **options, "count": times}
        for kind, options in (
            ("status", {"status": 503}),
            ("throttle", {}),
            ("drop_before", {"path": "import"}),
            ("drop_after", {"path": "import"}),
            ("drop_after", {"method": "DELETE"}),
            ("drop_after", {"path": "remove_list"}),
            ("activity_failed", {}),
        )
        for times in (1, 2, 40)
    ]
)


class Histories(RuleBasedStateMachine):
    """One export of two segments into one list."""

    platform: str
    sandbox: RunningSandbox
    folder: Path
    numbers = count(1)

    @initialize()
    def begin(self) -> None:
        self.sandbox.reset()
        self.export = Export(self.platform, self.sandbox, self.folder / str(next(self.numbers)), _LIMITS)
        self.model = Model()
        self.members: dict[str, dict[int, tuple[int, str]]] = {name: {} for name in SEGMENTS}
        for key in ("activity_queue_seconds", "activity_work_seconds", "requests_per_second"):
            self.sandbox.switch(f"constant_contact.{key}", 0)
        self.sandbox.switch("constant_contact.token_requests_per_second", 0)
        self.sandbox.switch("constant_contact.broken_import_share", 0.5)
        name = TRANSIT_LIST_NAME.format(list_id=self.export.list_id)
        self.sandbox.seed("constant_contact", lists=[{"list_id": TRANSIT_LIST, "name": name}])

        for name, these in (("A", PROFILES[:5]), ("B", PROFILES[3:])):
            self._edit([(name, profile, None, "Ribe") for profile in these])

    def _edit(self, changes: list[Edit]) -> None:
        for name, profile, email, city in changes:
            if city == _LEAVES:
                self.members[name].pop(profile, None)
            else:
                self.members[name][profile] = (profile if email is None else email, city)

    # The platform

    @rule(pick=picks)
    def unsubscribe(self, pick: int) -> None:
        someone = _one_of(self.model.known - self.model.unsubscribed, pick)
        if someone and len(self.model.unsubscribed) < MOST_UNSUBSCRIBED:
            self.export.unsubscribe(someone)
            self.model.unsubscribe(someone)

    @precondition(lambda self: self.platform == "constant_contact")
    @rule(pick=picks)
    def leave_list(self, pick: int) -> None:
        someone = _one_of(self.model.on, pick)
        if someone:
            self.export.leave(someone)
            self.model.leave(someone)

    @rule(pick=picks)
    def add_by_hand(self, pick: int) -> None:
        someone = _one_of({address(number) for number in ADDRESSES} - self.model.known, pick)
        if someone:
            self.export.add_by_hand(someone)
            self.model.add_by_hand(someone, ("By hand", ""))

    # The export

    @rule(changes=edits, names=inputs, cut=cuts, town=st.booleans(), mirror=st.booleans(), resync=st.booleans())
    def run(
        self, changes: list[Edit], names: Names, cut: int | None, *, town: bool, mirror: bool, resync: bool
    ) -> None:
        self._edit(changes)
        self._run(names, cut, town=town, mirror=mirror, full_resync=resync)

    @rule(changes=edits, names=inputs, cut=cuts, mirror=st.booleans(), death=deaths, since=edits)
    def run_and_die(
        self,
        changes: list[Edit],
        names: Names,
        cut: int | None,
        *,
        mirror: bool,
        death: tuple[str, int],
        since: list[Edit],
    ) -> None:
        """Run, die, and run again when the segments have moved on."""
        self._edit(changes)
        step, nth = death
        own = CAMPAIGN_MONITOR if self.export.is_campaign_monitor else CONSTANT_CONTACT
        self._run(names, cut, mirror=mirror, death=replace((EVERYWHERE | own).get(step, _LANDED), nth=nth))
        self._edit(since)
        self._run(names, cut, mirror=mirror)

    @rule(changes=edits, names=inputs, death=deaths)
    def die_again_and_again(self, changes: list[Edit], names: Names, death: tuple[str, int]) -> None:
        """Die at the same step three times, without a run between them that comes further."""
        self._edit(changes)
        step, nth = death
        own = CAMPAIGN_MONITOR if self.export.is_campaign_monitor else CONSTANT_CONTACT
        for _ in range(3):
            self._run(names, None, mirror=True, death=replace((EVERYWHERE | own).get(step, _LANDED), nth=nth))

    @rule(changes=edits, names=inputs, cut=cuts, mirror=st.booleans(), fault=faults)
    def run_with_a_fault(
        self, changes: list[Edit], names: Names, cut: int | None, *, mirror: bool, fault: dict[str, Any]
    ) -> None:
        self._edit(changes)
        self.sandbox.fault(**fault, platform=None if fault["kind"].startswith("activity") else self.platform)
        self._run(names, cut, mirror=mirror)
        self.sandbox.control("DELETE", "/faults")

    @rule(changes=edits, names=inputs, adopt=st.booleans(), readmit=st.booleans())
    def run_by_an_administrator(self, changes: list[Edit], names: Names, *, adopt: bool, readmit: bool) -> None:
        self._edit(changes)
        self._run(names, None, mirror=True, adopt_existing=adopt, readmit=readmit)

    @rule(changes=edits, names=inputs)
    def run_twice(self, changes: list[Edit], names: Names) -> None:
        self._edit(changes)
        first = self._run(names, None, mirror=True)
        assert first.code == 0, first.log
        self.export.forget_requests()
        self._run(names, None, mirror=True)
        assert self.export.writes() == []

    @rule()
    def lose_the_ledger_and_rebuild_it(self) -> None:
        for path in self.export.ledger_files():
            if path.name.startswith("ledger.db") and path.suffix in {".db", ".db-wal", ".db-shm"}:
                path.unlink()
        assert self.export.maintain("--rebuild-ledger").code == 0
        self.model.rebuild()

    def _run(
        self,
        names: Names,
        cut: int | None,
        *,
        town: bool = False,
        mirror: bool,
        adopt_existing: bool = False,
        readmit: bool = False,
        **options: Any,
    ) -> Ran:
        messages, rows, complete = [], [], set()
        for name in names:
            people = list(self.members[name].items())[:cut]
            messages += segment(
                [person(profile, EMail=address(email), City=city) for profile, (email, city) in people],
                name,
                complete=cut is None,
            )
            rows += [
                (name, address(email), (f"Given{profile}", "Aarhus" if town else city))
                for profile, (email, city) in people
            ]
            complete |= {name} if cut is None else set()
        ran = self.export.run(
            messages,
            tuning=SMALL_BATCHES,
            sync_mode="mirror" if mirror else "upsert",
            field_mapping=MAPPING | ({"custom_fields": {"City": "Town"}} if town else {}),
            adopt_existing=adopt_existing,
            readmit=readmit,
            **options,
        )
        given = Input(tuple(rows), frozenset(complete), mirror=mirror, adopt=adopt_existing, readmit=readmit)
        (self.model.succeed if ran.code == 0 else self.model.fail)(given, self.export.shown())
        assert {path.stat().st_mode & 0o777 for path in self.export.ledger_files()} <= {0o600}
        if ran.code == 0:
            assert ran.states
            assert self.export.staged_files() == []
            assert self.export.is_campaign_monitor or self.export.members(TRANSIT_LIST) == {}
        elif ran.code != KILLED:
            assert ran.summary["error"]["code"] != "CIX-901", ran.log
        return ran

    def teardown(self) -> None:
        self.sandbox.control("DELETE", "/faults")


def _one_of(people: Iterable[str], pick: int) -> str | None:
    everybody = sorted(people)
    return everybody[pick % len(everybody)] if everybody else None


def check(platform: str, sandbox: RunningSandbox, folder: Path, chosen: settings) -> None:
    machine = type("Machine", (Histories,), {"platform": platform, "sandbox": sandbox, "folder": folder})
    run_state_machine_as_test(machine, settings=chosen)


FEW = settings(
    max_examples=3,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
MANY = settings(FEW, max_examples=15, derandomize=False, print_blob=True)


@pytest.mark.parametrize("platform", ["campaign_monitor", "constant_contact"])
def test_the_list_holds_what_the_model_says(platform: str, sandbox: RunningSandbox, tmp_path: Path) -> None:
    check(platform, sandbox, tmp_path, FEW)


@pytest.mark.long
@pytest.mark.parametrize("platform", ["campaign_monitor", "constant_contact"])
def test_the_list_holds_what_the_model_says_in_many_histories(
    platform: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    check(platform, sandbox, tmp_path, MANY)
