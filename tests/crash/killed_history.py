"""The history of every row of the kill matrix: two runs, a busy day at the platform, and the run that dies.

The two runs before are made once for each platform; every case begins with a copy of what they left.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crash_export import KILLED, QUICK, Export, InFlight, Ran, address, people, segment
from target_constant_contact.transit import TRANSIT_LIST_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from crash_runner import Death

TRANSIT_LIST = "1157c0de-0000-4000-8000-0000000000ff"
"""Its id, made known beforehand, so that a test can look into it."""

FIRST, SECOND = range(260), range(240)
UNCHANGED, CHANGED = range(80, 195), range(80)
LEAVERS, RETURNING, JOINERS = range(195, 240), range(240, 260), range(300, 340)
UNSUBSCRIBED, LEFT = (address(0), address(100), address(200)), (address(1), address(101), address(201))
BY_HAND = ("hand1@example.com", "hand2@example.com")
LATE = address(60)
"""Somebody whose change is in flight when the run dies, and who unsubscribes before the next one."""

MESSAGES = segment([*people(*CHANGED, City="Moved"), *people(*UNCHANGED, *RETURNING, *JOINERS)])
STATES = [message["value"] for message in MESSAGES if message["type"] == "STATE"]
MIRROR = {"sync_mode": "mirror"}


@dataclass(frozen=True)
class Past:
    """What the runs before have left.

    Attributes:
        folder: A copy of the ledger's folder.
        members: What the list knew.
    """

    folder: Path
    members: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class End:
    """What there is at the platform in the end, and what it took.

    Attributes:
        members: What the list knows of everybody but `LATE`.
        on_list: Who is mailed.
        transit: Who is on the list of changes in transit.
        rows: Rows in imports.
        removals: People whom the platform was asked to take off.
        log: Every write with its rows, for whoever has to find out what went wrong.
    """

    members: dict[str, dict[str, Any]]
    on_list: set[str]
    transit: dict[str, Any]
    rows: int
    removals: int
    log: list[tuple[str, str, int]]


_pasts: dict[str, Past] = {}
_ends: dict[str, End] = {}


def begin(export: Export, keep: Path) -> None:
    """Bring an export and the sandbox to the eve of the run that dies.

    Args:
        export: The export, with nothing in its folder yet.
        keep: Where to keep what the runs before have left.
    """
    past = _pasts.get(export.platform) or _make_past(export, keep)
    _pasts[export.platform] = past
    shutil.rmtree(export.folder)
    shutil.copytree(past.folder, export.ledger.parent)
    _put_back(export, past)
    export.unsubscribe(*UNSUBSCRIBED)
    if not export.is_campaign_monitor:
        export.leave(*LEFT)
    export.add_by_hand(*BY_HAND)
    export.forget_requests()


def _make_past(export: Export, keep: Path) -> Past:
    for numbers in (FIRST, SECOND):
        assert export.run(segment(people(*numbers)), **MIRROR).code == 0
    folder = keep / export.platform
    shutil.copytree(export.ledger.parent, folder)
    # The sandbox will not know these tokens after its reset.
    (folder / "ledger.db.tokens").unlink(missing_ok=True)
    return Past(folder, export.members())


def _put_back(export: Export, past: Past) -> None:
    export.sandbox.reset()
    export.sandbox.control("PATCH", "/switches", QUICK)
    if export.is_campaign_monitor:
        taken = ("email", "state", "name", "consent_to_track", "fields")
        people_then = [{name: member[name] for name in taken} for member in past.members.values()]
        export.sandbox.seed(export.platform, subscribers=people_then)
        return
    export.sandbox.seed(
        export.platform, lists=[{"list_id": TRANSIT_LIST, "name": TRANSIT_LIST_NAME.format(list_id=export.list_id)}]
    )
    contacts: list[dict[str, Any]] = [
        {
            "email": member["email"],
            "first_name": member["first_name"],
            "lists": [export.list_id],
            "custom_fields": {"City": member["fields"]["city"]},
        }
        for member in past.members.values()
    ]
    contacts += [{"email": address(n), "first_name": f"Given{n}", "lists": []} for n in FIRST if n not in SECOND]
    export.sandbox.seed(export.platform, contacts=contacts)


def die(export: Export, death: Death) -> InFlight:
    """Let the run die, look at what it leaves, and let somebody unsubscribe before anything else happens."""
    ran = export.run(MESSAGES, death=death, **MIRROR)
    assert ran.code == KILLED, f"the run has not come to where it was to die: {ran.code}\n{ran.log}"
    assert ran.states == []
    assert {path.stat().st_mode & 0o777 for path in export.ledger_files()} == {0o600}
    in_flight = export.in_flight() if export.ledger.exists() else InFlight(0, 0, 0, 0)
    export.unsubscribe(LATE)
    return in_flight


def end(export: Export) -> End:
    """Look at what there is in the end."""
    members = export.members()
    late = members.pop(LATE, None)
    assert late is None or late["state"] in {"Unsubscribed", "unsubscribed"}
    return End(
        members=members,
        on_list=export.on_list(),
        transit={} if export.is_campaign_monitor else export.members(TRANSIT_LIST),
        rows=export.rows_sent(),
        removals=export.removals_sent(),
        log=[
            (each["method"], each["path"], each["rows"])
            for each in export.sandbox.requests(export.platform)
            if each["rows"] is not None
        ],
    )


def undisturbed_end(export: Export, keep: Path) -> End:
    """The end of the same history when nothing dies."""
    if export.platform not in _ends:
        begin(export, keep)
        ran = export.run(MESSAGES, **MIRROR)
        assert (ran.code, ran.states) == (0, STATES), ran.log
        export.unsubscribe(LATE)
        _ends[export.platform] = end(export)
        _check_expectation(export, _ends[export.platform])
    return _ends[export.platform]


def _check_expectation(export: Export, reached: End) -> None:
    gone = {*UNSUBSCRIBED, LATE} | (set() if export.is_campaign_monitor else set(LEFT))
    numbers = (*CHANGED, *UNCHANGED, *RETURNING, *JOINERS)
    assert reached.on_list == ({address(n) for n in numbers} | set(BY_HAND)) - gone
    shown = export.shown()
    assert all(shown[address(n)] == (f"Given{n}", "Moved") for n in CHANGED if address(n) in reached.on_list)
    assert all(shown[address(n)] == (f"Given{n}", "Ribe") for n in (*UNCHANGED, *JOINERS) if address(n) not in gone)
    assert {shown[email][0] for email in BY_HAND} == {"By hand"}
    assert reached.transit == {}


def finish(export: Export, *, untouched: bool = True) -> Ran:
    """Run again as a scheduler would, and check what holds after any death."""
    ran = export.run_untouched(MESSAGES, **MIRROR) if untouched else export.run(MESSAGES, **MIRROR)
    assert (ran.code, ran.states) == (0, STATES), ran.log
    assert export.staged_files() == []
    assert {path.stat().st_mode & 0o777 for path in export.ledger_files()} == {0o600}
    return ran
