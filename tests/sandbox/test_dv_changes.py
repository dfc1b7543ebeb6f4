"""Change tracking: a delta link, and what it tells later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from dv_environment import DELTA, MEMBERSHIPS, NEXT, PROFILES, Environment, refused

if TYPE_CHECKING:
    from pathlib import Path

INVALID, EXPIRED = "0x80060888", "0x80044352"
TRACK = "odata.track-changes"
DAY = 86_400


def start(dv: Environment, path: str = MEMBERSHIPS, size: int = 3, **options: str) -> str:
    """Read a table to its end and return its delta link."""
    pages = list(dv.pages(path, f"{TRACK},odata.maxpagesize={size}", **options))
    assert [DELTA in page for page in pages] == [False] * (len(pages) - 1) + [True]
    return str(pages[-1][DELTA])


def changes(dv: Environment, link: str, size: int = 100) -> tuple[list[str], list[str], str]:
    """Return the customers whose rows changed, the ids that are gone, and the next delta link."""
    pages = list(dv.pages(link, f"odata.maxpagesize={size}"))
    rows = [row for page in pages for row in page["value"]]
    gone = [row for row in rows if "reason" in row]
    entity_set = link.partition("?")[0].rpartition("/")[2]
    for row in gone:
        assert row["@odata.context"].endswith(f"$metadata#{entity_set}/$deletedEntity")
        assert row["reason"] == "deleted"
    changed = [row["msdynci_customerid"] for row in rows if "reason" not in row]
    return changed, [row["id"] for row in gone], pages[-1][DELTA]


def test_the_preference_is_confirmed_and_gives_a_link_on_the_last_page(dv: Environment) -> None:
    dv.fill(7)
    answer = dv.get(PROFILES, prefer=TRACK)
    assert answer.headers["Preference-Applied"] == TRACK
    assert DELTA in answer.json()
    assert DELTA not in dv.read(PROFILES)
    start(dv, PROFILES)


def test_nothing_has_changed_right_after(dv: Environment) -> None:
    dv.fill(4)
    body = dv.read(start(dv))
    assert body["value"] == []
    assert body["@odata.context"].endswith(f"#{MEMBERSHIPS}/$delta")


def test_changed_new_and_deleted_rows_are_told_once(dv: Environment) -> None:
    ids = dv.fill(5)
    keys = {row["msdynci_customerid"]: row["msdynci_segmentmembershipid"] for row in dv.value(MEMBERSHIPS)}
    link = start(dv)
    dv.seed(
        memberships=[
            {"customer_id": ids[3], "segments": ["Everyone", "Gold"]},
            {"customer_id": "f" * 32, "segments": ["Everyone"]},
            {"customer_id": ids[1], "segments": []},
        ]
    )
    changed, gone, link = changes(dv, link)
    assert changed == [ids[3], "f" * 32]
    assert gone == [keys[ids[1]]]
    assert changes(dv, link)[:2] == ([], [])


def test_changes_come_in_pages(dv: Environment) -> None:
    ids = dv.fill(9)
    link = start(dv)
    dv.seed(memberships=[{"customer_id": each, "segments": ["Gold"]} for each in ids[:5]])
    dv.seed(memberships=[{"customer_id": each, "segments": []} for each in ids[5:]])
    page = dv.read(link, "odata.maxpagesize=2")
    assert (len(page["value"]), NEXT in page, DELTA in page) == (2, True, False)
    changed, gone, _ = changes(dv, link, size=2)
    assert changed == ids[:5]
    assert len(gone) == 4


def test_a_change_during_the_read_is_not_lost(dv: Environment) -> None:
    ids = dv.fill(6)
    prefer = f"{TRACK},odata.maxpagesize=2"
    pages = dv.pages(PROFILES, prefer)
    next(pages)
    dv.seed(profiles=[{"CustomerId": each, "EMail": "new@example.com"} for each in ids])
    *_, last = pages
    assert sorted(changes(dv, last[DELTA])[0]) == ids


def test_a_change_during_the_reading_of_changes_is_told_once(dv: Environment) -> None:
    ids = dv.fill(4)
    link = start(dv)
    dv.seed(memberships=[{"customer_id": each, "segments": ["Gold"]} for each in ids[:2]])
    first = dv.read(link, "odata.maxpagesize=1")
    dv.seed(memberships=[{"customer_id": ids[3], "segments": ["Gold"]}])
    second = dv.read(first[NEXT], "odata.maxpagesize=1")
    assert [row["msdynci_customerid"] for page in (first, second) for row in page["value"]] == ids[:2]
    assert changes(dv, second[DELTA])[0] == [ids[3]]


def test_the_selected_columns_are_kept(dv: Environment) -> None:
    ids = dv.fill(2)
    link = start(dv, PROFILES, select="msdynci_customerid")
    dv.seed(profiles=[{"CustomerId": ids[0], "EMail": "new@example.com"}])
    (row,) = dv.read(link)["value"]
    assert set(row) == {"@odata.etag", "msdynci_customerprofileid", "msdynci_customerid"}


@pytest.mark.parametrize(
    "options", [{"filter": "msdynci_customerid eq 'x'"}, {"orderby": "msdynci_customerid"}, {"top": "5"}]
)
def test_other_options_do_not_go_with_it(dv: Environment, options: dict[str, str]) -> None:
    refused(dv.get(PROFILES, options, TRACK), 400, INVALID)


def test_a_link_is_good_for_seven_days(dv: Environment) -> None:
    link = start(dv)
    dv.sandbox.advance(6 * DAY)
    dv.token = dv.new_token()
    assert dv.get(link).status_code == 200
    dv.sandbox.advance(1 * DAY + 1)
    dv.token = dv.new_token()
    refused(dv.get(link), 400, EXPIRED)
    dv.switch(delta_link_days=30)
    assert dv.get(link).status_code == 200


def test_a_link_can_expire_at_once(dv: Environment) -> None:
    link = start(dv)
    dv.sandbox.fault("expired_delta_link", platform="dataverse", count=1)
    refused(dv.get(link), 400, EXPIRED)
    assert dv.get(link).status_code == 200


def test_a_link_that_is_none_is_refused(dv: Environment) -> None:
    link = start(dv)
    refused(dv.get(link.split("$deltatoken=")[0] + "$deltatoken=x"), 400, "0x80040203")


def test_tables_that_do_not_track_changes_refuse_it(dv: Environment) -> None:
    link = start(dv)
    dv.switch(change_tracking=False)
    for answer in (dv.get(link), dv.get(MEMBERSHIPS, prefer=TRACK)):
        assert "Change tracking is not enabled" in refused(answer, 400, INVALID)
    assert dv.get(MEMBERSHIPS).status_code == 200


class TestWhoLeavesTheLastSegment:
    def test_has_no_row_any_more(self, dv: Environment) -> None:
        (anna,) = dv.fill(1)
        dv.seed(memberships=[{"customer_id": anna, "segments": []}])
        assert dv.value(MEMBERSHIPS) == []

    def test_can_keep_a_row_with_an_empty_list(self, dv: Environment) -> None:
        dv.switch(left_all_segments="list_emptied")
        (anna,) = dv.fill(1)
        link = start(dv)
        dv.seed(memberships=[{"customer_id": anna, "segments": []}])
        dv.seed(memberships=[{"customer_id": "f" * 32, "segments": []}])
        (row,) = dv.value(MEMBERSHIPS)
        assert row["msdynci_segments"] == '{"Segments":[]}'
        assert changes(dv, link)[:2] == ([anna], [])


class TestFolderReadAgain:
    def write(self, folder: Path, rows: dict[str, list[tuple[str, str]]]) -> str:
        """Write an export of segments, each with customers and their e-mail."""
        entities = []
        for name, people in rows.items():
            text = "CustomerId,EMail\r\n" + "".join(f"{key},{email}\r\n" for key, email in people)
            (folder / f"{name}.csv").write_text(text)
            entities.append(
                {
                    "$type": "LocalEntity",
                    "name": name,
                    "attributes": [{"name": "CustomerId"}, {"name": "EMail"}],
                    "partitions": [{"name": name, "location": f"https://x.example.com/c/{name}.csv"}],
                }
            )
        model: dict[str, Any] = {"name": "x", "version": "1.0", "entities": entities}
        (folder / "model.json").write_text(json.dumps(model))
        return str(folder)

    FIRST = {"A": [("1", "a@example.com"), ("2", "b@example.com")], "B": [("2", "b@example.com")]}  # noqa: RUF012
    SECOND = {"A": [("1", "a@example.com"), ("3", "c@example.com")], "B": [("3", "c@example.com")]}  # noqa: RUF012

    def test_changes_what_differs(self, dv: Environment, tmp_path: Path) -> None:
        dv.seed(folder=self.write(tmp_path, self.FIRST))
        profiles, memberships = start(dv, PROFILES), start(dv)
        keys = {row["msdynci_customerid"]: row["msdynci_segmentmembershipid"] for row in dv.value(MEMBERSHIPS)}
        dv.seed(folder=self.write(tmp_path, self.SECOND))
        assert changes(dv, memberships)[:2] == (["3"], [keys["2"]])
        changed, gone, _ = changes(dv, profiles)
        assert (changed, len(gone)) == (["3"], 1)
        assert dv.customers() == ["1", "3"]

    def test_can_touch_every_row(self, dv: Environment, tmp_path: Path) -> None:
        folder = self.write(tmp_path, self.FIRST)
        dv.seed(folder=folder)
        link = start(dv)
        dv.seed(folder=folder)
        assert changes(dv, link)[0] == []
        dv.switch(sync="all_rows")
        dv.seed(folder=folder)
        assert sorted(changes(dv, link)[0]) == ["1", "2"]

    def test_can_leave_empty_lists(self, dv: Environment, tmp_path: Path) -> None:
        dv.switch(left_all_segments="list_emptied")
        dv.seed(folder=self.write(tmp_path, self.FIRST))
        dv.seed(folder=self.write(tmp_path, self.SECOND))
        lists = {row["msdynci_customerid"]: row["msdynci_segments"] for row in dv.value(MEMBERSHIPS)}
        assert lists == {"1": '{"Segments":["A"]}', "2": '{"Segments":[]}', "3": '{"Segments":["A","B"]}'}
