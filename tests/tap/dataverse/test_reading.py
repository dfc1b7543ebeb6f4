"""Segments over the Dataverse Web API: who is in them, how often what is asked for, and what faults do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from audience_sdk.errors import CixError
from tap_cix_segments.dataverse import reading
from tap_cix_segments.tap import TapCixSegments

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Stub

MEMBERSHIPS = "msdynci_segmentmemberships"
PROFILES = "msdynci_customerprofiles"


def ids(outcome: Any, stream: str) -> list[str]:
    return sorted(record["CustomerId"] for record in outcome.records(stream))


def refusal(status: int, code: str = "", message: str = "", **headers: str) -> Any:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


def test_members_come_with_their_profiles_and_an_end(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold", email="anna@example.com", loyaltypoints=120)
    stub.add("0b", "Gold", "Silver", email="ben@example.org").add("0c", email="nobody@example.net")
    outcome = read()
    assert outcome.records("Gold") == [
        {"CustomerId": "0a", "PreviousCustomerId": None, "EMail": "anna@example.com", "LoyaltyPoints": 120},
        {"CustomerId": "0b", "PreviousCustomerId": None, "EMail": "ben@example.org", "LoyaltyPoints": None},
    ]
    assert ids(outcome, "Silver") == ["0b"]
    assert [m["stream"] for m in outcome.of_type("ACTIVATE_VERSION")] == ["Gold", "Silver"]


def test_a_name_that_is_part_of_another_is_another_segment(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold").add("0b", "Gold_UK").add("0c", "gold").add("0d", "XGold")
    stub.describe("Gold", "Gold_UK", "gold", "XGold")
    assert ids(read(segments=["Gold"]), "Gold") == ["0a"]
    assert ids(read(segments=["Gold_UK"]), "Gold_UK") == ["0b"]


@pytest.mark.parametrize("name", ['He said "Gold"', "Grün", "back\\slash", "it's", "50%", "a,b"])
def test_names_that_json_may_escape_are_found(stub: Stub, read: Callable[..., Any], name: str) -> None:
    stub.add("0a", name).add("0b", "Other")
    assert ids(read(segments=[name]), name) == ["0a"]


def test_both_shapes_of_the_segments_column_count(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold", shape="object").add("0b", "Gold", shape="array").add("0c")
    for odd in (None, "", "{}", "[]", '{"Segments": null}', '{"segments": ["Gold"]}'):
        stub.join("0c", segments=odd)
    assert ids(read(), "Gold") == ["0a", "0b", "0c"]


def test_two_providers_make_one_member(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold").join("0a", "Gold", "Silver", segmentprovider="another").add("0b", "Gold")
    outcome = read()
    assert (ids(outcome, "Gold"), ids(outcome, "Silver")) == (["0a", "0b"], ["0a"])
    assert set(outcome.messages[0]) >= {"stream"}
    alone = read(segment_provider="another")
    assert (ids(alone, "Gold"), ids(alone, "Silver")) == (["0a"], ["0a"])


def test_ids_of_contacts_and_accounts_are_no_customers(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold").add("0b", "Silver")
    stub.join("0b", "Gold", segmentmembershiptype="Contact").join("0a", "Gold", segmentmembershiptype="Customer")
    assert ids(read(), "Gold") == ["0a"]


@pytest.mark.parametrize("members", [3, reading.LOOKUP_LIMIT + 1])
def test_each_table_is_read_once_for_any_number_of_segments(stub: Stub, read: Callable[..., Any], members: int) -> None:
    stub.page_rows = 1000
    names = [f"Segment{number}" for number in range(4)]
    for number in range(members):
        stub.add(f"{number:032x}", *names)
    outcome = read()
    assert all(len(outcome.records(name)) == members for name in names)
    pages = -(-members // 1000)
    assert len(stub.reads(MEMBERSHIPS)) == len(stub.reads(PROFILES)) == pages


def test_a_small_segment_is_looked_up_by_id_in_groups(
    stub: Stub, read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOKUP_GROUP", 4)
    for number in range(30):
        stub.add(f"{number:032x}", *(["Small"] if number % 3 == 0 else []))
    assert len(read().records("Small")) == 10
    queries = [unquote(query) for query in stub.reads(PROFILES)]
    assert [query.count("msdynci_customerid eq ") for query in queries] == [4, 4, 2]


def test_above_the_limit_the_table_of_profiles_is_read_whole(
    stub: Stub, read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOKUP_LIMIT", 4)
    for number in range(5):
        stub.add(f"{number:032x}", "Five", *(["Four"] if number else []))
    assert len(read(segments=["Four"]).records("Four")) == 4
    assert "$filter" in stub.reads(PROFILES)[-1]
    assert len(read(segments=["Five"]).records("Five")) == 5
    assert "$filter" not in stub.reads(PROFILES)[-1]


def test_only_selected_columns_are_asked_for(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold", "Silver", email="anna@example.com", loyaltypoints=3)
    tap = TapCixSegments(config={**stub.settings})
    catalog = tap.catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] and entry["breadcrumb"][-1] != "EMail":
                entry["metadata"]["selected"] = False
            if not entry["breadcrumb"] and stream["stream"] == "Silver":
                entry["metadata"]["selected"] = False
    stub.asked.clear()
    outcome = read(catalog)
    assert outcome.records("Gold") == [{"CustomerId": "0a", "EMail": "anna@example.com"}]
    [query] = stub.reads(PROFILES)
    assert "$select=msdynci_customerid,msdynci_previouscustomerid,msdynci_email&" in query
    assert outcome.records("Silver") == []


def test_rows_of_memberships_are_filtered_at_the_server_where_that_is_safe(
    stub: Stub, read: Callable[..., Any]
) -> None:
    stub.add("0a", "Gold").add("0b", "Silver").describe("Gold", "Silver")
    read(segments=["Gold"])
    assert all("contains(msdynci_segments,'Gold')" in unquote(query) for query in stub.reads(MEMBERSHIPS))
    stub.asked.clear()
    stub.describe("Grün").join("0a", "Grün")
    read(segments=["Grün"])
    assert all("$filter" not in query for query in stub.reads(MEMBERSHIPS))


def test_never_skip_nor_top_with_pages_and_the_size_is_asked_for(stub: Stub, read: Callable[..., Any]) -> None:
    stub.page_rows = 2
    for number in range(7):
        stub.add(f"{number:02}", "Gold")
    assert len(read().records("Gold")) == 7
    assert len(stub.reads(MEMBERSHIPS)) == 4
    assert stub.preferences == {"odata.maxpagesize=5000"}
    assert not any("$skip=" in query or "$top" in query for query in stub.asked)


def test_pages_with_few_or_no_rows_do_not_end_a_table(stub: Stub, read: Callable[..., Any]) -> None:
    stub.page_rows = 2
    for number in range(6):
        stub.add(f"{number:02}", "Gold")
    empty = {
        "value": [],
        "@odata.nextLink": f"{stub.url}/api/data/v9.2/{MEMBERSHIPS}?$select=msdynci_customerid,"
        "msdynci_segments&$skiptoken=2",
    }
    stub.fail_once(MEMBERSHIPS, (200, {}, json.dumps(empty).encode()), page=1)
    assert ids(read(), "Gold") == ["02", "03", "04", "05"]


def test_a_link_is_used_as_it_came(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold").add("0b", "Gold")
    cookie = "%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253ccookie%2520page%253d%25221%2522%253e%22%20/%3E"
    link = f"/{MEMBERSHIPS}?$select=msdynci_customerid,msdynci_segments&$skiptoken={cookie}"
    pages = [
        {"value": stub.memberships[:1], "@odata.nextLink": f"{stub.url}/api/data/v9.2{link}"},
        {"value": stub.memberships[1:]},
    ]
    stub.faults.append(
        lambda path, _: (200, {}, json.dumps(pages.pop(0)).encode()) if path == f"/{MEMBERSHIPS}" and pages else None
    )
    assert ids(read(), "Gold") == ["0a", "0b"]
    assert stub.reads(MEMBERSHIPS)[1] == link


# Faults


@pytest.mark.parametrize("code", ["0x80072322", "0x80072321", "0x80072326"])
def test_a_throttle_is_waited_out_as_long_as_dataverse_says(
    stub: Stub, read: Callable[..., Any], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    stub.add("0a", "Gold")
    stub.fail_once(MEMBERSHIPS, refusal(429, code, Retry_After="17"))
    outcome = read()
    assert ids(outcome, "Gold") == ["0a"]
    assert len(stub.waits) == 1
    assert stub.waits[0] >= 17
    assert "asks to slow down" in caplog.text


def test_a_throttle_without_end_ends_the_run_for_a_later_one(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold")
    stub.fail_always(PROFILES, refusal(429, "0x80072322", Retry_After="1"))
    with pytest.raises(CixError, match="CIX-407") as caught:
        read()
    assert caught.value.exit_code == 75


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_faults_of_the_server_are_tried_again(stub: Stub, read: Callable[..., Any], status: int) -> None:
    stub.page_rows = 1
    stub.add("0a", "Gold").add("0b", "Gold")
    stub.fail_once(MEMBERSHIPS, (status, {}, b"<html>busy</html>"), page=2)
    assert ids(read(), "Gold") == ["0a", "0b"]


@pytest.mark.parametrize("table", [MEMBERSHIPS, PROFILES])
@pytest.mark.parametrize("status", [400, 404, 410])
def test_after_an_expired_link_a_table_is_read_anew_and_no_row_is_lost_or_doubled(
    stub: Stub, read: Callable[..., Any], table: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOKUP_LIMIT", 0)
    stub.page_rows = 2
    for number in range(7):
        stub.add(f"{number:02}", "Gold")
    stub.fail_once(table, refusal(status, "0x80040217", "paging cookie"), page=3)
    outcome = read()
    assert [record["CustomerId"] for record in outcome.records("Gold")] == [f"{number:02}" for number in range(7)]
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 1


def test_who_left_before_a_read_began_anew_is_no_member(stub: Stub, read: Callable[..., Any]) -> None:
    stub.page_rows = 2
    for number in range(5):
        stub.add(f"{number:02}", "Gold")

    def expire(path: str, options: dict[str, str]) -> Any:
        if path == f"/{MEMBERSHIPS}" and options.get("$skiptoken") == "4":
            stub.faults.remove(expire)
            del stub.memberships[0]
            return refusal(400, "0x80040217")
        return None

    stub.faults.append(expire)
    assert ids(read(), "Gold") == ["01", "02", "03", "04"]


def refresh_during(stub: Stub, times: int, what: Callable[[], object] = lambda: None) -> None:
    """Let Customer Insights refresh whenever the second page of the memberships is asked for, so many times."""
    left = list(range(1, times + 1))

    def fault(path: str, options: dict[str, str]) -> Any:
        if left and path == f"/{MEMBERSHIPS}" and "$skiptoken" in options:
            assert stub.metadata is not None
            stub.metadata[0]["mscipriv_lastrefreshedon"] = f"2026-11-20T04:00:{left.pop(0):02}Z"
            what()
        return None

    stub.faults.append(fault)


@pytest.mark.parametrize("segments", [{}, {"segments": ["Gold"]}])
def test_after_a_refresh_in_the_middle_the_memberships_are_read_anew(
    stub: Stub, read: Callable[..., Any], segments: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stub.page_rows = 2
    for number in range(4):
        stub.add(f"{number:02}", "Gold")
    stub.describe("Gold", state="Active", lastrefreshedon="2026-11-20T04:00:00Z")

    def one_leaves_and_one_joins() -> None:
        left = stub.memberships.pop(0)
        stub.memberships.append({**left, "msdynci_customerid": "04"})

    stub.add("04")
    refresh_during(stub, 1, one_leaves_and_one_joins)
    outcome = read(**segments)
    assert ids(outcome, "Gold") == ["01", "02", "03", "04"]
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 1
    assert "refreshed while" in caplog.text


def test_a_refresh_during_every_reading_ends_the_run(stub: Stub, run_dataverse: Callable[..., Any]) -> None:
    stub.page_rows = 1
    stub.add("0a", "Gold").add("0b", "Gold").describe("Gold", lastrefreshedon="2026-11-20T04:00:00Z")
    refresh_during(stub, 30)
    outcome = run_dataverse()
    assert outcome.exit_code == 1
    assert outcome.of_type("RECORD") == outcome.of_type("ACTIVATE_VERSION") == []
    assert "CIX-235" in outcome.errors()[0]
    assert len(stub.reads(MEMBERSHIPS)) == 6


def test_without_a_refresh_the_memberships_are_read_once(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold").describe("Gold", lastrefreshedon="2026-11-20T04:00:00Z")
    assert ids(read(), "Gold") == ["0a"]
    assert len(stub.reads(MEMBERSHIPS)) == 1


def test_links_that_expire_again_and_again_end_the_run(
    stub: Stub, read: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    stub.page_rows = 1
    stub.add("0a", "Gold").add("0b", "Gold")
    stub.fail_always(MEMBERSHIPS, refusal(400, "0x80040217"), page=2)
    with pytest.raises(CixError, match=r"CIX-235.*3 times"):
        read()


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:1/api/data/v9.2/msdynci_segmentmemberships?$skiptoken=1",
        "https://other.example.com/api/data/v9.2/msdynci_segmentmemberships",
        "{url}@other.example.com/api/data/v9.2/x",
        "{url}/elsewhere",
        "{url}/api/data/v9.2/../../elsewhere",
        "{https}/api/data/v9.2/msdynci_segmentmemberships?$skiptoken=1",
        "//other.example.com/api/data/v9.2/x",
        "/api/data/v9.2/msdynci_segmentmemberships?$skiptoken=1",
        17,
    ],
)
def test_a_link_away_from_the_organisation_is_never_followed(stub: Stub, read: Callable[..., Any], link: Any) -> None:
    stub.add("0a", "Gold")
    if isinstance(link, str):
        link = link.format(url=stub.url, https=stub.url.replace("http:", "https:"))
    body = json.dumps({"value": [], "@odata.nextLink": link}).encode()
    stub.fail_always(MEMBERSHIPS, (200, {}, body))
    with pytest.raises(CixError, match=r"CIX-234.*leads away"):
        read()


def test_a_link_to_the_same_page_does_not_go_round_for_ever(stub: Stub, read: Callable[..., Any]) -> None:
    link = f"{stub.url}/api/data/v9.2/{MEMBERSHIPS}?$skiptoken=0"
    stub.fail_always(MEMBERSHIPS, (200, {}, json.dumps({"value": [], "@odata.nextLink": link}).encode()))
    with pytest.raises(CixError, match=r"CIX-234.*read before"):
        read()


@pytest.mark.parametrize("pages", [2, 3])
def test_links_in_a_ring_are_not_followed_for_ever(stub: Stub, read: Callable[..., Any], pages: int) -> None:
    def ring(path: str, options: dict[str, str]) -> Any:
        if path != f"/{MEMBERSHIPS}":
            return None
        if len(stub.reads(MEMBERSHIPS)) > 20:
            return refusal(400)
        following = (int(options.get("$skiptoken", "0")) + 1) % pages
        link = f"{stub.url}/api/data/v9.2/{MEMBERSHIPS}?$skiptoken={following}"
        return 200, {}, json.dumps({"value": [], "@odata.nextLink": link}).encode()

    stub.faults.append(ring)
    with pytest.raises(CixError, match=r"CIX-234.*read before"):
        read()
    assert len(stub.reads(MEMBERSHIPS)) == pages + 1


@pytest.mark.parametrize("table", ["EntityDefinitions", MEMBERSHIPS])
def test_the_first_request_of_a_run_is_tried_three_times_when_asked_to_slow_down_and_others_eight_times(
    stub: Stub, read: Callable[..., Any], table: str
) -> None:
    stub.add("0a", "Gold")
    slow = refusal(429, "0x80072322", Retry_After="1")
    stub.faults.append(lambda path, _: slow if path.startswith(f"/{table}") else None)
    with pytest.raises(CixError, match="CIX-407"):
        read()
    assert len(stub.waits) == {"EntityDefinitions": 2, MEMBERSHIPS: 7}[table]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"value": 3}', b'{"no": "rows"}', b""])
def test_an_answer_that_holds_no_rows_is_an_error(stub: Stub, read: Callable[..., Any], body: bytes) -> None:
    stub.add("0a", "Gold")
    stub.fail_always(PROFILES, (200, {}, body))
    with pytest.raises(CixError, match="CIX-234"):
        read()


def test_a_redirect_is_not_followed(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold")
    stub.fail_always(PROFILES, (302, {"Location": "https://other.example.com/"}, b""))
    with pytest.raises(CixError, match=r"CIX-234.*HTTP 302"):
        read()


def test_a_table_not_read_to_its_end_gives_neither_records_nor_an_end(
    stub: Stub, run_dataverse: Callable[..., Any]
) -> None:
    stub.page_rows = 1
    stub.add("0a", "Gold").add("0b", "Gold")
    stub.fail_always(MEMBERSHIPS, refusal(403, "0x80040220", "missing prvReadmsdynci_segmentmembership"), page=2)
    outcome = run_dataverse()
    assert outcome.exit_code == 1
    assert outcome.of_type("ACTIVATE_VERSION") == outcome.of_type("RECORD") == []
    [error] = outcome.errors()
    assert "CIX-232" in error
    assert "Traceback" not in outcome.log


def test_a_signal_ends_a_wait_at_once_with_one_line(stub: Stub, tmp_path: Path) -> None:
    stub.add("0a", "Gold")
    stub.fail_always(MEMBERSHIPS, refusal(429, "0x80072322", Retry_After="250"))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(stub.settings), encoding="utf-8")
    executable = Path(sys.executable).with_name("tap-cix-segments")
    with subprocess.Popen(
        [str(executable), "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        log = ""
        while "Waiting 250 s" not in log:
            log += process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        log += process.stderr.read()
        output = process.stdout.read()
    assert process.returncode == 143
    assert "CIX-604" in log
    assert "Traceback" not in log
    assert "ACTIVATE_VERSION" not in output


# Members and their profiles


def test_a_member_without_a_profile_leaves_the_segment_without_an_end(
    stub: Stub, read: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    stub.add("0a", "Gold", "Silver").join("0b", "Gold")
    outcome = read()
    assert ids(outcome, "Gold") == ["0a"]
    assert [m["stream"] for m in outcome.of_type("ACTIVATE_VERSION")] == ["Silver"]


def test_members_without_a_profile_may_be_left_out(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold").join("0b", "Gold")
    outcome = read(skip_members_without_profile=True)
    assert ids(outcome, "Gold") == ["0a"]
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 1


@pytest.mark.parametrize("limit", [0, 2000])
def test_who_was_merged_stays_a_member_under_the_new_id(
    stub: Stub, read: Callable[..., Any], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOKUP_LIMIT", limit)
    stub.add("new", previouscustomerid="old1; old2", email="anna@example.com").add("0b", "Gold")
    stub.join("old1", "Gold").join("old2", "Gold", "Silver")
    outcome = read()
    assert ids(outcome, "Gold") == ["0b", "new"]
    assert ids(outcome, "Silver") == ["new"]
    assert len(outcome.of_type("ACTIVATE_VERSION")) == 2


@pytest.mark.parametrize("limit", [0, 2000])
def test_the_half_of_a_split_that_kept_the_id_is_the_member(
    stub: Stub, read: Callable[..., Any], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOKUP_LIMIT", limit)
    stub.add("old", "Gold").add("other half", previouscustomerid="old")
    assert ids(read(), "Gold") == ["old"]


@pytest.mark.parametrize("limit", [0, 2000])
def test_where_no_half_of_a_split_kept_the_id_both_are_members(
    stub: Stub, read: Callable[..., Any], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOKUP_LIMIT", limit)
    stub.add("half1", previouscustomerid="old").add("half2", previouscustomerid="x;old").join("old", "Gold")
    stub.add("older", previouscustomerid="older than old")
    assert ids(read(), "Gold") == ["half1", "half2"]


def test_a_membership_that_cannot_be_read_leaves_every_segment_without_an_end(
    stub: Stub, read: Callable[..., Any]
) -> None:
    stub.add("0a", "Gold").add("0b").join("0b", segments="{broken")
    outcome = read()
    assert ids(outcome, "Gold") == ["0a"]
    assert outcome.of_type("ACTIVATE_VERSION") == []


def test_a_segment_that_is_nowhere_is_named_with_the_nearest(stub: Stub, read: Callable[..., Any]) -> None:
    stub.add("0a", "Gold").describe("Gold")
    with pytest.raises(CixError, match=r"CIX-205.*`Gald`.*nearest name is `Gold`"):
        read(segments=["Gald"])


def test_names_in_the_settings_spare_discovery_the_reading_of_memberships(stub: Stub) -> None:
    stub.add("0a", "Gold")
    tap = TapCixSegments(config={**stub.settings, "segments": ["Gold"]})
    assert [stream["stream"] for stream in tap.catalog_dict["streams"]] == ["Gold"]
    assert stub.reads(MEMBERSHIPS) == []


def test_metadata_gives_title_state_and_refresh(stub: Stub) -> None:
    stub.add("0a", "Gold").describe(
        "Gold", displayname="Our best", state="Inactive", lastrefreshedon="2026-11-20T04:00:00Z"
    )
    tap = TapCixSegments(config=stub.settings)
    [stream] = tap.catalog_dict["streams"]
    assert stream["schema"]["title"] == "Our best"
    [segment] = [each._segment for each in tap.streams.values()]
    assert segment.active is False
    assert segment.refreshed_at.isoformat() == "2026-11-20T04:00:00+00:00"
    assert stub.reads(MEMBERSHIPS) == []


@pytest.mark.parametrize("refused", [403, 404, 400])
def test_metadata_that_cannot_be_read_is_done_without(stub: Stub, read: Callable[..., Any], refused: int) -> None:
    stub.add("0a", "Gold").describe("Gold")
    stub.fail_always("mscipriv_segmentmetadatas", refusal(refused, "0x1"))
    assert ids(read(), "Gold") == ["0a"]


def test_nothing_personal_or_secret_is_logged(stub: Stub, run_dataverse: Callable[..., Any]) -> None:
    stub.page_rows = 1
    stub.add("0a0a", "Gold", email="anna@example.com", loyaltypoints="many").add("0b0b", "Gold").join("0c0c", "Gold")
    stub.fail_once(PROFILES, refusal(500, "0x1", "Value 0a0a of anna@example.com"))
    outcome = run_dataverse()
    assert "CIX-237" in outcome.log
    for secret in ("anna@", "0a0a", "0b0b", "0c0c", "its-secret", "token-1", "many"):
        assert secret not in outcome.log


def test_value_that_does_not_fit_is_sent_as_null(
    stub: Stub, read: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    stub.add("0a", "Gold", loyaltypoints="many")
    [record] = read().records("Gold")
    assert record["LoyaltyPoints"] is None
    assert "CIX-215" in caplog.text
    assert "LoyaltyPoints" in caplog.text
