"""The same sample gives the same records, whichever source it is read through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cix_sandbox.sample import write_sample
from tap_cix_segments.tap import TapCixSegments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox
    from conftest import Outcome

    Sync = Callable[..., Outcome]
    Place = Callable[[Path], dict[str, Any]]

SEGMENTS = ("ChurnRisk", "HighValueCustomers", "NewsletterReaders")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export folder with all its quirks, larger than what is looked up by id."""
    folder = tmp_path_factory.mktemp("same records") / "a container"
    write_sample(folder, profiles=2_300, seed=7)
    return folder


@pytest.fixture
def dataverse(sandbox: RunningSandbox) -> Place:
    """Put a sample into the sandbox's live environment."""

    def place(folder: Path) -> dict[str, Any]:
        sandbox.seed("dataverse", folder=str(folder))
        told = sandbox.control("GET", "/credentials")
        login = {name: told["entra"][name] for name in ("tenant_id", "client_id", "client_secret", "authority")}
        return {"source": "dataverse", "organization_url": told["dataverse"]["organization_url"], **login}

    return place


def columns_of(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas of the columns, by segment."""
    catalog = TapCixSegments(config=settings).catalog_dict
    return {stream["stream"]: stream["schema"]["properties"] for stream in catalog["streams"]}


def only(settings: dict[str, Any], columns: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the catalog of a source that has more columns than are wanted, with these alone selected."""
    catalog: dict[str, Any] = TapCixSegments(config=settings).catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"]:
                entry["metadata"]["selected"] = entry["breadcrumb"][-1] in columns[stream["stream"]]
    return catalog


def records(outcome: Outcome) -> dict[str, list[dict[str, Any]]]:
    """Return the records by segment, in the order of their customers, which is that of no source."""
    return {name: sorted(outcome.records(name), key=lambda record: record["CustomerId"]) for name in SEGMENTS}


@pytest.mark.parametrize("source", ["dataverse"])
def test_another_source_gives_the_records_of_the_folder(
    source: str, sample: Path, sync: Sync, request: pytest.FixtureRequest
) -> None:
    folder = {"source": "folder", "folder": str(sample)}
    other = request.getfixturevalue(source)(sample)
    columns, others = columns_of(folder), columns_of(other)
    assert sorted(columns) == sorted(others) == list(SEGMENTS)
    for name in SEGMENTS:
        assert {column: others[name][column] for column in columns[name]} == columns[name]
    expected = sync(sample)
    got = sync(sample, only(other, columns), **other)
    assert records(got) == records(expected)
    assert len(expected.records("NewsletterReaders")) == 2_300
    for outcome in (expected, got):
        assert sorted(message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")) == list(SEGMENTS)
