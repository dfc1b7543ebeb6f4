"""The made-up export folder: the same for the same seed, with every quirk that real profiles have."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cix_sandbox.people import person
from cix_sandbox.sample import CURRENT_RUN, EXPORT, INSTANCE, SEGMENTS, STALE_RUNS, write_sample

DEMO = Path(__file__).parents[2] / "demo" / "export"
PROFILES = 3_000
GOOD_EMAIL = re.compile(r"[a-z0-9.]+@(mail\.)?example\.(com|org|net)", re.IGNORECASE)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample large enough to have every quirk."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, PROFILES, seed=1)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows(folder: Path, segment: str, run: str = CURRENT_RUN) -> list[dict[str, str]]:
    """Read a segment's partitions of one run with nothing but the `csv` module."""
    found: list[dict[str, str]] = []
    for path in sorted((folder / INSTANCE / EXPORT / segment / run).glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found.extend(csv.DictReader(file))
    return found


def model(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / INSTANCE / EXPORT / "model.json").read_text(encoding="utf-8"))
    return content


def test_same_seed_gives_the_same_bytes_and_another_seed_others(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path, PROFILES, seed=1)
    assert contents(tmp_path) == contents(sample)
    write_sample(tmp_path, PROFILES, seed=2)
    assert contents(tmp_path) != contents(sample)
    assert contents(tmp_path).keys() == contents(sample).keys()


def test_sample_of_the_demo_is_what_the_generator_writes(tmp_path: Path) -> None:
    write_sample(tmp_path, 300, seed=7)
    assert contents(tmp_path) == contents(DEMO)


def test_newsletter_has_every_profile_and_the_others_a_part_of_them(sample: Path) -> None:
    everyone = {row["CustomerId"] for row in rows(sample, "NewsletterReaders")}
    assert len(everyone) == PROFILES
    for segment in ("HighValueCustomers", "ChurnRisk"):
        members = {row["CustomerId"] for row in rows(sample, segment)}
        assert PROFILES * 0.1 < len(members) < PROFILES * 0.4
        assert members < everyone
    assert {row["CustomerId"] for row in rows(sample, "HighValueCustomers")} & {
        row["CustomerId"] for row in rows(sample, "ChurnRisk")
    }


def test_model_names_the_current_partitions_by_absolute_urls(sample: Path) -> None:
    services = set()
    for segment, entity in zip(SEGMENTS, model(sample)["entities"], strict=True):
        assert entity["annotations"] == [{"name": "c360:PrimaryKey", "value": "CustomerId"}]
        assert [attribute["name"] for attribute in entity["attributes"]] == list(segment.columns)
        assert len(entity["partitions"]) == segment.partitions > 1
        for partition in entity["partitions"]:
            host, _, path = partition["location"].removeprefix("https://").partition("/customer-insights/")
            services.add(host)
            assert CURRENT_RUN in path
            assert (sample / path).is_file()
    assert services == {"exampleexports.blob.core.windows.net", "exampleexports.dfs.core.windows.net"}


def test_file_formats_vary(sample: Path) -> None:
    formats = [entity["partitions"][0].get("fileFormatSettings") for entity in model(sample)["entities"]]
    assert [value and value["columnHeaders"] for value in formats] == [True, "true", None]


def test_stale_runs_hold_other_people(sample: Path) -> None:
    current = {row["CustomerId"] for row in rows(sample, "NewsletterReaders")}
    for run in STALE_RUNS:
        stale = {row["CustomerId"] for row in rows(sample, "NewsletterReaders", run)}
        assert stale
        assert not stale & current


def test_every_quirk_is_there(sample: Path) -> None:
    people = rows(sample, "NewsletterReaders")
    emails = [row["EMail"] for row in people]
    assert 0.005 < emails.count("") / PROFILES < 0.06
    good = [email for email in emails if GOOD_EMAIL.fullmatch(email.strip())]
    malformed = [email for email in emails if email and not GOOD_EMAIL.fullmatch(email.strip())]
    assert 0.005 < len(malformed) / PROFILES < 0.06
    assert any(email != email.strip() for email in good)
    assert max(Counter(good).values()) == 2
    assert len({email.lower() for email in good}) < len(set(good)) < len(good)
    assert all(re.fullmatch(r"[0-9a-f]{32}", row["CustomerId"]) for row in people)
    assert 0 < sum(bool(row["PreviousCustomerId"]) for row in people) < PROFILES * 0.05
    assert not {row["PreviousCustomerId"] for row in people} & {row["CustomerId"] for row in people}
    assert any("\n" in row["FullName"] for row in people)
    assert any('"' in row["FirstName"] for row in people)
    assert any("," in row["City"] for row in people)
    assert any(not row["FirstName"].isascii() for row in people)
    for column in ("LoyaltyPoints", "LastPurchase", "City"):
        assert 0 < sum(not row[column] for row in people) < PROFILES * 0.2


def test_everyone_lives_at_an_example_domain(sample: Path) -> None:
    for email in (row["EMail"] for row in rows(sample, "NewsletterReaders")):
        domain = email.strip().rpartition("@")[2]
        assert domain.lower() in {"", "example.com", "example.org", "example.net", "mail.example.com"} or (
            "@" not in email
        )


def test_platform_seed_has_the_agreed_shape_and_people_of_the_sample(sample: Path) -> None:
    seed = json.loads((sample / "platform-seed.json").read_text(encoding="utf-8"))
    emails = Counter(row["EMail"].strip().lower() for row in rows(sample, "NewsletterReaders"))
    assert set(seed) == {"campaign_monitor", "constant_contact"}
    subscribers = seed["campaign_monitor"]["subscribers"]
    assert {key for entry in subscribers for key in entry} == {"email", "name", "state"}
    assert {entry["state"] for entry in subscribers} == {"Unsubscribed", "Bounced", "Deleted", "Active"}
    suppressed = seed["campaign_monitor"]["suppressed"]
    assert {key for entry in suppressed for key in entry} == {"email", "reason"}
    contacts = seed["constant_contact"]["contacts"]
    assert {key for entry in contacts for key in entry} == {"email", "first_name", "last_name", "permission"}
    assert {entry["permission"] for entry in contacts} == {"unsubscribed", "implicit"}
    for entries in (subscribers + suppressed, contacts):
        addresses = [entry["email"] for entry in entries]
        assert len(set(addresses)) == len(addresses)
        visitors = [address for address in addresses if address.startswith("visitor.")]
        assert len(visitors) == 3
        assert all(emails[address] == 1 for address in addresses if address not in visitors)


@pytest.mark.parametrize("profiles", [0, 1, 2, 49])
def test_tiny_samples_are_whole(tmp_path: Path, profiles: int) -> None:
    write_sample(tmp_path, profiles, seed=3)
    assert len(rows(tmp_path, "NewsletterReaders")) == profiles
    assert len(model(tmp_path)["entities"]) == 3


def test_person_depends_on_seed_and_number_only() -> None:
    assert person(1, 5) == person(1, 5)
    assert len({person(seed, number).values[0] for seed in (1, 2) for number in range(100)}) == 200
