"""Pages of the Dataverse stand-in: by links that are used as they are."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from dv_environment import MEMBERSHIPS, NEXT, PROFILES, Environment, refused

INVALID, EXPIRED = "0x80060888", "0x80040203"
SIZE = "odata.maxpagesize=4"
EVERYONE = "contains(msdynci_segments,'\"Everyone\"')"


def sizes(dv: Environment, prefer: str = "", **options: str) -> list[int]:
    return [len(page["value"]) for page in dv.pages(PROFILES, prefer, **options)]


class TestPageSize:
    def test_is_5000_unless_a_smaller_one_is_asked_for(self, dv: Environment) -> None:
        dv.fill(5001)
        assert sizes(dv) == [5000, 1]
        assert sizes(dv, "odata.maxpagesize=9000") == [5000, 1]
        assert sizes(dv, "odata.maxpagesize=4000") == [4000, 1001]

    def test_is_500_on_elastic_tables_unless_another_is_asked_for(self, dv: Environment) -> None:
        dv.fill(501)
        dv.switch(elastic_tables=True)
        assert sizes(dv) == [500, 1]
        assert sizes(dv, "odata.maxpagesize=5000") == [501]

    def test_can_be_less_than_what_is_asked_for(self, dv: Environment) -> None:
        dv.fill(10)
        dv.switch(page_rows=3)
        assert sizes(dv, SIZE) == [3, 3, 3, 1]

    @pytest.mark.parametrize("prefer", ["odata.maxpagesize=0", "odata.maxpagesize=x", "odata.maxpagesize", "x=1;y,,z"])
    def test_that_is_none_is_ignored(self, dv: Environment, prefer: str) -> None:
        dv.fill(5)
        answer = dv.get(PROFILES, prefer=prefer)
        assert len(answer.json()["value"]) == 5
        assert "Preference-Applied" not in answer.headers

    def test_is_confirmed(self, dv: Environment) -> None:
        answer = dv.get(PROFILES, prefer='odata.include-annotations="a,b",odata.maxpagesize=7')
        assert answer.headers["Preference-Applied"] == 'odata.maxpagesize=7,odata.include-annotations="a,b"'


class TestNextLink:
    def test_is_there_while_there_are_more_rows_and_not_after(self, dv: Environment) -> None:
        ids = dv.fill(8)
        pages = list(dv.pages(PROFILES, SIZE))
        assert [NEXT in page for page in pages] == [True, False]
        assert sorted(row["msdynci_customerid"] for page in pages for row in page["value"]) == ids

    def test_keeps_filter_and_columns(self, dv: Environment) -> None:
        dv.fill(9)
        dv.seed(memberships=[{"customer_id": "f" * 32, "segments": ["Nobody"]}])
        rows = dv.all(MEMBERSHIPS, SIZE, filter=EVERYONE, select="msdynci_customerid")
        assert len(rows) == 9
        assert "msdynci_segments" not in rows[-1]

    def test_holds_a_cookie_that_says_nothing(self, dv: Environment) -> None:
        ids = dv.fill(9)
        link = unquote(dv.read(PROFILES, SIZE)[NEXT])
        assert link.startswith(f'{dv.api}/{PROFILES}?$skiptoken=<cookie pagenumber="2" pagingcookie="')
        assert not any(each in link for each in ids)

    def test_can_be_used_again(self, dv: Environment) -> None:
        dv.fill(9)
        link = dv.read(PROFILES, SIZE)[NEXT]
        assert dv.read(link, SIZE)["value"] == dv.read(link, SIZE)["value"]

    def test_is_no_good_for_another_query(self, dv: Environment) -> None:
        dv.fill(9)
        link = dv.read(MEMBERSHIPS, SIZE, filter=EVERYONE)[NEXT]
        changed = [
            link.replace("Everyone", "Somebody"),
            f"{link}&$select=msdynci_customerid",
            link.replace(MEMBERSHIPS, PROFILES).replace("msdynci_segments", "msdynci_email"),
            link.split("$skiptoken=")[0] + "$skiptoken=2",
            link.replace("pagingcookie%3D%22", "pagingcookie%3D%22W"),
        ]
        for other in changed:
            assert other != link
            refused(dv.get(other, prefer=SIZE), 400, EXPIRED)

    def test_expires_as_the_switch_says(self, dv: Environment) -> None:
        dv.fill(9)
        link = dv.read(PROFILES, SIZE)[NEXT]
        dv.switch(next_link_seconds=60)
        assert dv.get(link, prefer=SIZE).status_code == 200
        dv.sandbox.advance(61)
        refused(dv.get(link, prefer=SIZE), 400, EXPIRED)

    def test_goes_on_after_the_last_row_when_rows_come_and_go(self, dv: Environment) -> None:
        ids = dv.fill(12)
        first = dv.read(PROFILES, SIZE)
        seen = {row["msdynci_customerid"] for row in first["value"]}
        dv.seed(removed_profiles=list(seen))
        page, rest = first, []
        while NEXT in page:
            page = dv.read(page[NEXT], SIZE)
            rest += [row["msdynci_customerid"] for row in page["value"]]
        assert sorted(rest) == sorted(set(ids) - seen)

    def test_keeps_the_clients_name_for_this_machine(self, dv: Environment) -> None:
        dv.fill(9)
        local = dv.api.replace("127.0.0.1", "localhost")
        assert dv.read(f"{local}/{PROFILES}", SIZE)[NEXT].startswith(local)


class TestFaults:
    def test_a_short_page_has_half_the_rows_and_a_link(self, dv: Environment) -> None:
        ids = dv.fill(10)
        dv.sandbox.fault("short_page", platform="dataverse", path=PROFILES, count=1)
        assert sizes(dv, SIZE) == [2, 4, 4]
        dv.sandbox.fault("short_page", platform="dataverse")
        assert dv.customers() == ids

    def test_an_empty_page_has_a_link(self, dv: Environment) -> None:
        ids = dv.fill(10)
        dv.sandbox.fault("empty_page", platform="dataverse", skip=1, count=1)
        assert sizes(dv, SIZE) == [4, 0, 4, 2]
        dv.sandbox.fault("empty_page", platform="dataverse", count=1)
        assert dv.customers() == ids
        dv.sandbox.fault("empty_page", platform="dataverse", count=1)
        rows = dv.all(PROFILES, SIZE, orderby="msdynci_email")
        assert [row["msdynci_customerid"] for row in rows] == ids

    def test_a_next_link_expires_but_a_first_page_does_not(self, dv: Environment) -> None:
        dv.fill(10)
        dv.sandbox.fault("expired_next_link", platform="dataverse", path=PROFILES, count=1)
        link = dv.read(PROFILES, SIZE)[NEXT]
        refused(dv.get(link, prefer=SIZE), 400, EXPIRED)
        assert dv.get(link, prefer=SIZE).status_code == 200

    def test_a_right_is_revoked_in_the_middle(self, dv: Environment) -> None:
        dv.fill(10)
        dv.sandbox.fault("revoked_right", platform="dataverse", path=MEMBERSHIPS, skip=1)
        link = dv.read(MEMBERSHIPS, SIZE)[NEXT]
        for _ in range(2):
            message = refused(dv.get(link, prefer=SIZE), 403, "0x80040220")
            assert "prvReadmsdynci_segmentmembership" in message
        assert dv.get(PROFILES).status_code == 200
