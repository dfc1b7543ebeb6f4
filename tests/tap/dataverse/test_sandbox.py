"""The live source on the sandbox: the SDK's own tests, and the faults and switches of the stand-in."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk.errors import CixError
from tap_cix_segments.dataverse import reading
from tap_cix_segments.tap import TapCixSegments

if TYPE_CHECKING:
    from collections.abc import Callable

    from cix_sandbox.testing import RunningSandbox

DEMO = Path(__file__).parents[3] / "demo" / "export"
MEMBERS = {"ChurnRisk": 79, "HighValueCustomers": 59, "NewsletterReaders": 300}


def live(sandbox: RunningSandbox, **settings: Any) -> dict[str, Any]:
    """Return the settings for the sandbox's environment."""
    entra = sandbox.control("GET", "/credentials")["entra"]
    login = {name: entra[name] for name in ("tenant_id", "client_id", "client_secret", "authority")}
    return {"source": "dataverse", "organization_url": sandbox.organization, **login, **settings}


@pytest.fixture
def environment(sandbox: RunningSandbox) -> RunningSandbox:
    """The sandbox with the sample of the demo as its environment."""
    sandbox.seed("dataverse", folder=str(DEMO))
    return sandbox


@pytest.fixture
def counts(environment: RunningSandbox, sync: Callable[..., Any]) -> Callable[..., dict[str, int]]:
    """Sync the environment; return how many profiles each segment with an end has."""

    def run(**settings: Any) -> dict[str, int]:
        outcome = sync("not used", **live(environment, **settings))
        ended = [message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")]
        return {name: len({record["CustomerId"] for record in outcome.records(name)}) for name in ended}

    return run


SUITE = """
import json
import os

from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_cix_segments.tap import TapCixSegments

config = json.loads(os.environ["SUITE_CONFIG"])
suite = SuiteConfig(max_records_limit=50)
TestTap = get_tap_test_class(TapCixSegments, config=config, suite_config=suite)
config["stream_maps"] = {"ChurnRisk": {"EMail": "EMail"}}
TestTapWithStreamMaps = get_tap_test_class(TapCixSegments, config=config, suite_config=suite)
"""


def test_the_sdk_s_own_tests_of_a_tap_pass(environment: RunningSandbox, tmp_path: Path) -> None:
    # The SDK looks for streams when tests are collected, and this sandbox is not up by then: so in a pytest of its own.
    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "SUITE_CONFIG": json.dumps(live(environment))},
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 60
    assert "skipped" not in done.stdout


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"segments_shape": "array"},
        {"segments_shape": "mixed"},
        {"membership_type": "CUSTOMER"},
        {"provider_spelling": "capital"},
        {"filter_quotes": "escaped"},
        {"elastic_tables": True},
        {"metadata_table": "forbidden"},
        {"metadata_table": "absent"},
        {"metadata_columns": "long"},
        {"change_tracking": False},
        {"page_rows": 7},
        {"left_all_segments": "list_emptied"},
    ],
)
@pytest.mark.parametrize("limit", [0, 2_000])
def test_whatever_the_documentation_leaves_open_every_member_is_read(
    environment: RunningSandbox,
    counts: Callable[..., dict[str, int]],
    switches: dict[str, Any],
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "LOOKUP_LIMIT", limit)
    for name, value in switches.items():
        environment.switch(f"dataverse.{name}", value)
    environment.seed("dataverse", folder=str(DEMO))
    assert counts() == MEMBERS
    named = counts(segments=["ChurnRisk"])
    assert named == {"ChurnRisk": 79}


def test_text_columns_are_text_where_the_environment_has_no_types(
    environment: RunningSandbox, sync: Callable[..., Any]
) -> None:
    environment.switch("dataverse.column_types", "text")
    environment.seed("dataverse", folder=str(DEMO))
    outcome = sync("not used", **live(environment))
    assert len(outcome.records("NewsletterReaders")) == 300
    assert isinstance(outcome.records("NewsletterReaders")[0]["LoyaltyPoints"], str)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "request_limit", "seconds": 1, "count": 2},
        {"kind": "execution_time_limit", "seconds": 1, "count": 1},
        {"kind": "concurrency_limit", "seconds": 1, "count": 1},
        {"kind": "status", "status": 503, "count": 2},
        {"kind": "drop_after", "skip": 9, "count": 1},
        {"kind": "short_page", "rate": 0.5},
        {"kind": "empty_page", "rate": 0.5, "count": 20},
        {"kind": "expired_next_link", "count": 1},
        {"kind": "expired_token", "skip": 8, "count": 1},
    ],
)
def test_no_member_is_lost_or_doubled_by_a_fault_that_passes(
    environment: RunningSandbox,
    sync: Callable[..., Any],
    fault: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("audience_sdk.http._backoff", lambda _: 0.05)
    monkeypatch.setattr(reading, "LOOKUP_LIMIT", 0)
    environment.switch("dataverse.page_rows", 90)
    environment.fault(platform="dataverse", **fault)
    outcome = sync("not used", **live(environment))
    for name, members in MEMBERS.items():
        ids = [record["CustomerId"] for record in outcome.records(name)]
        assert len(ids) == len(set(ids)) == members
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 3
    [injected] = environment.control("GET", "/faults")["faults"]
    assert injected["struck"] > 0


@pytest.mark.parametrize("table", ["msdynci_customerprofiles", "msdynci_segmentmemberships"])
def test_a_right_that_is_revoked_in_the_middle_ends_the_run(
    environment: RunningSandbox, sync: Callable[..., Any], table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOKUP_LIMIT", 0)
    environment.switch("dataverse.page_rows", 90)
    environment.fault("revoked_right", platform="dataverse", path=f"{table}$", skip=1)
    with pytest.raises(CixError, match=rf"CIX-232.*{table[:-1]}.*Customer Insights Data Read Access"):
        sync("not used", **live(environment))


@pytest.mark.parametrize("right", ["right_to_profiles", "right_to_memberships"])
def test_a_connection_test_names_the_missing_role(environment: RunningSandbox, right: str) -> None:
    environment.switch(f"dataverse.{right}", value=False)
    with pytest.raises(CixError, match=r"CIX-232.*prvRead\w+.*Customer Insights Data Read Access"):
        TapCixSegments(config=live(environment)).run_connection_test()


def test_an_application_that_is_no_user_of_the_environment_is_told_so(environment: RunningSandbox) -> None:
    other = {
        "client_id": "a99db0c5-0000-4000-8000-000000000002",
        "client_secret": "sandbox-entra-other-client-secret",
    }
    with pytest.raises(CixError, match=r"CIX-232.*no user of the environment.*Application users"):
        TapCixSegments(config=live(environment, **other)).run_connection_test()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"client_secret": "wrong"}, r"CIX-231.*`client_secret` is wrong"),
        ({"client_id": "00000000-0000-4000-8000-000000000000"}, r"CIX-231.*`client_id` is no application"),
        ({"tenant_id": "00000000-0000-4000-8000-000000000000"}, r"CIX-231.*`tenant_id` is no tenant.*AADSTS90002"),
        ({"tenant_id": "no tenant!"}, r"CIX-231.*`tenant_id` has not the form"),
    ],
)
def test_wrong_credentials_are_told_apart(environment: RunningSandbox, settings: dict[str, str], says: str) -> None:
    with pytest.raises(CixError, match=says):
        TapCixSegments(config=live(environment, **settings)).run_connection_test()


def entra_not_there() -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return {"authority": f"http://127.0.0.1:{closed.getsockname()[1]}/entra"}


@pytest.mark.parametrize(
    ("trouble", "happened", "to_do"),
    [
        ("unknown tenant", r"`tenant_id` is no tenant of this authority \(AADSTS90002\)\.", "Correct the setting"),
        ("not there", r"Entra at 127\.0\.0\.1:\d+ could not be reached \(\w+\)\.", "Check the network"),
        ("not Entra", r"what answered at 127\.0\.0\.1:\d+ is not Entra", "Check `authority`, `tenant_id`"),
        ("503", r"Entra at 127\.0\.0\.1:\d+ answered HTTP 503\.", "Run again later."),
        ("429", r"too many requests.*\(AADSTS90055\)\.", "Run again later."),
    ],
)
def test_what_keeps_entra_from_giving_a_token_is_told_once_and_told_apart(
    environment: RunningSandbox, run_tap: Callable[..., Any], trouble: str, happened: str, to_do: str
) -> None:
    wrong = {
        "unknown tenant": {"tenant_id": "00000000-0000-4000-8000-000000000000"},
        "not there": entra_not_there(),
        "not Entra": {"authority": f"{environment.url}/elsewhere"},
    }.get(trouble, {})
    if trouble.isdecimal():
        environment.fault("status", platform="entra", status=int(trouble))
    outcome = run_tap("not used", "--test", **live(environment, **wrong))
    assert outcome.exit_code == 1
    [line] = outcome.errors()
    assert re.search(f"CIX-231: No access token by `auth_method: client_secret`: .*{happened}", line)
    assert f"What to do: {to_do}" in line
    loggers = {entry.split("|")[2].strip() for entry in outcome.log.splitlines() if entry.count("|") >= 3}
    assert loggers == {"tap-cix-segments"}
    assert "Traceback" not in outcome.log


def test_managed_identity_reads_the_sandbox(
    environment: RunningSandbox, sync: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{environment.authority}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "sandbox-identity-header")
    settings = {"source": "dataverse", "organization_url": environment.organization, "auth_method": "managed_identity"}
    assert len(sync("not used", segments=["ChurnRisk"], **settings).records("ChurnRisk")) == 79


def test_one_request_at_a_time(environment: RunningSandbox, counts: Callable[..., dict[str, int]]) -> None:
    environment.switch("dataverse.concurrent_requests", 1)
    assert counts() == MEMBERS
    assert {request["status"] for request in environment.requests("dataverse")} == {200}


@pytest.mark.parametrize("limit", [0, 2_000])
def test_two_providers_of_one_customer_make_one_member(
    environment: RunningSandbox,
    sync: Callable[..., Any],
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "LOOKUP_LIMIT", limit)
    environment.seed("dataverse", folder=str(DEMO), providers=["audience insights", "another app"])
    outcome = sync("not used", **live(environment))
    for name, members in MEMBERS.items():
        ids = [record["CustomerId"] for record in outcome.records(name)]
        assert len(ids) == len(set(ids)) == members


def test_a_customer_merged_before_memberships_were_synced_stays_a_member_with_the_same_address(
    environment: RunningSandbox, sync: Callable[..., Any]
) -> None:
    before = sync("not used", **live(environment, segments=["ChurnRisk"])).records("ChurnRisk")
    gone, kept = before[0], before[1:]
    merged = {**gone, "CustomerId": "f" * 32, "PreviousCustomerId": f"{'e' * 32};{gone['CustomerId']}"}
    environment.seed("dataverse", profiles=[merged], removed_profiles=[gone["CustomerId"]])
    outcome = sync("not used", **live(environment, segments=["ChurnRisk"]))
    after = {record["CustomerId"]: record for record in outcome.records("ChurnRisk")}
    assert after == {**{record["CustomerId"]: record for record in kept}, "f" * 32: merged}
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 1


def test_a_profile_that_is_gone_leaves_its_segments_without_an_end(
    environment: RunningSandbox, sync: Callable[..., Any]
) -> None:
    [gone, *_] = sync("not used", **live(environment, segments=["ChurnRisk"])).records("ChurnRisk")
    environment.seed("dataverse", removed_profiles=[gone["CustomerId"]])
    outcome = sync("not used", **live(environment, segments=["ChurnRisk"]))
    assert len(outcome.records("ChurnRisk")) == 78
    assert outcome.of_type("ACTIVATE_VERSION") == []


@pytest.mark.parametrize("left", ["row_deleted", "list_emptied"])
def test_who_left_the_last_segment_is_no_member(
    environment: RunningSandbox, counts: Callable[..., dict[str, int]], sync: Callable[..., Any], left: str
) -> None:
    environment.switch("dataverse.left_all_segments", left)
    [leaver, *_] = sync("not used", **live(environment, segments=["ChurnRisk"])).records("ChurnRisk")
    environment.seed("dataverse", memberships=[{"customer_id": leaver["CustomerId"], "segments": []}])
    read = counts()
    assert (read["ChurnRisk"], read["NewsletterReaders"]) == (78, 299)


def test_state_and_refresh_of_a_segment_are_known(environment: RunningSandbox) -> None:
    environment.seed(
        "dataverse",
        segments=[
            {
                "name": "ChurnRisk",
                "display_name": "At risk",
                "state": "Inactive",
                "last_refresh": "2026-10-01T04:00:00Z",
            }
        ],
    )
    streams = TapCixSegments(config=live(environment)).streams
    segment = streams["ChurnRisk"]._segment  # type: ignore[attr-defined]  # a stream of this tap
    assert (segment.schema["title"], segment.active) == ("At risk", False)
    assert segment.refreshed_at is not None
    assert segment.refreshed_at.isoformat() == "2026-10-01T04:00:00+00:00"


@pytest.mark.parametrize(
    ("form", "left"), [("text", {"ChurnRisk": 0}), ("option_number", {})], ids=["text", "option_number"]
)
def test_a_segment_that_has_become_empty_is_read_to_its_end_if_its_state_is_understood(
    environment: RunningSandbox,
    counts: Callable[..., dict[str, int]],
    sync: Callable[..., Any],
    form: str,
    left: dict[str, int],
) -> None:
    environment.switch("dataverse.segment_state", form)
    members = sync("not used", **live(environment, segments=["ChurnRisk"])).records("ChurnRisk")
    emptied = [{"customer_id": m["CustomerId"], "segments": ["NewsletterReaders"]} for m in members]
    environment.seed("dataverse", memberships=emptied)
    assert counts(segments=["ChurnRisk"]) == left


@pytest.mark.parametrize("spelling", ["as_published", "capital"])
@pytest.mark.parametrize("setting", ["audience insights", "Audience Insights"])
def test_a_provider_is_known_in_any_spelling(
    environment: RunningSandbox, counts: Callable[..., dict[str, int]], spelling: str, setting: str
) -> None:
    environment.switch("dataverse.provider_spelling", spelling)
    assert counts(segment_provider=setting) == MEMBERS


def test_a_provider_that_no_row_has_ends_the_run(
    environment: RunningSandbox, counts: Callable[..., dict[str, int]]
) -> None:
    with pytest.raises(CixError, match=r"CIX-101.*`audience`.*`audience insights`"):
        counts(segment_provider="audience")


@pytest.mark.parametrize("segments", [{}, {"segments": ["ChurnRisk"]}])
@pytest.mark.parametrize("spelling", ["647430000", "Profile"])
def test_types_of_membership_that_are_not_known_never_make_an_empty_segment(
    environment: RunningSandbox, counts: Callable[..., dict[str, int]], spelling: str, segments: dict[str, Any]
) -> None:
    environment.switch("dataverse.membership_type", spelling)
    assert counts(**segments) == {}


def test_a_merge_is_no_leaving_and_joining_for_a_list_that_mirrors_the_segment(
    environment: RunningSandbox, sync: Callable[..., Any], run_export: Callable[[], dict[str, int]]
) -> None:
    first = run_export()
    [gone, *_] = [
        record
        for record in sync("not used", **live(environment, segments=["HighValueCustomers"])).records(
            "HighValueCustomers"
        )
        if record["EMail"]
    ]
    merged = {**gone, "CustomerId": "f" * 32, "PreviousCustomerId": gone["CustomerId"]}
    environment.seed("dataverse", profiles=[merged], removed_profiles=[gone["CustomerId"]])
    second = run_export()
    assert first["created"] > 0
    assert (second["created"], second["updated"], second["removed"]) == (0, 0, 0)
    assert second["unchanged"] == first["created"]


@pytest.fixture
def run_export(environment: RunningSandbox, tmp_path: Path) -> Callable[[], dict[str, int]]:
    """Mirror a segment onto a list at the sandbox, tap and target joined by a pipe; return the counts of the run."""
    tap = tmp_path / "tap.json"
    tap.write_text(json.dumps(live(environment, segments=["HighValueCustomers"])), encoding="utf-8")
    target = tmp_path / "target.json"
    settings = {
        "api_url": environment.campaign_monitor,
        "api_key": "sandbox-campaign-monitor-api-key",
        "list_id": "1157c0de1157c0de1157c0de1157c0de",
        "data_privacy_consent": True,
        "consent_to_track": "unchanged",
        "sync_mode": "mirror",
        "field_mapping": {"email": "EMail", "name": ["FirstName", "LastName"]},
        "ledger_url": f"sqlite:///{tmp_path / 'ledger.db'}",
        "output_dir": str(tmp_path / "output"),
    }
    target.write_text(json.dumps(settings), encoding="utf-8")

    def run() -> dict[str, int]:
        folder = Path(sys.executable).parent
        messages = subprocess.run([folder / "tap-cix-segments", "--config", tap], stdout=subprocess.PIPE, check=True)
        subprocess.run(
            [folder / "target-campaign-monitor", "--config", target], input=messages.stdout, check=True, timeout=60
        )
        newest = max((tmp_path / "output").rglob("summary.json"), key=lambda path: path.stat().st_mtime_ns)
        counts: dict[str, int] = json.loads(newest.read_text(encoding="utf-8"))["counts"]
        return counts

    return run
