"""An export in Azure Blob Storage is read as the same export in a folder; against Azurite, Microsoft's stand-in.

Needs the command `azurite-blob` (`npm install --global azurite`), so it runs with the long tests only.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import adlfs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audience_sdk.errors import SOURCE_UNREADABLE, CixError
from deltalake import write_deltalake
from tap_cix_segments.storage import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import ExportFolder, Outcome

AZURITE = shutil.which("azurite-blob")
ACCOUNT, CONTAINER = "exports", "customer-insights"
ANNA = ("0a" * 16, "anna@example.com", "120")
PATIENCE_SECONDS = 60

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(AZURITE is None, reason="azurite-blob is not installed (`npm install --global azurite`)"),
]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """How to reach a stand-in with one account and one container."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    command = [
        *(str(AZURITE), "--silent", "--skipApiVersionCheck", "--disableTelemetry"),
        *("--blobHost", "127.0.0.1", "--blobPort", str(port)),
        *("--location", str(tmp_path_factory.mktemp("azurite"))),
    ]
    process = subprocess.Popen(command, env=os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"})
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_listening(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        where = f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        reach = {"connection_string": f"AccountName={ACCOUNT};AccountKey={key};{where}"}
        adlfs.AzureBlobFileSystem(**reach).mkdir(CONTAINER)
        yield reach
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def upload(folder: Path, options: dict[str, str], where: str) -> None:
    files = adlfs.AzureBlobFileSystem(**options)
    for path in folder.rglob("*"):
        if path.is_file():
            files.pipe_file(f"{CONTAINER}/{where}/{path.relative_to(folder)}", path.read_bytes())


def messages(outcome: Outcome) -> list[Any]:
    assert outcome.exit_code == 0, outcome.log
    varying = ("time_extracted", "version", "value")
    return [{key: value for key, value in message.items() if key not in varying} for message in outcome.messages]


@pytest.mark.parametrize("scheme", ["az", "abfs", "abfss"])
def test_blob_storage_gives_what_the_folder_gives(
    export: ExportFolder, run_tap: Callable[..., Outcome], options: dict[str, str], scheme: str
) -> None:
    export.add("Readers", [ANNA] * 2000, [ANNA]).add("Risk", [])
    upload(export.root, options, scheme)
    remote = run_tap(f"{scheme}://{CONTAINER}/{scheme}", storage_options=options)
    assert messages(remote) == messages(run_tap(export))
    assert "AccountKey" not in remote.log


def test_delta_in_blob_storage(tmp_path: Path, run_tap: Callable[..., Outcome], options: dict[str, str]) -> None:
    write_deltalake(tmp_path / "delta" / "Readers", pa.table({"CustomerId": ["0a", "0b"], "Points": [1, None]}))
    upload(tmp_path / "delta", options, "delta")
    remote = run_tap(f"abfss://{CONTAINER}/delta", source="delta", storage_options=options)
    assert messages(remote) == messages(run_tap(tmp_path / "delta", source="delta"))


def test_parquet_in_blob_storage(tmp_path: Path, run_tap: Callable[..., Outcome], options: dict[str, str]) -> None:
    (tmp_path / "lake" / "Readers").mkdir(parents=True)
    rows = pa.table({"CustomerId": ["0a", "0b"], "Points": [1, None]})
    pq.write_table(rows, tmp_path / "lake" / "Readers" / "a.parquet")
    upload(tmp_path / "lake", options, "lake")
    remote = run_tap(f"az://{CONTAINER}/lake", source="parquet", storage_options=options)
    assert messages(remote) == messages(run_tap(tmp_path / "lake", source="parquet"))


def test_missing_partition_is_the_same_clear_error(
    export: ExportFolder, run_tap: Callable[..., Outcome], options: dict[str, str]
) -> None:
    export.add("Readers", [ANNA], [ANNA])
    export.partition("Readers", 2).unlink()
    upload(export.root, options, "broken")
    outcome = run_tap(f"az://{CONTAINER}/broken", storage_options=options)
    assert outcome.exit_code == 1
    assert "CIX-207" in outcome.errors()[0]
    assert outcome.of_type("ACTIVATE_VERSION") == []


def test_wrong_key_names_the_role_that_is_needed(run_tap: Callable[..., Outcome], options: dict[str, str]) -> None:
    wrong = base64.b64encode(secrets.token_bytes(64)).decode()
    before, _, after = options["connection_string"].partition("AccountKey=")
    reach = {"connection_string": f"{before}AccountKey={wrong};{after.partition(';')[2]}"}
    outcome = run_tap(f"az://{CONTAINER}/broken", storage_options=reach)
    assert outcome.exit_code == 1
    [line] = outcome.errors()
    assert "CIX-201" in line
    assert "Storage Blob Data Reader" in line
    assert wrong not in outcome.log
    assert "Traceback" not in outcome.log


def test_container_that_is_not_there_is_one_clear_line(
    run_tap: Callable[..., Outcome], options: dict[str, str]
) -> None:
    outcome = run_tap("az://nowhere/x", storage_options=options)
    assert outcome.exit_code == 1
    [line] = outcome.errors()
    assert "CIX-201" in line
    assert "az://nowhere/x" in line


def test_account_that_is_not_named_is_told() -> None:
    with pytest.raises(CixError) as refused:
        open_folder(f"az://{CONTAINER}/x", {"anon": True})
    assert refused.value.code is SOURCE_UNREADABLE
