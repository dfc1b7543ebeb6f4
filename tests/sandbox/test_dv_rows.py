"""Rows of the Dataverse stand-in: which columns, which types, which rows a filter finds, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from dv_environment import MEMBERSHIPS, PROFILES, SEGMENTS, STRANGER, TIMEOUT, Environment, refused

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

INVALID = "0x80060888"
IN = "Microsoft.Dynamics.CRM.In"
ANNA, BEN, CARA = "a" * 32, "b" * 32, "c" * 32
COLUMNS = [
    {"name": "EMail"},
    {"name": "LoyaltyPoints", "data_type": "int64"},
    {"name": "LifetimeValue", "data_type": "decimal"},
    {"name": "Score", "data_type": "double"},
    {"name": "LastPurchase", "data_type": "dateTime"},
    {"name": "IsVip", "data_type": "boolean"},
    {"name": "BirthDate", "data_type": "date"},
]


def people(dv: Environment) -> None:
    dv.seed(
        columns=COLUMNS,
        profiles=[
            {
                "CustomerId": ANNA,
                "EMail": 'anna"o\'neil"@example.com',
                "LoyaltyPoints": 9_007_199_254_740_993,
                "LifetimeValue": "10.5000",
                "Score": 0.25,
                "LastPurchase": "2026-01-02T03:04:05+01:00",
                "IsVip": True,
                "BirthDate": "1990-05-06",
            },
            {"CustomerId": BEN, "EMail": "BEN@example.com", "LoyaltyPoints": 10, "IsVip": False},
            {"CustomerId": CARA, "EMail": "Zoë 美咲\n_%[x]", "LoyaltyPoints": 9},
        ],
    )


class TestColumns:
    def test_are_all_without_a_select_and_have_their_types(self, dv: Environment) -> None:
        people(dv)
        text = dv.get(PROFILES, {"filter": f"msdynci_customerid eq '{ANNA}'"}).text
        (row,) = json.loads(text, parse_float=str)["value"]
        assert row.pop("@odata.etag") == f'W/"{row.pop("versionnumber")}"'
        assert row.pop("createdon") == row.pop("modifiedon")
        assert len(row.pop("msdynci_customerprofileid")) == 36
        assert row == {
            "msdynci_customerid": ANNA,
            "msdynci_email": 'anna"o\'neil"@example.com',
            "msdynci_loyaltypoints": 9_007_199_254_740_993,
            "msdynci_lifetimevalue": "10.5000",
            "msdynci_score": "0.25",
            "msdynci_lastpurchase": "2026-01-02T02:04:05Z",
            "msdynci_isvip": True,
            "msdynci_birthdate": "1990-05-06",
        }

    def test_without_a_value_are_null(self, dv: Environment) -> None:
        people(dv)
        (row,) = dv.value(PROFILES, filter=f"msdynci_customerid eq '{CARA}'")
        absent = {name for name, value in row.items() if value is None}
        assert absent == {
            f"msdynci_{name}" for name in ("lifetimevalue", "score", "lastpurchase", "isvip", "birthdate")
        }
        assert row["msdynci_email"] == "Zoë 美咲\n_%[x]"

    def test_are_those_selected_and_the_key(self, dv: Environment) -> None:
        people(dv)
        body = dv.read(PROFILES, select="msdynci_isvip, msdynci_email")
        assert {frozenset(row) for row in body["value"]} == {
            frozenset({"@odata.etag", "msdynci_customerprofileid", "msdynci_isvip", "msdynci_email"})
        }
        assert body["@odata.context"] == f"{dv.api}/$metadata#{PROFILES}(msdynci_isvip,msdynci_email)"

    def test_can_all_be_text(self, dv: Environment) -> None:
        people(dv)
        dv.switch(column_types="text")
        (row,) = dv.value(PROFILES, filter=f"msdynci_customerid eq '{ANNA}'")
        assert row["msdynci_loyaltypoints"] == "9007199254740993"
        assert row["msdynci_isvip"] == "true"
        assert dv.customers(filter="msdynci_loyaltypoints eq '10'") == [BEN]

    def test_that_are_not_there_are_refused(self, dv: Environment) -> None:
        people(dv)
        for name in ("EMail", "msdynci_EMail", "msdynci_isvipname", "msdynci_nothing"):
            for option in ("select", "orderby"):
                assert name in refused(dv.get(PROFILES, {option: name}), 400, INVALID)
            assert name in refused(dv.get(PROFILES, {"filter": f"{name} eq 'x'"}), 400, INVALID)


class TestSpellings:
    @pytest.mark.parametrize("spelling", ["Customer", "CUSTOMER", "647430000", "Profile"])
    def test_the_type_of_a_membership_is_that_of_the_switch(self, dv: Environment, spelling: str) -> None:
        dv.seed(memberships=[{"customer_id": ANNA, "segments": ["Gold"]}])
        dv.seed(memberships=[{"customer_id": BEN, "segments": ["Gold"], "type": "Contact"}])
        dv.switch(membership_type=spelling)
        assert {row["msdynci_segmentmembershiptype"] for row in dv.value(MEMBERSHIPS)} == {spelling, "Contact"}

    def test_a_provider_can_begin_with_a_capital(self, dv: Environment) -> None:
        dv.seed(memberships=[{"customer_id": ANNA, "segments": ["Gold"]}])
        dv.switch(provider_spelling="capital")
        assert {row["msdynci_segmentprovider"] for row in dv.value(MEMBERSHIPS)} == {"Audience insights"}
        assert dv.customers(path=MEMBERSHIPS, filter="msdynci_segmentprovider eq 'audience insights'") == [ANNA]


class TestSegmentsColumn:
    def test_has_the_shape_of_the_switch(self, dv: Environment) -> None:
        dv.fill(16)
        plain, wrapped = '["Everyone"]', '{"Segments":["Everyone"]}'
        assert {row["msdynci_segments"] for row in dv.value(MEMBERSHIPS)} == {wrapped}
        dv.switch(segments_shape="array")
        assert {row["msdynci_segments"] for row in dv.value(MEMBERSHIPS)} == {plain}
        dv.switch(segments_shape="mixed")
        assert {row["msdynci_segments"] for row in dv.value(MEMBERSHIPS)} == {plain, wrapped}

    @pytest.mark.parametrize("shape", ["object", "array", "mixed"])
    def test_is_searched_for_a_name_in_quotes(self, dv: Environment, shape: str) -> None:
        dv.switch(segments_shape=shape)
        dv.seed(
            memberships=[
                {"customer_id": ANNA, "segments": ["Gold", "Gold_UK"]},
                {"customer_id": BEN, "segments": ["Gold_UK"]},
                {"customer_id": CARA, "segments": ["GoldXUK"]},
            ]
        )

        def found(text: str) -> list[str]:
            return dv.customers(path=MEMBERSHIPS, filter=f"contains(msdynci_segments,'{text}')")

        assert found('"Gold"') == [ANNA]
        assert found("Gold") == [ANNA, BEN, CARA]
        assert found('"gold"') == [ANNA]
        assert found('"Gold_UK"') == [ANNA, BEN, CARA]
        dv.switch(filter_wildcards=False)
        assert found('"Gold_UK"') == [ANNA, BEN]
        assert found('\\"Gold\\"') == []
        dv.switch(filter_quotes="escaped")
        assert found('"Gold"') == []
        assert found('\\"Gold\\"') == [ANNA]

    def test_of_two_providers_and_types_are_rows_of_their_own(self, dv: Environment) -> None:
        dv.seed(
            memberships=[
                {"customer_id": ANNA, "segments": ["Gold"]},
                {"customer_id": ANNA, "segments": ["Silver"], "provider": "another app"},
                {"customer_id": ANNA, "segments": ["Bronze"], "type": "Contact"},
            ]
        )
        rows = dv.value(MEMBERSHIPS)
        shown = {
            (row["msdynci_segmentprovider"], row["msdynci_segmentmembershiptype"], row["msdynci_segments"])
            for row in rows
        }
        assert shown == {
            ("audience insights", "Customer", '{"Segments":["Gold"]}'),
            ("another app", "Customer", '{"Segments":["Silver"]}'),
            ("audience insights", "Contact", '{"Segments":["Bronze"]}'),
        }
        assert {row["msdynci_identifier"] for row in rows} == {
            f"{ANNA}|audience insights|Customer|Segments",
            f"{ANNA}|another app|Customer|Segments",
            f"{ANNA}|audience insights|Contact|Segments",
        }


class TestFilter:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (f"msdynci_customerid eq '{ANNA}'", [ANNA]),
            (f"msdynci_customerid eq '{ANNA.upper()}'", [ANNA]),
            (f"msdynci_customerid eq '{ANNA}' or msdynci_customerid eq '{CARA}'", [ANNA, CARA]),
            (f"(msdynci_customerid eq '{ANNA}' or msdynci_customerid eq '{CARA}') and msdynci_isvip eq true", [ANNA]),
            (f"msdynci_customerid eq '{ANNA}' or msdynci_loyaltypoints eq 9", [ANNA, CARA]),
            (f"not msdynci_customerid eq '{ANNA}'", [BEN, CARA]),
            (f"not (msdynci_customerid eq '{ANNA}' or msdynci_customerid eq '{CARA}')", [BEN]),
            (f"msdynci_customerid ne '{ANNA}'", [BEN, CARA]),
            ("msdynci_email eq 'anna\"o''neil\"@example.com'", [ANNA]),
            ("msdynci_email eq 'ben@example.com'", [BEN]),
            ("msdynci_email eq 'BEN@EXAMPLE.com' or msdynci_email eq 'nobody@example.com'", [BEN]),
            ("startswith(msdynci_email,'ben@')", [BEN]),
            ("endswith(msdynci_email,'example.com')", [ANNA, BEN]),
            ("contains(msdynci_email,'美')", [CARA]),
            ("not contains(msdynci_email,'example')", [CARA]),
            ("not (msdynci_isvip eq true)", [BEN, CARA]),
            ("contains(msdynci_email,'b_n')", [BEN]),
            ("contains(msdynci_email,'b%m')", [BEN]),
            ("msdynci_loyaltypoints gt 9", [ANNA, BEN]),
            ("msdynci_loyaltypoints le 10 and msdynci_loyaltypoints ge 10", [BEN]),
            ("msdynci_loyaltypoints eq 9007199254740993", [ANNA]),
            ("msdynci_lifetimevalue lt 10.51", [ANNA]),
            ("msdynci_isvip eq false", [BEN]),
            ("msdynci_isvip ne true", [BEN, CARA]),
            ("msdynci_isvip eq null", [CARA]),
            ("msdynci_isvip ne null", [ANNA, BEN]),
            ("msdynci_lastpurchase ge 2026-01-02T02:04:05Z", [ANNA]),
            ("msdynci_lastpurchase gt 2026-01-02T03:04:05+01:00", []),
            ("msdynci_birthdate lt 1990-05-07", [ANNA]),
            (f"{IN}(PropertyName='msdynci_customerid',PropertyValues=['{ANNA}','{BEN}'])", [ANNA, BEN]),
            (f"{IN}(PropertyName='msdynci_customerid',PropertyValues=[\"{CARA}\"])", [CARA]),
            (f"{IN}(PropertyName='msdynci_customerid',PropertyValues=[])", []),
            (f"Microsoft.Dynamics.CRM.NotIn(PropertyName='msdynci_customerid',PropertyValues=['{CARA}'])", [ANNA, BEN]),
            ("", [ANNA, BEN, CARA]),
        ],
    )
    def test_finds(self, dv: Environment, text: str, found: list[str]) -> None:
        people(dv)
        assert dv.customers(filter=text) == found

    def test_finds_a_row_by_its_id_with_and_without_quotes(self, dv: Environment) -> None:
        people(dv)
        key = dv.value(PROFILES)[0]["msdynci_customerprofileid"]
        for literal in (key, f"'{key}'", key.upper()):
            assert len(dv.value(PROFILES, filter=f"msdynci_customerprofileid eq {literal}")) == 1

    @pytest.mark.parametrize(
        "text",
        [
            "msdynci_customerid",
            "msdynci_customerid eq",
            "msdynci_customerid eq 'a",
            "msdynci_customerid eq 'O'Brien'",
            "msdynci_customerid equals 'a'",
            "msdynci_customerid in ('a','b')",
            "(msdynci_customerid eq 'a'",
            "msdynci_customerid eq 'a')",
            "msdynci_customerid eq 5",
            "msdynci_customerid eq true",
            "msdynci_customerid gt null",
            "msdynci_loyaltypoints eq '9'",
            "msdynci_isvip eq 1",
            "msdynci_lastpurchase ge '2026-01-01'",
            "contains(msdynci_loyaltypoints,'9')",
            "contains(msdynci_customerid)",
            "tolower(msdynci_customerid) eq 'a'",
            "Microsoft.Dynamics.CRM.LastXDays(PropertyName='modifiedon',PropertyValue=2)",
            "Microsoft.Dynamics.CRM.In(PropertyName='msdynci_customerid',PropertyValues='a')",
            "IsMemberOfSegment('Gold')",
        ],
    )
    def test_that_cannot_be_is_refused(self, dv: Environment, text: str) -> None:
        people(dv)
        refused(dv.get(PROFILES, {"filter": text}), 400, INVALID)

    def test_can_look_up_many_ids_but_has_500_conditions_at_most(self, dv: Environment) -> None:
        ids = dv.fill(600)
        terms = [f"msdynci_customerid eq '{each}'" for each in ids]
        assert dv.customers(filter=" or ".join(terms[:500])) == ids[:500]
        dv.switch(url_characters=0)
        refused(dv.get(PROFILES, {"filter": " or ".join(terms[:501])}), 400, "0x8004430C")
        dv.switch(filter_conditions=600)
        assert dv.customers(filter=" or ".join(terms)) == ids

    def test_makes_an_address_that_can_be_too_long(self, dv: Environment) -> None:
        terms = " or ".join(f"msdynci_customerid eq '{number:032}'" for number in range(480))
        dv.switch(url_characters=8000)
        assert dv.get(PROFILES, {"filter": terms}).status_code == 414


class TestOptions:
    def test_skip_is_refused(self, dv: Environment) -> None:
        assert "Skip" in refused(dv.get(PROFILES, {"skip": "5"}), 400, INVALID)

    @pytest.mark.parametrize(
        "options",
        [
            {"expand": "x"},
            {"apply": "aggregate($count as n)"},
            {"search": "x"},
            {"top": "0"},
            {"top": "x"},
            {"count": "yes"},
            {"orderby": "msdynci_customerid upwards"},
        ],
    )
    def test_that_are_not_supported_are_refused(self, dv: Environment, options: dict[str, str]) -> None:
        refused(dv.get(PROFILES, options), 400, INVALID)

    def test_orderby_sorts_over_pages(self, dv: Environment) -> None:
        people(dv)
        size = "odata.maxpagesize=2"
        rows = dv.all(PROFILES, size, orderby="msdynci_customerid desc")
        assert [row["msdynci_customerid"] for row in rows] == [CARA, BEN, ANNA]
        rows = dv.all(PROFILES, size, orderby="msdynci_isvip asc,msdynci_customerid")
        assert [row["msdynci_customerid"] for row in rows] == [CARA, BEN, ANNA]

    def test_top_limits_the_whole_answer(self, dv: Environment) -> None:
        people(dv)
        body = dv.read(PROFILES, top="2")
        assert len(body["value"]) == 2
        assert "@odata.nextLink" not in body

    def test_count_stops_at_5000(self, dv: Environment) -> None:
        dv.fill(5001)
        annotations = (
            'odata.include-annotations="Microsoft.Dynamics.CRM.totalrecordcount,'
            'Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded",odata.maxpagesize=1'
        )
        body = dv.read(PROFILES, annotations, count="true")
        assert body["@odata.count"] == body["@Microsoft.Dynamics.CRM.totalrecordcount"] == 5000
        assert body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is True
        few = f"msdynci_customerid eq '{0:032x}'"
        body = dv.read(PROFILES, annotations, count="true", filter=few)
        assert body["@odata.count"] == 1
        assert body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False
        assert dv.get(f"{PROFILES}/$count").text == "5000"
        assert dv.get(f"{PROFILES}/$count", {"filter": few}).text == "1"
        plain = dv.read(PROFILES, count="true")
        assert [name for name in plain if name.startswith("@Microsoft")] == []


class TestAccess:
    def test_needs_a_token(self, dv: Environment) -> None:
        for authorization in ("", "Bearer", "Bearer nothing", f"Basic {dv.token}"):
            answer = dv.get(PROFILES, headers={"Authorization": authorization})
            assert answer.status_code == 401
            assert answer.content == b""
            assert answer.headers["WWW-Authenticate"].startswith(f"Bearer authorization_uri={dv.sandbox.authority}/")

    def test_needs_a_token_that_has_not_expired(self, dv: Environment) -> None:
        dv.sandbox.fault("expired_token", platform="dataverse", skip=1, count=1)
        assert [dv.get(PROFILES).status_code for _ in range(3)] == [200, 401, 401]
        dv.token = dv.new_token()
        assert dv.get(PROFILES).status_code == 200

    def test_is_for_users_of_the_environment(self, sandbox: RunningSandbox) -> None:
        stranger = Environment(sandbox, STRANGER)
        assert "not a member" in refused(stranger.get("WhoAmI"), 403, "0x80072560")

    @pytest.mark.parametrize(
        ("switches", "table", "entity_set"),
        [
            ({"right_to_profiles": False}, "msdynci_customerprofile", PROFILES),
            ({"right_to_memberships": False}, "msdynci_segmentmembership", MEMBERSHIPS),
            ({"metadata_table": "forbidden"}, "mscipriv_segmentmetadata", SEGMENTS),
        ],
    )
    def test_to_a_table_needs_the_right_to_read_it(
        self, dv: Environment, switches: dict[str, Any], table: str, entity_set: str
    ) -> None:
        dv.switch(**switches)
        for path in (entity_set, f"{entity_set}/$count"):
            assert f"is missing prvRead{table} privilege" in refused(dv.get(path), 403, "0x80040220")
        assert dv.get(f"EntityDefinitions(LogicalName='{table}')").status_code == 200
        others = {PROFILES, MEMBERSHIPS, SEGMENTS} - {entity_set}
        assert {dv.get(other).status_code for other in others} == {200}

    def test_who_am_i_names_the_user(self, dv: Environment) -> None:
        assert {"UserId", "BusinessUnitId", "OrganizationId"} <= set(dv.read("WhoAmI"))
        assert dv.read("WhoAmI()") == dv.read("WhoAmI")

    @pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
    def test_is_for_reading_only(self, dv: Environment, method: str) -> None:
        refused(dv.get(PROFILES, method=method), 405, INVALID)

    @pytest.mark.parametrize("path", ["msdynci_customerprofile", "accounts", "", f"{PROFILES}/x", "$metadata", "a/b"])
    def test_to_what_is_not_there_is_refused(self, dv: Environment, path: str) -> None:
        refused(dv.get(path), 404, INVALID)

    def test_is_by_a_version_that_exists(self, dv: Environment) -> None:
        for version, status in (("v9.0", 200), ("v9.1", 200), ("v8.2", 404), ("v9.3", 404)):
            url = f"{dv.sandbox.organization}/api/data/{version}/{PROFILES}"
            headers = {"Authorization": f"Bearer {dv.token}"}
            assert requests.get(url, headers=headers, timeout=TIMEOUT).status_code == status
