"""Tokens are written whole, by one process at a time, where only their owner can read them."""

from __future__ import annotations

import stat
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from audience_sdk.errors import DISK_FULL, LEDGER_UNUSABLE, CixError
from audience_sdk.ledger import TokenStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a new folder" / "ledger.db.tokens"


def read(store: TokenStore, connection: str = "one") -> dict[str, object]:
    with store.exclusive(connection) as values:
        return dict(values)


def test_what_a_block_leaves_is_there_for_the_next_process(path: Path) -> None:
    with TokenStore(path).exclusive("one") as values:
        assert values == {}
        values["token"] = "t"

    assert read(TokenStore(path)) == {"token": "t"}
    assert read(TokenStore(path), "another") == {}


def test_a_block_that_fails_leaves_what_was_there(path: Path) -> None:
    store = TokenStore(path)
    with store.exclusive("one") as values:
        values["token"] = "t"
    with suppress(RuntimeError), store.exclusive("one") as values:
        values.clear()
        raise RuntimeError

    assert read(store) == {"token": "t"}


def test_only_the_owner_can_read_the_files(path: Path) -> None:
    store = TokenStore(path)
    with store.exclusive("one") as values:
        values["token"] = "t"
        modes = {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}

    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


_COUNT = """
import sys
from pathlib import Path
from audience_sdk.ledger import TokenStore
for _ in range(30):
    with TokenStore(Path(sys.argv[1])).exclusive("one") as values:
        values["count"] = values.get("count", 0) + 1
"""


def test_no_change_of_several_processes_is_lost(path: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", _COUNT, str(path)]) for _ in range(4)]

    assert [process.wait(60) for process in processes] == [0] * 4
    assert read(TokenStore(path)) == {"count": 120}


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but something of somebody's" * 100)
    before = path.read_bytes()

    with pytest.raises(CixError) as caught:
        TokenStore(path)

    assert caught.value.code is LEDGER_UNUSABLE
    assert str(path) in caught.value.message
    assert path.read_bytes() == before


def test_a_place_where_no_file_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CixError) as caught:
        TokenStore(tmp_path / "file" / "tokens")

    assert caught.value.code is DISK_FULL
