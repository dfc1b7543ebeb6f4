"""Tokens are written whole, by one process at a time, where only their owner can read them."""

from __future__ import annotations

import stat
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from audience_sdk.errors import DISK_FULL, LEDGER_UNUSABLE, TOKENS_LOCKED, CixError
from audience_sdk.ledger import TokenStore
from audience_sdk.ledger.encryption import Seal
from cryptography.fernet import Fernet

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


def keys(count: int) -> list[str]:
    return [Fernet.generate_key().decode() for _ in range(count)]


def test_with_a_key_no_token_stands_in_the_file(path: Path) -> None:
    (key,) = keys(1)
    store = TokenStore(path, Seal(key))
    with store.exclusive("one") as values:
        values["token"] = "a-secret-token"

    assert read(TokenStore(path, Seal(key))) == {"token": "a-secret-token"}
    assert not [each for each in path.parent.iterdir() if b"a-secret-token" in each.read_bytes()]


def test_tokens_that_were_stored_before_there_was_a_key_are_encrypted_when_they_are_next_read(path: Path) -> None:
    with TokenStore(path).exclusive("one") as values:
        values["token"] = "a-secret-token"
    (key,) = keys(1)

    assert read(TokenStore(path, Seal(key))) == {"token": "a-secret-token"}
    with pytest.raises(CixError) as caught:
        read(TokenStore(path))
    assert caught.value.code is TOKENS_LOCKED


def test_a_key_is_replaced_by_putting_the_new_one_before_it(path: Path) -> None:
    old, new = keys(2)
    with TokenStore(path, Seal(old)).exclusive("one") as values:
        values["token"] = "t"

    assert read(TokenStore(path, Seal(f"{new}, {old}"))) == {"token": "t"}
    assert read(TokenStore(path, Seal(new))) == {"token": "t"}


@pytest.mark.parametrize("key", ["", "A" * 43 + "="], ids=["none", "another"])
def test_without_the_key_the_error_says_so_and_nothing_is_lost(path: Path, key: str) -> None:
    (right,) = keys(1)
    with TokenStore(path, Seal(right)).exclusive("one") as values:
        values["token"] = "t"

    with pytest.raises(CixError) as caught:
        read(TokenStore(path, Seal(key)))

    assert caught.value.code is TOKENS_LOCKED
    assert "CIX_TOKEN_KEY" in caught.value.message
    assert not [each for each in (key, right) if each and each in str(caught.value)]
    assert read(TokenStore(path, Seal(right))) == {"token": "t"}


@pytest.mark.parametrize("key", ["short", "ä" * 44, "=" * 44], ids=["short", "no ASCII", "no bytes"])
def test_a_key_that_is_none_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(CixError) as caught:
        Seal(key)

    assert caught.value.code is TOKENS_LOCKED
    assert key not in str(caught.value)


def test_the_library_that_encrypts_is_asked_for_only_if_there_is_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)
    Seal("")
    with pytest.raises(CixError) as caught:
        Seal("any")

    assert "`encryption`" in caught.value.action


def test_a_fingerprint_is_the_same_for_every_process_and_another_with_every_file(path: Path, tmp_path: Path) -> None:
    one = TokenStore(path).fingerprint("key")

    assert one == TokenStore(path).fingerprint("key") != TokenStore(path).fingerprint("other key")
    assert one != TokenStore(tmp_path / "another").fingerprint("key")
