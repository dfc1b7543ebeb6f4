"""An export is read alike wherever it lies, as a stream, and what keeps the tap from it is said clearly."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import EXTRA_MISSING, SETTING_INVALID, SOURCE_UNREADABLE, CixError
from sftp_place import PASSWORD, SftpPlace, serve_sftp
from tap_cix_segments import sftp
from tap_cix_segments.storage import open_folder, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import ExportFolder, Outcome

ANNA = ("0a" * 16, "anna@example.com", "120")
BEN = ("0b" * 16, "ben@example.org", "")


@pytest.fixture
def place(export: ExportFolder) -> Iterator[SftpPlace]:
    export.root.mkdir()
    with serve_sftp(export.root) as place:
        yield place


def without_times(outcome: Outcome) -> list[Any]:
    """The messages, but for what differs from run to run."""
    skipped = ("time_extracted", "version", "value")
    return [{key: value for key, value in message.items() if key not in skipped} for message in outcome.messages]


def test_sftp_gives_what_the_folder_gives(
    export: ExportFolder, place: SftpPlace, run_tap: Callable[..., Outcome], tmp_path: Path
) -> None:
    export.add("Readers", [ANNA], [BEN]).add("Risk", [BEN] * 3000)
    remote = run_tap(place.url, storage_options=place.options(tmp_path / "known_hosts"))
    assert remote.exit_code == 0, remote.log
    assert without_times(remote) == without_times(run_tap(export))
    assert len(remote.records("Risk")) == 3000
    assert PASSWORD not in remote.log
    assert "paramiko" not in remote.log


def test_sftp_is_read_as_a_stream(
    export: ExportFolder, place: SftpPlace, run_tap: Callable[..., Outcome], tmp_path: Path
) -> None:
    export.add("Readers", [BEN] * 100_000)
    done = run_tap(place.url, "--test", storage_options=place.options(tmp_path / "known_hosts"))
    assert done.exit_code == 0, done.log
    assert place.bytes_read < export.partition("Readers").stat().st_size / 10


def test_server_that_nobody_knows_is_refused(
    export: ExportFolder, place: SftpPlace, run_tap: Callable[..., Outcome], tmp_path: Path
) -> None:
    export.add("Readers", [ANNA])
    options = place.options(tmp_path / "known_hosts")
    (tmp_path / "known_hosts").write_text("")
    refused = run_tap(place.url, storage_options=options)
    assert refused.exit_code == 1
    [line] = refused.errors()
    assert "CIX-201" in line
    assert "host key" in line
    assert run_tap(place.url, storage_options={**options, "host_key_policy": "auto_add"}).exit_code == 0


def test_wrong_password_is_one_clear_line(
    export: ExportFolder, place: SftpPlace, run_tap: Callable[..., Outcome], tmp_path: Path
) -> None:
    export.add("Readers", [ANNA])
    options = place.options(tmp_path / "known_hosts") | {"password": "wrong-one"}
    refused = run_tap(place.url, storage_options=options)
    assert refused.exit_code == 1
    assert refused.lines == []
    [line] = refused.errors()
    assert "CIX-201" in line
    assert "Check the credentials" in line
    assert "wrong-one" not in refused.log
    assert "Traceback" not in refused.log


def test_server_that_is_not_there_is_one_clear_line(run_tap: Callable[..., Outcome]) -> None:
    refused = run_tap("sftp://exports:sesame@127.0.0.1:1/out")
    assert refused.exit_code == 1
    [line] = refused.errors()
    assert "CIX-201" in line
    assert "sesame" not in refused.log


@pytest.mark.parametrize("silent_at", ["channel", "subsystem", "version"])
def test_server_that_lets_one_in_and_then_says_nothing_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent_at: str
) -> None:
    monkeypatch.setattr(sftp, "_SECONDS_TO_CONNECT", 1)
    monkeypatch.setattr(sftp, "_SECONDS_TO_ANSWER", 1)
    with serve_sftp(tmp_path, silent_at) as place, pytest.raises(CixError) as refused:
        open_folder(place.url, place.options(tmp_path / "known_hosts"))
    assert refused.value.code is SOURCE_UNREADABLE


def test_credentials_come_from_the_environment_too(export: ExportFolder, place: SftpPlace, tmp_path: Path) -> None:
    export.add("Readers", [ANNA])
    environment = os.environ | {
        "TAP_CIX_SEGMENTS_FOLDER": place.url,
        "TAP_CIX_SEGMENTS_STORAGE_OPTIONS": json.dumps(place.options(tmp_path / "known_hosts")),
    }
    command = [str(Path(sys.executable).with_name("tap-cix-segments")), "--config=ENV", "--discover"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, env=environment)
    assert [stream["stream"] for stream in json.loads(done.stdout)["streams"]] == ["Readers"]


@pytest.mark.parametrize(
    ("folder", "extra", "libraries"),
    [
        ("abfss://exports@account.dfs.core.windows.net/x", "azure", ["adlfs"]),
        ("az://exports/x", "azure", ["adlfs"]),
        ("s3://exports/x", "s3", ["s3fs"]),
        ("gs://exports/x", "gcs", ["gcsfs"]),
        ("sftp://files.example.com/x", "sftp", ["paramiko", "tap_cix_segments.sftp"]),
    ],
)
def test_missing_library_is_named_as_the_extra_that_brings_it(
    folder: str, extra: str, libraries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = sys.modules["fsspec.registry"]._registry
    monkeypatch.delitem(loaded, folder.partition("://")[0], raising=False)
    for library in libraries:
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(CixError) as refused:
        open_folder(folder)
    assert refused.value.code is EXTRA_MISSING
    assert f"`tap-cix-segments[{extra}]`" in refused.value.action


def test_web_address_of_a_container_is_told_how_to_be_written() -> None:
    with pytest.raises(CixError) as refused:
        open_folder("https://account.blob.core.windows.net/exports?sig=secret")
    assert refused.value.code is SOURCE_UNREADABLE
    assert "abfss://" in refused.value.action
    assert "secret" not in str(refused.value)


def test_option_that_the_storage_does_not_know_is_told_without_its_value(place: SftpPlace, tmp_path: Path) -> None:
    options = place.options(tmp_path / "known_hosts") | {"pass_word": "sesame"}
    with pytest.raises(CixError) as refused:
        open_folder(place.url, options)
    assert refused.value.code is SETTING_INVALID
    assert "`storage_options`" in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_no_secret_of_a_url_is_shown() -> None:
    assert without_secrets("sftp://user:word@files.example.com:22/out?x=1") == "sftp://files.example.com:22/out"


def test_no_secret_of_a_storage_is_logged_at_whatever_level(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
    config = tmp_path / "config.json"
    once = {"retries": {"max_attempts": 1}, "connect_timeout": 2}
    options = {"key": "KEY-4711", "secret": "SECRET-4711", "token": "TOKEN-4711", "endpoint_url": endpoint}
    options |= {"client_kwargs": {"region_name": "eu-west-1"}, "config_kwargs": once}  # type: ignore[dict-item]
    config.write_text(json.dumps({"folder": "s3://exports/x", "storage_options": options}))
    command = [str(Path(sys.executable).with_name("tap-cix-segments")), "--config", str(config)]
    environment = os.environ | {"TAP_CIX_SEGMENTS_LOGLEVEL": "DEBUG"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.returncode == 1
    assert "| DEBUG " in done.stderr
    assert "CIX-201" in done.stderr
    assert "4711" not in done.stderr


def test_gzip_is_undone_whatever_the_name(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA] * 5000, [BEN])
    plain = without_times(run_tap(export))
    path = export.partition("Readers")
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert without_times(run_tap(export)) == plain


def test_gzip_that_is_cut_short_is_not_the_whole_segment(export: ExportFolder, run_tap: Callable[..., Outcome]) -> None:
    rows = [(f"{number:032x}", f"p{number}@example.com", str(number)) for number in range(20_000)]
    export.add("Readers", rows)
    path = export.partition("Readers")
    packed = gzip.compress(path.read_bytes())
    path.write_bytes(packed[: len(packed) // 2])
    outcome = run_tap(export)
    assert outcome.exit_code == 1
    assert 1000 < len(outcome.records("Readers")) < 20_000
    assert outcome.of_type("ACTIVATE_VERSION") == []
    assert "CIX-208" in outcome.errors()[0]
    assert "cut short" in outcome.errors()[0]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\xff\xfe"])
@pytest.mark.parametrize("file_format", [None, {"columnHeaders": False}])
def test_file_without_content_is_not_taken_for_a_partition_without_rows(
    export: ExportFolder, run_tap: Callable[..., Outcome], content: bytes, file_format: Any
) -> None:
    export.add("Readers", [ANNA], content, file_format=file_format, header=file_format is None)
    outcome = run_tap(export)
    assert outcome.exit_code == 1
    assert outcome.of_type("ACTIVATE_VERSION") == []
    assert "CIX-219" in outcome.errors()[0]
    allowed = run_tap(export, allow_empty_files=True)
    assert allowed.exit_code == 0
    assert len(allowed.of_type("ACTIVATE_VERSION")) == 1


def test_half_written_model_is_read_when_it_is_whole(export: ExportFolder, run_waiting: Callable[..., Outcome]) -> None:
    export.add("Readers", [ANNA])
    whole = (export.export / "model.json").read_text()
    export.write_model(whole[:150])
    outcome = run_waiting(str(export.root), lambda: export.write_model(whole))
    assert outcome.exit_code == 0, outcome.log
    assert len(outcome.records("Readers")) == 1


@pytest.mark.parametrize("missing", [True, False])
def test_partition_that_is_still_to_come_is_waited_for(
    export: ExportFolder, place: SftpPlace, run_waiting: Callable[..., Outcome], tmp_path: Path, *, missing: bool
) -> None:
    export.add("Readers", [ANNA], [BEN])
    path = export.partition("Readers", 2)
    content = path.read_bytes()
    path.unlink()
    if not missing:
        path.touch()
    options = place.options(tmp_path / "known_hosts")
    outcome = run_waiting(place.url, lambda: path.write_bytes(content), storage_options=options)
    assert outcome.exit_code == 0, outcome.log
    assert len(outcome.records("Readers")) == 2
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 1


def test_patience_ends_in_the_error_and_is_had_once_for_all(
    export: ExportFolder, run_tap: Callable[..., Outcome]
) -> None:
    export.add("Readers", *[[ANNA]] * 6)
    for number in range(1, 7):
        export.partition("Readers", number).unlink()
    outcome = run_tap(export, wait_seconds=1)
    assert outcome.exit_code == 1
    assert sum("CIX-207" in line for line in outcome.errors()) == 6
    assert outcome.log.count("Waiting up to") == 1


def test_patience_does_not_keep_a_signal_waiting(export: ExportFolder, tmp_path: Path) -> None:
    export.add("Readers", [ANNA])
    export.partition("Readers").unlink()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"folder": str(export.root), "wait_seconds": 600}))
    command = [str(Path(sys.executable).with_name("tap-cix-segments")), "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    while "Waiting up to 600 s" not in process.stderr.readline():
        assert process.poll() is None
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143
