"""What the environment holds: export folders, seeds, and what becomes of them in a reset or a restart."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cix_sandbox.cli import main
from cix_sandbox.sample import write_sample
from cix_sandbox.testing import RunningSandbox
from click.testing import CliRunner
from dv_environment import MEMBERSHIPS, PROFILES, SEGMENTS, TIMEOUT, Environment

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = 120
ANNA = "a" * 32


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    write_sample(folder, PEOPLE, seed=4)
    return folder


def exported(folder: Path, segment: str) -> dict[str, dict[str, str]]:
    """The rows of a segment in a sample, by customer."""
    rows = {}
    for path in folder.glob(f"*/*/{segment}/2026/11/20/*/*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            rows.update({row["CustomerId"]: row for row in csv.DictReader(file)})
    return rows


def in_segment(dv: Environment, name: str) -> list[str]:
    return dv.customers(path=MEMBERSHIPS, filter=f"contains(msdynci_segments,'\"{name}\"')")


class TestExportFolder:
    @pytest.mark.parametrize("providers", [["audience insights"], ["audience insights", "another app"]])
    def test_gives_its_segments_their_members(self, dv: Environment, export: Path, providers: list[str]) -> None:
        dv.seed(folder=str(export), providers=providers)
        for name in ("NewsletterReaders", "HighValueCustomers", "ChurnRisk"):
            members = sorted(exported(export, name))
            assert sorted(set(in_segment(dv, name))) == members
            found = dv.sandbox.control("GET", f"/dataverse/lists/{name}/members")["members"]
            assert sorted({member["customer_id"] for member in found}) == members
        assert {row["msdynci_segmentprovider"] for row in dv.all(MEMBERSHIPS)} == set(providers)

    def test_gives_one_profile_to_a_customer_with_what_all_segments_know(self, dv: Environment, export: Path) -> None:
        dv.seed(folder=str(export))
        everyone, some = exported(export, "NewsletterReaders"), exported(export, "ChurnRisk")
        rows = json.loads(dv.get(PROFILES).text, parse_float=str, parse_int=str)["value"]
        assert len(rows) == PEOPLE
        for row in rows:
            expected = {**everyone[row["msdynci_customerid"]], **some.get(row["msdynci_customerid"], {"BirthDate": ""})}
            for name, text in expected.items():
                shown = row[f"msdynci_{name.lower()}"]
                assert (str(shown).lower() if isinstance(shown, bool) else shown) == (text or None), name

    def test_gives_its_segments_their_last_refresh(self, dv: Environment, export: Path) -> None:
        dv.seed(folder=str(export))
        assert {row["mscipriv_lastrefreshedon"] for row in dv.value(SEGMENTS)} == {"2026-11-20T04:00:00Z"}
        assert len(dv.value(SEGMENTS)) == 3

    def test_replaces_all_that_was_there(self, dv: Environment, export: Path) -> None:
        dv.fill(3)
        dv.seed(segments=[{"name": "Everyone"}])
        dv.seed(folder=str(export))
        assert len(dv.all(PROFILES)) == PEOPLE
        assert in_segment(dv, "Everyone") == []
        assert len(dv.value(SEGMENTS)) == 3

    def test_that_is_none_is_explained_and_changes_nothing(self, dv: Environment, tmp_path: Path) -> None:
        ids = dv.fill(2)
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "model.json").write_text("{")
        (tmp_path / "gone").mkdir()
        partition = {"name": "1", "location": "https://x.example.com/c/gone.csv"}
        entity: dict[str, Any] = {"name": "A", "attributes": [{"name": "CustomerId"}], "partitions": [partition]}
        (tmp_path / "gone" / "model.json").write_text(json.dumps({"entities": [entity]}))
        (tmp_path / "rows").mkdir()
        (tmp_path / "rows" / "gone.csv").write_text("CustomerId\r\na,b\r\n")
        (tmp_path / "rows" / "model.json").write_text(json.dumps({"entities": [entity]}))
        (tmp_path / "key").mkdir()
        (tmp_path / "key" / "gone.csv").write_text("Id\r\na\r\n")
        entity = {**entity, "attributes": [{"name": "Id"}]}
        (tmp_path / "key" / "model.json").write_text(json.dumps({"entities": [entity]}))
        for name, told in (
            ("nothing", "model.json"),
            ("broken", "model.json"),
            ("gone", "gone.csv"),
            ("rows", "row 2"),
            ("key", "CustomerId"),
        ):
            body = {"dataverse": {"folder": str(tmp_path / name)}}
            answer = requests.post(f"{dv.sandbox.url}/sandbox/seed", json=body, timeout=TIMEOUT)
            assert answer.status_code == 400, answer.text
            assert told in answer.json()["error"]
        assert dv.customers() == ids


class TestSeeds:
    def test_change_what_they_name_of_a_profile(self, dv: Environment) -> None:
        dv.seed(columns=[{"name": "EMail"}, {"name": "City"}])
        dv.seed(profiles=[{"CustomerId": ANNA, "EMail": "anna@example.com", "City": "Oslo"}])
        before = dv.value(PROFILES)[0]
        dv.sandbox.advance(60)
        dv.seed(profiles=[{"CustomerId": ANNA, "City": None}])
        (after,) = dv.value(PROFILES)
        assert (after["msdynci_email"], after["msdynci_city"]) == ("anna@example.com", None)
        assert after["createdon"] == before["createdon"] < after["modifiedon"]
        assert after["versionnumber"] > before["versionnumber"]
        dv.seed(removed_profiles=[ANNA])
        assert dv.value(PROFILES) == []

    def test_add_columns_to_those_of_a_folder(self, dv: Environment, export: Path) -> None:
        dv.seed(folder=str(export))
        dv.seed(columns=[{"name": "ShoeSize", "data_type": "int64"}])
        (row, *_) = dv.value(PROFILES)
        assert row["msdynci_shoesize"] is None
        assert type(row["msdynci_isvip"]) is bool

    def test_change_segments(self, dv: Environment) -> None:
        dv.seed(segments=[{"name": "Gold"}, {"name": "Silver"}])
        dv.seed(segments=[{"name": "Gold", "state": "Inactive"}], removed_segments=["Silver"])
        assert [(row["mscipriv_name"], row["mscipriv_state"]) for row in dv.value(SEGMENTS)] == [("Gold", "Inactive")]
        assert dv.sandbox.control("GET", "/dataverse/lists/Gold/members")["members"] == []

    @pytest.mark.parametrize(
        ("seed", "told"),
        [
            ({"profils": []}, "profils"),
            ({"profiles": [{"EMail": "x"}]}, "CustomerId"),
            ({"profiles": [{"CustomerId": ANNA, "EMail": "x"}]}, "EMail"),
            ({"memberships": [{"customer_id": ANNA}]}, "segments"),
            ({"providers": []}, "providers"),
        ],
    )
    def test_that_do_not_fit_are_explained(self, dv: Environment, seed: dict[str, Any], told: str) -> None:
        answer = requests.post(f"{dv.sandbox.url}/sandbox/seed", json={"dataverse": seed}, timeout=TIMEOUT)
        assert answer.status_code == 400
        assert told in answer.json()["error"]

    def test_of_members_of_an_unknown_segment_are_explained(self, dv: Environment) -> None:
        dv.seed(segments=[{"name": "Gold"}])
        answer = requests.get(f"{dv.sandbox.url}/sandbox/dataverse/lists/Gould/members", timeout=TIMEOUT)
        assert (answer.status_code, answer.json()["nearest"]) == (404, ["Gold"])
        answer = requests.get(f"{dv.sandbox.url}/sandbox/entra/lists/Gold/members", timeout=TIMEOUT)
        assert answer.status_code == 404


def test_credentials_name_the_addresses(dv: Environment) -> None:
    found = dv.sandbox.control("GET", "/credentials")
    assert found["dataverse"] == {
        "organization_url": dv.sandbox.organization,
        "api_url": dv.api,
        "scope": f"{dv.sandbox.organization}/.default",
    }
    assert found["entra"]["authority"] == dv.sandbox.authority
    form = {
        "grant_type": "client_credentials",
        "client_id": found["entra"]["client_id"],
        "client_secret": found["entra"]["client_secret"],
        "scope": found["dataverse"]["scope"],
    }
    assert requests.post(found["entra"]["token_url"], data=form, timeout=TIMEOUT).status_code == 200


class TestServe:
    def test_with_an_export_folder_holds_it_after_every_reset(self, tmp_path: Path, export: Path) -> None:
        running = RunningSandbox(tmp_path / "data", "--export", str(export))
        try:
            dv = Environment(running)
            assert len(dv.all(PROFILES)) == PEOPLE
            dv.seed(removed_profiles=dv.customers())
            assert dv.all(PROFILES) == []
            running.reset()
            dv.token = dv.new_token()
            assert len(dv.all(PROFILES)) == PEOPLE
        finally:
            running.stop()

    def test_again_keeps_rows_tokens_and_links(self, own_sandbox: RunningSandbox) -> None:
        dv = Environment(own_sandbox)
        dv.fill(9)
        link = dv.read(PROFILES, "odata.maxpagesize=4")["@odata.nextLink"]
        rest = dv.read(link)["value"]
        own_sandbox.kill()
        own_sandbox.start_again()
        assert dv.read(link)["value"] == rest

    def test_complains_about_a_folder_that_is_no_export(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        arguments = ["serve", "--port", "0", "--data-dir", str(tmp_path / "data"), "--export", str(tmp_path / "empty")]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        assert "model.json" in result.stderr
        arguments[-1] = str(tmp_path / "nothing")
        assert CliRunner().invoke(main, arguments).exit_code == 2
