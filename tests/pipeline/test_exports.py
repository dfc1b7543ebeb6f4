"""The main job: segments out of an export folder, through `meltano run`, onto a list at both platforms."""

from __future__ import annotations

import csv
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from expectation import MAILED, SEGMENTS, expected, rows_of
from meltano_project import BIN, EXPORTS, LIST_IDS, ROOT, members

if TYPE_CHECKING:
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox

EXPORT = ROOT / "demo" / "export"
SEED = json.loads((EXPORT / "platform-seed.json").read_text("utf-8"))
OUTCOMES = (
    *("invalid", "duplicate", "created", "updated", "unchanged"),
    *("suppressed", "rejected", "deferred", "failed"),
)

both = pytest.mark.parametrize("platform", list(EXPORTS))


@both
def test_both_exports_succeed_though_they_run_at_the_same_time(exported: dict[str, Any], platform: str) -> None:
    first = exported["first"][platform]
    assert first["code"] == 0, first["told"]
    assert first["summary"]["status"] == "succeeded"


@both
def test_the_end_state_is_row_by_row_what_the_export_and_the_platform_before_it_call_for(
    exported: dict[str, Any], platform: str
) -> None:
    wanted = expected(EXPORT, platform, SEED).members
    got = exported["first"][platform]["members"]
    assert got.keys() == wanted.keys()
    assert {email: got[email] for email in wanted if got[email] != wanted[email]} == {}
    assert len([email for email, member in got.items() if member["state"] in MAILED]) > 200


@both
def test_the_counts_are_those_of_the_end_state_and_every_row_has_one_outcome(
    exported: dict[str, Any], platform: str
) -> None:
    wanted = expected(EXPORT, platform, SEED)
    first = exported["first"][platform]
    counts = first["summary"]["counts"]
    assert {name: count for name, count in counts.items() if count} == wanted.counts
    assert counts["received"] == sum(counts[outcome] for outcome in OUTCOMES)
    assert first["summary"]["lists"] == {LIST_IDS[platform]: counts}
    lines = [line["outcome"] for line in first["rejected"]]
    assert {name: lines.count(name) for name in ("invalid", "duplicate", "suppressed")} == {
        name: wanted.counts[name] for name in ("invalid", "duplicate", "suppressed")
    }
    assert {line["email"].lower() for line in first["rejected"] if line["outcome"] == "suppressed"} == wanted.suppressed


@both
def test_a_second_run_reads_nothing_and_is_a_success(exported: dict[str, Any], platform: str) -> None:
    first, second = exported["first"][platform], exported["second"][platform]
    assert second["code"] == 0, second["told"]
    assert second["writes"] == []
    assert second["members"] == first["members"]
    assert not any(second["summary"]["counts"].values())
    assert "Unchanged and left out by the tap: HighValueCustomers, NewsletterReaders." in second["told"]


@both
def test_a_run_that_reads_everything_again_sends_nothing(exported: dict[str, Any], platform: str) -> None:
    first, second = exported["first"][platform], exported["refreshed"][platform]
    assert second["code"] == 0, second["told"]
    assert second["writes"] == []
    assert second["members"] == first["members"]
    counts = second["summary"]["counts"]
    done = first["summary"]["counts"]
    assert counts["unchanged"] == done["created"] + done["updated"]
    assert counts["suppressed"] == done["suppressed"]


@both
def test_a_dated_folder_that_the_model_does_not_name_is_not_exported(exported: dict[str, Any], platform: str) -> None:
    named = {row["EMail"].strip().lower() for segment in SEGMENTS for row in rows_of(EXPORT, segment)}
    present = set()
    for path in EXPORT.rglob("*.csv"):
        if path.parents[4].name in SEGMENTS:
            with path.open(newline="", encoding="utf-8-sig") as file:
                present |= {row["EMail"].strip().lower() for row in csv.DictReader(file)}
    stale = present - named
    assert stale
    assert stale.isdisjoint({email.lower() for email in exported["first"][platform]["members"]})


@both
def test_nothing_that_a_run_shows_holds_an_address_or_a_secret(exported: dict[str, Any], platform: str) -> None:
    first = exported["first"][platform]
    told = first["told"] + json.dumps(first["summary"], ensure_ascii=False)
    names = {row["LastName"] for row in rows_of(EXPORT, "NewsletterReaders")} - {""}
    secrets = {"sandbox-client-secret", "sandbox-refresh-token", "sandbox-campaign-monitor-api-key"}
    assert not [email for email in first["members"] if email in told]
    assert not [text for text in names | secrets if text in told]


@both
def test_tap_and_target_in_a_pipe_without_meltano_come_to_the_same_end(
    exported: dict[str, Any], platform: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.control("POST", "/seed", SEED)
    _, target = EXPORTS[platform]
    account = sandbox.control("GET", "/credentials")[platform]
    own = ["client_id", "client_secret", "refresh_token"] if platform == "constant_contact" else ["api_key"]
    config = {
        **{name: account[name] for name in own},
        "api_url": account["base_url"],
        "list_id": account["list_id"],
        "data_privacy_consent": True,
        "field_mapping": {
            "email": "EMail",
            "first_name": "FirstName",
            "last_name": "LastName",
            "custom_fields": {"City": "City", "Loyalty Points": "LoyaltyPoints", "Last Purchase": "LastPurchase"},
        },
        "ledger_url": f"sqlite:///{tmp_path / 'ledger.db'}",
        "output_dir": str(tmp_path / "output"),
    }
    if platform == "campaign_monitor":
        config["consent_to_track"] = "unchanged"
    (tmp_path / "tap.json").write_text(json.dumps({"folder": str(EXPORT), "segments": list(SEGMENTS)}))
    (tmp_path / "target.json").write_text(json.dumps(config))
    tap = subprocess.Popen([BIN / "tap-cix-segments", "--config", tmp_path / "tap.json"], stdout=subprocess.PIPE)
    ended = subprocess.run([BIN / target, "--config", tmp_path / "target.json"], stdin=tap.stdout, check=False)
    tap.stdout.close()
    assert (tap.wait(), ended.returncode) == (0, 0)
    assert members(sandbox, platform) == exported["first"][platform]["members"]
