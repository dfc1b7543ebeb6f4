"""The ledger keeps what was confirmed, whole, private, and is never used where it cannot be trusted."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest
from audience_sdk.contact import StagedRow
from audience_sdk.destination import BatchResult
from audience_sdk.errors import DISK_FULL, LEDGER_UNUSABLE, CixError
from audience_sdk.ledger import DiffRules, Ledger, Staging, contents, names, store
from audience_sdk.ledger.difference import payload_hash
from audience_sdk.ledger.ids import forget_ids, remember_ids, with_ids
from audience_sdk.ledger.schema import MIGRATIONS
from export_harness import ledger_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("every_staging_closed")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a new folder" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with closing(Ledger(path)) as opened:
        yield opened


def user_version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def planned(ledger: Ledger, keys: str, run_id: str = "run-1") -> tuple[Staging, int]:
    """Begin a run with a planned row for each letter."""
    ledger.begin_run(run_id, "target-x", b"mapping")
    list_no = ledger.list_no("target-x", "L1")
    staging = Staging(ledger, run_id)
    for key in keys:
        staging.add(list_no, [(key, staging.segment_no("Readers"), key, None, b"1")])
    staging.diff([list_no], DiffRules())
    return staging, list_no


def test_a_new_ledger_has_the_newest_schema_and_opens_again(path: Path) -> None:
    for _ in range(2):
        Ledger(path).close()

    assert user_version(path) == len(MIGRATIONS)


def test_an_older_ledger_is_brought_up_step_by_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Ledger(path)) as old:
        number = old.list_no("target-x", "L1")
    more = (*MIGRATIONS, ("CREATE TABLE added (x)", "INSERT INTO added VALUES (1)"), ("ALTER TABLE added ADD y",))
    monkeypatch.setattr("audience_sdk.ledger.schema.MIGRATIONS", more)
    monkeypatch.setattr(store, "MIGRATIONS", more)
    with closing(Ledger(path)) as new:
        assert new.list_no("target-x", "L1") == number
        assert new.connection.execute("SELECT x, y FROM added").fetchall() == [(1, None)]

    assert user_version(path) == len(more)


def test_a_migration_that_fails_leaves_the_old_ledger(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger(path).close()
    more = (*MIGRATIONS, ("CREATE TABLE added (x)", "THIS IS NO SQL"))
    monkeypatch.setattr("audience_sdk.ledger.schema.MIGRATIONS", more)
    monkeypatch.setattr(store, "MIGRATIONS", more)
    with pytest.raises(CixError):
        Ledger(path)

    assert user_version(path) == len(MIGRATIONS)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'added'").fetchone() is None


@pytest.mark.parametrize("read_only", [False, True])
def test_a_ledger_of_a_newer_program_is_refused(path: Path, read_only: bool) -> None:
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(CixError) as caught:
        Ledger(path, read_only=read_only)

    assert caught.value.code is LEDGER_UNUSABLE
    assert str(path) in caught.value.message
    assert user_version(path) == len(MIGRATIONS) + 1


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("content", [b"something of somebody's" * 500, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_ledger_is_refused_and_left_alone(path: Path, content: bytes, read_only: bool) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(CixError) as caught:
        Ledger(path, read_only=read_only)

    assert caught.value.code is LEDGER_UNUSABLE
    assert str(path) in caught.value.message
    assert path.read_bytes() == content


def test_a_place_where_no_file_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CixError) as caught:
        Ledger(tmp_path / "file" / "ledger.db")

    assert caught.value.code is DISK_FULL


def test_only_the_owner_can_read_the_files(ledger: Ledger) -> None:
    planned(ledger, "ab")
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in ledger.path.parent.iterdir()}

    assert set(modes.values()) == {0o600}
    assert {"ledger.db", "ledger.db-wal", "ledger.db.staged-run-1"} <= modes.keys()
    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700


def test_what_is_confirmed_is_there_for_the_next_run(ledger: Ledger, path: Path) -> None:
    staging, list_no = planned(ledger, "abc")
    batch = ledger.journal("run-1", list_no, "create", "a", "b")
    ledger.confirm(batch, staging.rows_of(batch), BatchResult())

    with closing(Ledger(path)) as later:
        assert ledger_rows(later) == dict.fromkeys([(list_no, "a"), (list_no, "b")], payload_hash(b"1"))
        assert later.journalled(list_no) == {}


def test_an_older_ledger_tells_a_dry_run_what_it_holds(ledger: Ledger, path: Path) -> None:
    list_no = ledger.list_no("target-memory", "L1")
    ledger.add_segments(["Readers"])
    contents.keep(ledger, list_no, "Readers", b"content")
    names.remember(ledger, "place", {"Readers": "L1"})
    ledger.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 5")
    with closing(Ledger(path, read_only=True)) as older:
        assert contents.holds(older, list_no, "Readers", b"content")
        assert names.remembered(older, "place") == {"Readers": "L1"}


def test_the_hashes_of_a_ledger_hold_under_every_version_of_the_library() -> None:
    # Others would have everybody sent anew, and programs of before must not use the file.
    assert len(MIGRATIONS) >= 6
    assert [payload_hash(b""), payload_hash(b'{"EmailAddress":"anna@example.com"}')] == [
        -5978950695371172670,
        3082068547883557846,
    ]


def test_a_batch_stays_in_the_journal_until_it_is_confirmed_or_dropped(ledger: Ledger, path: Path) -> None:
    staging, list_no = planned(ledger, "abcd")
    first = ledger.journal("run-1", list_no, "create", "a", "a")
    second = ledger.journal("run-1", list_no, "create", "b", "c")
    ledger.journal_job(second, "job-7")
    with closing(Ledger(path)) as later:
        assert [(b.first_key, b.last_key, b.job_id) for b in later.journalled(list_no)["run-1"]] == [
            ("a", "a", None),
            ("b", "c", "job-7"),
        ]
        assert later.has_journalled("run-1")
    ledger.confirm(first, staging.rows_of(first), BatchResult())
    assert [batch.job_id for batch in ledger.journalled(list_no)["run-1"]] == ["job-7"]
    ledger.drop(second)

    assert ledger.journalled(list_no) == {}
    assert not ledger.has_journalled("run-1")
    assert set(ledger_rows(ledger)) == {(list_no, "a")}


def test_journals_of_lists_are_kept_apart(ledger: Ledger) -> None:
    planned(ledger, "a")
    one, two = ledger.list_no("target-x", "L1"), ledger.list_no("target-x", "L2")
    ledger.journal("run-1", one, "create", "a", "a")

    assert one != two != ledger.list_no("target-y", "L2")
    assert list(ledger.journalled(one)) == ["run-1"]
    assert ledger.journalled(two) == {}


def test_where_the_disk_is_full_nothing_of_a_step_is_kept(ledger: Ledger) -> None:
    _, list_no = planned(ledger, "a")
    batch = ledger.journal("run-1", list_no, "create", "a", "z")
    (pages,) = ledger.connection.execute("PRAGMA main.page_count").fetchone()
    ledger.connection.execute(f"PRAGMA main.max_page_count = {pages}")
    many = [StagedRow(key, key, key * 900, (0,), b"1") for key in "abcdefghijklmnopqrstuvwxyz"]
    with pytest.raises(CixError) as caught:
        ledger.confirm(batch, many, BatchResult())

    assert caught.value.code is DISK_FULL
    assert ledger_rows(ledger) == {}
    assert ledger.has_journalled("run-1")


def test_a_step_that_fails_is_undone(ledger: Ledger) -> None:
    with suppress(RuntimeError), ledger.transaction():
        ledger.connection.execute("INSERT INTO secrets VALUES ('x', x'00')")
        raise RuntimeError

    assert ledger.connection.execute("SELECT * FROM secrets WHERE name = 'x'").fetchall() == []


def test_a_dry_run_on_a_ledger_that_is_not_there_makes_none(path: Path) -> None:
    path.parent.mkdir()
    with closing(Ledger(path, read_only=True)) as ledger:
        assert ledger.list_no("target-x", "L1") < 0
        assert ledger.list_no("target-x", "L1") != ledger.list_no("target-x", "L2")
        planned_keys, _ = _dry_plan(ledger)

    assert planned_keys == ["a", "b"]
    assert not path.exists()


def _dry_plan(ledger: Ledger) -> tuple[list[str], int]:
    staging = Staging(ledger, "run-9")
    list_no = ledger.list_no("target-x", "L1")
    for key in "ab":
        staging.add(list_no, [(key, staging.segment_no("Readers"), key, None, b"1")])
    staging.diff([list_no], DiffRules())
    keys = [row.email_key for row in staging.planned(list_no, "create")]
    staging.erase()
    return keys, list_no


def test_a_dry_run_leaves_the_ledger_byte_for_byte(ledger: Ledger, path: Path) -> None:
    staging, list_no = planned(ledger, "a")
    batch = ledger.journal("run-1", list_no, "create", "a", "a")
    ledger.confirm(batch, staging.rows_of(batch), BatchResult())
    ledger.close()
    before = path.read_bytes()
    with closing(Ledger(path, read_only=True)) as dry:
        keys, same = _dry_plan(dry)
        dry.hash_key()

    assert (keys, same) == (["b"], list_no)
    assert path.read_bytes() == before


def test_the_hash_key_belongs_to_the_ledger(ledger: Ledger, path: Path, tmp_path: Path) -> None:
    key = ledger.hash_key()
    with closing(Ledger(path)) as again, closing(Ledger(tmp_path / "other.db")) as other:
        assert again.hash_key() == key
        assert other.hash_key() != key

    assert len(key) == 32


def test_old_runs_are_forgotten_unless_they_left_something_in_flight(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEEP_RUNS", 2)
    list_no = ledger.list_no("target-x", "L1")
    for number in range(5):
        ledger.begin_run(f"run-{number}", "target-x", b"mapping")
        if number == 1:
            ledger.journal("run-1", list_no, "create", "a", "a")
        ledger.end_run(f"run-{number}", "succeeded")

    kept = ledger.connection.execute("SELECT run_id FROM runs ORDER BY run_id").fetchall()
    assert kept == [("run-1",), ("run-3",), ("run-4",)]


def test_ids_are_remembered_for_those_who_leave_until_a_listing_takes_their_place(ledger: Ledger) -> None:
    staging, list_no = planned(ledger, "abc")
    batch = ledger.journal("run-1", list_no, "create", "a", "c")
    rows = list(staging.rows_of(batch))
    ledger.confirm(batch, rows, BatchResult())
    remember_ids(ledger, list_no, [("a", "id-a"), ("b", "id-b"), ("z", "id-z")])
    leaving = [rows[0], rows[2]]

    assert [row.platform_id for row in with_ids(ledger, list_no, leaving)] == ["id-a", None]
    assert [row.platform_id for row in with_ids(ledger, list_no + 1, leaving)] == [None, None]
    forget_ids(ledger, list_no)
    assert [row.platform_id for row in with_ids(ledger, list_no, leaving)] == [None, None]


def test_the_ids_of_a_few_are_looked_up_without_reading_the_whole_list(ledger: Ledger) -> None:
    statements: list[str] = []
    ledger.connection.set_trace_callback(statements.append)
    with_ids(ledger, 1, [StagedRow("a", "a", "a", (0,), b"")])
    ledger.connection.set_trace_callback(None)
    (statement,) = [each for each in statements if "json_each" in each]
    steps = [row[3] for row in ledger.connection.execute(f"EXPLAIN QUERY PLAN {statement}")]

    assert "json_each" in steps[0]
    assert "email_key=?" in steps[1]
