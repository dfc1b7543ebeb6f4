"""The same sample gives the same records as Parquet, Delta, gzip, and over SFTP."""

from __future__ import annotations

import gzip
import shutil
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cix_sandbox.sample import write_sample
from deltalake import write_deltalake
from sftp_place import serve_sftp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Outcome

SEGMENTS = ("ChurnRisk", "HighValueCustomers", "NewsletterReaders")
ARROW = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "string": pa.string()}
TIMED = {"date-time": (pa.timestamp("us", "UTC"), datetime), "date": (pa.date32(), date)}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    folder = tmp_path / "a container"
    write_sample(folder, profiles=600, seed=7)
    return folder


@pytest.fixture
def expected(sample: Path, sync: Callable[..., Outcome]) -> Outcome:
    return sync(sample)


def write_tables(expected: Outcome, write: Callable[[Any, Path], object], folder: Path) -> None:
    """Write the segments as tables, with types as their schemas say."""
    for name in SEGMENTS:
        [schema] = expected.of_type("SCHEMA", name)
        arrays = []
        for column, kind in schema["schema"]["properties"].items():
            values = [record[column] for record in expected.records(name)]
            arrow, moment = TIMED.get(kind.get("format"), (ARROW[kind["type"][0]], None))
            if moment:
                values = [value and moment.fromisoformat(value.replace("Z", "+00:00")) for value in values]
            arrays.append(pa.array(values, arrow))
        (folder / name).mkdir(parents=True)
        write(pa.table(arrays, names=list(schema["schema"]["properties"])), folder / name)


@pytest.fixture
def parquet(expected: Outcome, tmp_path: Path) -> dict[str, Any]:
    write_tables(expected, lambda table, path: pq.write_table(table, path / "1.parquet"), tmp_path / "lake")
    return {"source": "parquet", "folder": str(tmp_path / "lake")}


@pytest.fixture
def delta(expected: Outcome, tmp_path: Path) -> dict[str, Any]:
    write_tables(expected, lambda table, path: write_deltalake(path, table), tmp_path / "lake")
    return {"source": "delta", "folder": str(tmp_path / "lake")}


@pytest.fixture
def zipped(sample: Path, tmp_path: Path) -> dict[str, Any]:
    shutil.copytree(sample, tmp_path / "zipped")
    for path in (tmp_path / "zipped").rglob("*.csv"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    return {"folder": str(tmp_path / "zipped")}


@pytest.fixture
def sftp(sample: Path, tmp_path: Path) -> Iterator[dict[str, Any]]:
    with serve_sftp(sample) as place:
        yield {"folder": place.url, "storage_options": place.options(tmp_path / "known_hosts")}


@pytest.mark.parametrize("other", ["parquet", "delta", "zipped", "sftp"])
def test_another_way_gives_the_records_of_the_folder(
    other: str, expected: Outcome, run_tap: Callable[..., Outcome], request: pytest.FixtureRequest
) -> None:
    settings = request.getfixturevalue(other)
    got = run_tap(settings.pop("folder"), **settings)
    assert got.exit_code == 0, got.log
    for name in SEGMENTS:
        assert len(expected.records(name)) > 10
        assert got.records(name) == expected.records(name)
        assert got.of_type("SCHEMA", name) == expected.of_type("SCHEMA", name)
        assert len(got.of_type("ACTIVATE_VERSION", name)) == 1
