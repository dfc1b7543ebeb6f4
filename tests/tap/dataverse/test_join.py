"""The join of memberships and profiles: on disk, out of everybody's sight, and gone with the process."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from audience_sdk.errors import CixError
from hypothesis import given
from hypothesis import strategies as st
from tap_cix_segments.dataverse.join import Join

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

FILLED = """
import sys, time
from tap_cix_segments.dataverse.join import Join
join = Join()
for block in range(100):
    ids = [f"{block}-{number}" for number in range(1000)]
    join.add_members((each, ["Gold"]) for each in ids)
join.want(["Gold"])
for block in range(100):
    join.add_profiles((f"{block}-{number}", (), ["x" * 2000]) for number in range(1000))
print("filled", flush=True)
time.sleep(60)
"""


@pytest.fixture
def join() -> Iterator[Join]:
    made = Join()
    yield made
    made.close()


def open_files(pid: int) -> list[tuple[str, int, int]]:
    """Return path, mode and size of the files that a process has open."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            status = entry.stat()
            found.append((str(entry.readlink()), status.st_mode & 0o777, status.st_size))
    return found


def peak_memory(pid: int) -> int:
    """Return the most memory that a process has had, bytes."""
    [line] = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at open files as Linux shows them")
def test_rows_are_in_a_private_file_without_a_name_that_is_gone_after_a_kill(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FILLED],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "SQLITE_TMPDIR": str(tmp_path), "TMPDIR": str(tmp_path)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "filled\n"
        [(path, mode, size)] = [each for each in open_files(process.pid) if str(tmp_path) in each[0]]
        assert path.endswith("(deleted)")
        assert mode == 0o600
        assert size > 150_000_000
        assert peak_memory(process.pid) < 130_000_000
        assert list(tmp_path.iterdir()) == []
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert list(tmp_path.iterdir()) == []


def test_same_rows_twice_change_nothing(join: Join) -> None:
    for _ in range(2):
        join.add_members([("a", ["Gold", "Silver"]), ("b", ["Gold"])])
        join.want(["Gold"])
        join.add_profiles([("a", (), ["A"]), ("b", (), ["B"])])
    assert list(join.profiles("Gold")) == [[["A"], ["B"]]]
    assert (join.members("Gold"), join.members("Silver")) == (2, 1)


def test_only_wanted_profiles_are_kept(join: Join) -> None:
    join.add_members([("a", ["Gold"]), ("b", ["Silver"])])
    assert join.want(["Silver"]) == 1
    join.add_profiles([("a", (), ["A"]), ("b", (), ["B"]), ("c", (), ["C"])])
    assert list(join.profiles("Silver")) == [[["B"]]]
    assert list(join.profiles("Gold")) == []
    assert join.members_without_profile("Gold") == 1


def test_a_later_version_of_a_profile_takes_the_place_of_the_earlier(join: Join) -> None:
    join.add_members([("a", ["Gold"])])
    join.want(["Gold"])
    join.add_profiles([("a", (), ["before"])])
    join.add_profiles([("a", (), ["after"])])
    assert list(join.profiles("Gold")) == [[["after"]]]


def test_what_is_forgotten_is_gone(join: Join) -> None:
    join.add_members([("a", ["Gold"]), ("b", ["Gold"])])
    join.forget_members()
    assert join.segments == []
    join.add_members([("b", ["Silver"])])
    join.want(["Silver"])
    join.add_profiles([("b", (), ["B"])])
    join.forget_profiles()
    assert join.members_without_profile("Silver") == 1
    assert list(join.profiles("Gold")) == []


def test_wanted_ids_come_in_groups_and_only_those_without_a_profile(join: Join) -> None:
    join.add_members([(f"{number}", ["Gold"]) for number in range(7)])
    join.want(["Gold"])
    join.add_profiles([("3", (), [])])
    assert list(join.wanted_ids(4)) == [["0", "1", "2", "4"], ["5", "6"]]


def test_who_succeeds_a_successor_is_followed_no_further(join: Join) -> None:
    join.add_members([("old", ["Gold"])])
    join.want(["Gold"])
    join.add_profiles([("new", ("old",), ["N"]), ("newest", ("new",), ["M"])])
    join.follow_successors()
    assert list(join.profiles("Gold")) == [[["N"]]]


def test_a_full_disk_is_a_clear_error(join: Join) -> None:
    join._database.execute("PRAGMA work.max_page_count = 20")
    with pytest.raises(CixError, match="CIX-602"):
        join.add_members([(f"{number:032x}", ["Gold"]) for number in range(10_000)])


def test_sqlite_keeps_nameless_databases_in_files() -> None:
    database = sqlite3.connect(":memory:")
    options = {row[0] for row in database.execute("PRAGMA compile_options")}
    database.close()
    assert "TEMP_STORE=3" not in options  # always in memory, whatever is asked for


IDS = st.sampled_from("abcdef")
MEMBERSHIPS = st.lists(st.tuples(IDS, st.lists(st.sampled_from(["Gold", "Silver"]), max_size=2)), max_size=8)
PROFILES = st.dictionaries(IDS, st.lists(IDS, max_size=2), max_size=6)


@given(memberships=MEMBERSHIPS, profiles=PROFILES, order=st.randoms())
def test_members_and_profiles_meet_as_in_a_plain_model(
    memberships: list[tuple[str, list[str]]], profiles: dict[str, list[str]], order: random.Random
) -> None:
    rows = [(customer, before, [customer]) for customer, before in profiles.items()]
    order.shuffle(rows)
    with closing(Join()) as join:
        join.add_members(memberships)
        join.want(["Gold", "Silver"])
        for row in [*rows, *rows[:2]]:  # each a page of its own, some of them twice
            join.add_profiles([row])
        join.follow_successors()
        for segment in ("Gold", "Silver"):
            members = {customer for customer, names in memberships if segment in names}
            heirs = {
                member: [new for new, before in profiles.items() if member in before and new != member]
                for member in members - profiles.keys()
            }
            expected = (members & profiles.keys()) | {heir for found in heirs.values() for heir in found}
            got = [texts[0] for block in join.profiles(segment) for texts in block]
            assert sorted(got) == sorted(expected)
            assert join.members_without_profile(segment) == sum(not found for found in heirs.values())
