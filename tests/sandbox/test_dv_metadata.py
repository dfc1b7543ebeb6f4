"""EntityDefinitions and Attributes: what an application can discover."""

from __future__ import annotations

from typing import Any

import pytest
from dv_environment import PROFILES, SEGMENTS, Environment, refused

INVALID, UNKNOWN = "0x80060888", "0x80040217"
PROFILE, MEMBERSHIP, SEGMENT = "msdynci_customerprofile", "msdynci_segmentmembership", "mscipriv_segmentmetadata"
COLUMNS = [
    {"name": "EMail"},
    {"name": "Loyalty Points", "data_type": "int64"},
    {"name": "LifetimeValue", "data_type": "decimal"},
    {"name": "Score", "data_type": "double"},
    {"name": "LastPurchase", "data_type": "dateTime"},
    {"name": "IsVip", "data_type": "boolean"},
    {"name": "BirthDate", "data_type": "date"},
    {"name": "Notes", "data_type": "json"},
]


def table(name: str) -> str:
    return f"EntityDefinitions(LogicalName='{name}')"


def types(dv: Environment, name: str, **options: str) -> dict[str, str]:
    rows = dv.value(f"{table(name)}/Attributes", **options)
    return {row["LogicalName"]: row["AttributeType"] for row in rows}


class TestTables:
    def test_are_listed_with_their_names_in_addresses(self, dv: Environment) -> None:
        rows = dv.value("EntityDefinitions", select="LogicalName,EntitySetName,PrimaryIdAttribute")
        assert {(row["LogicalName"], row["EntitySetName"], row["PrimaryIdAttribute"]) for row in rows} == {
            (PROFILE, PROFILES, "msdynci_customerprofileid"),
            (MEMBERSHIP, "msdynci_segmentmemberships", "msdynci_segmentmembershipid"),
            (SEGMENT, SEGMENTS, "mscipriv_segmentmetadataid"),
        }
        assert {frozenset(row) for row in rows} == {
            frozenset({"MetadataId", "LogicalName", "EntitySetName", "PrimaryIdAttribute"})
        }

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (f"LogicalName eq '{PROFILE}'", {PROFILE}),
            (f"LogicalName eq '{PROFILE}' or LogicalName eq '{SEGMENT}'", {PROFILE, SEGMENT}),
            (f"LogicalName ne '{PROFILE}' and IsCustomEntity eq true", {MEMBERSHIP, SEGMENT}),
            (f"not (EntitySetName eq '{PROFILES}')", {MEMBERSHIP, SEGMENT}),
            ("LogicalName eq 'account'", set()),
        ],
    )
    def test_are_filtered(self, dv: Environment, text: str, found: set[str]) -> None:
        assert {row["LogicalName"] for row in dv.value("EntityDefinitions", filter=text)} == found

    def test_are_found_by_name_and_by_id(self, dv: Environment) -> None:
        body = dv.read(table(PROFILE))
        assert body["EntitySetName"] == PROFILES
        assert body["PrimaryNameAttribute"] == "msdynci_customerid"
        assert body["DisplayName"]["UserLocalizedLabel"]["Label"] == "CustomerProfile"
        assert dv.read(f"EntityDefinitions({body['MetadataId']})") == body

    def test_say_whether_they_track_changes_and_are_elastic(self, dv: Environment) -> None:
        body = dv.read(table(MEMBERSHIP))
        assert (body["ChangeTrackingEnabled"], body["TableType"]) == (True, "Standard")
        dv.switch(change_tracking=False, elastic_tables=True)
        body = dv.read(table(MEMBERSHIP))
        assert (body["ChangeTrackingEnabled"], body["TableType"]) == (False, "Elastic")

    def test_that_do_not_exist_are_refused(self, dv: Environment) -> None:
        assert "account" in refused(dv.get(table("account")), 404, UNKNOWN)
        refused(dv.get(f"{table('account')}/Attributes"), 404, UNKNOWN)

    @pytest.mark.parametrize("path", ["EntityDefinitionsX", "EntityDefinitions/Attributes", f"{table(PROFILE)}/Keys"])
    def test_have_no_other_paths(self, dv: Environment, path: str) -> None:
        refused(dv.get(path), 404, INVALID)

    @pytest.mark.parametrize(
        "options",
        [
            {"select": "Nothing"},
            {"filter": "Nothing eq 'x'"},
            {"filter": "startswith(LogicalName,'msdynci')"},
            {"filter": "LogicalName gt 'a'"},
            {"expand": "Keys"},
            {"top": "1"},
            {"orderby": "LogicalName"},
        ],
    )
    def test_are_not_asked_for_like_rows(self, dv: Environment, options: dict[str, str]) -> None:
        refused(dv.get("EntityDefinitions", options), 400, INVALID)


class TestColumns:
    def test_of_profiles_are_those_of_the_environment(self, dv: Environment) -> None:
        dv.seed(columns=COLUMNS)
        assert types(dv, PROFILE) == {
            "msdynci_customerprofileid": "Uniqueidentifier",
            "msdynci_customerid": "String",
            "msdynci_email": "String",
            "msdynci_loyaltypoints": "BigInt",
            "msdynci_lifetimevalue": "Decimal",
            "msdynci_score": "Double",
            "msdynci_lastpurchase": "DateTime",
            "msdynci_isvip": "Boolean",
            "msdynci_isvipname": "Virtual",
            "msdynci_birthdate": "DateTime",
            "msdynci_notes": "String",
            "createdon": "DateTime",
            "modifiedon": "DateTime",
            "versionnumber": "BigInt",
        }

    def test_that_can_be_selected_are_those_of_the_rows(self, dv: Environment) -> None:
        dv.seed(columns=COLUMNS, profiles=[{"CustomerId": "a" * 32}])
        for name, entity_set in ((PROFILE, PROFILES), (MEMBERSHIP, "msdynci_segmentmemberships"), (SEGMENT, SEGMENTS)):
            known = [column for column, kind in types(dv, name).items() if kind != "Virtual"]
            for row in dv.value(entity_set, select=",".join(known)):
                assert set(row) == {"@odata.etag", *known}

    def test_of_profiles_can_all_be_text(self, dv: Environment) -> None:
        dv.seed(columns=COLUMNS)
        dv.switch(column_types="text")
        assert set(types(dv, PROFILE, filter="IsCustomAttribute eq true").values()) == {"String", "Uniqueidentifier"}

    def test_of_profiles_have_the_names_that_people_gave_them(self, dv: Environment) -> None:
        dv.seed(columns=[*COLUMNS, {"name": "loyalty-points"}, {"name": "電話"}, {"name": "名前"}])
        labels = {
            row["LogicalName"]: row["DisplayName"]["UserLocalizedLabel"]["Label"]
            for row in dv.value(f"{table(PROFILE)}/Attributes", filter="AttributeOf eq null")
        }
        assert labels["msdynci_loyaltypoints"] == "Loyalty Points"
        assert labels["msdynci_loyaltypoints_1"] == "loyalty-points"
        assert {labels["msdynci_"], labels["msdynci__1"]} == {"電話", "名前"}

    def test_tell_the_key_and_the_name(self, dv: Environment) -> None:
        rows = dv.value(f"{table(MEMBERSHIP)}/Attributes")
        assert [row["LogicalName"] for row in rows if row["IsPrimaryId"]] == ["msdynci_segmentmembershipid"]
        assert [row["LogicalName"] for row in rows if row["IsPrimaryName"]] == ["msdynci_identifier"]

    def test_tell_a_date_from_a_time_by_their_own_type(self, dv: Environment) -> None:
        dv.seed(columns=COLUMNS)
        path = f"{table(PROFILE)}/Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"
        formats = {row["LogicalName"]: row["Format"] for row in dv.value(path, select="LogicalName,Format")}
        assert formats == {
            "msdynci_lastpurchase": "DateAndTime",
            "msdynci_birthdate": "DateOnly",
            "createdon": "DateAndTime",
            "modifiedon": "DateAndTime",
        }

    def test_can_be_found_by_name(self, dv: Environment) -> None:
        body = dv.read(f"{table(MEMBERSHIP)}/Attributes(LogicalName='msdynci_segments')", select="AttributeType")
        assert body["AttributeType"] == "Memo"
        refused(dv.get(f"{table(MEMBERSHIP)}/Attributes(LogicalName='nothing')"), 404, UNKNOWN)

    def test_can_be_filtered_by_type(self, dv: Environment) -> None:
        dv.seed(columns=COLUMNS)
        for literal in ("'Boolean'", "Microsoft.Dynamics.CRM.AttributeTypeCode'Boolean'"):
            assert set(types(dv, PROFILE, filter=f"AttributeType eq {literal}")) == {"msdynci_isvip"}

    def test_come_with_their_table_on_demand(self, dv: Environment) -> None:
        dv.seed(columns=COLUMNS)
        inner = "Attributes($select=LogicalName,AttributeType;$filter=IsPrimaryId eq true)"
        body = dv.read(table(PROFILE), select="EntitySetName", expand=inner)
        assert [row["LogicalName"] for row in body["Attributes"]] == ["msdynci_customerprofileid"]
        everything: list[dict[str, Any]] = dv.value("EntityDefinitions", expand="Attributes")
        assert {len(row["Attributes"]) > 5 for row in everything} == {True}


class TestTableOfSegments:
    def test_has_name_display_name_state_and_last_refresh(self, dv: Environment) -> None:
        dv.seed(
            segments=[
                {"name": "HighValueCustomers", "last_refresh": "2026-11-20T04:00:00Z"},
                {"name": "Gold_UK", "display_name": "Gold members, UK", "state": "Inactive"},
            ]
        )
        shown = {
            (row["mscipriv_name"], row["mscipriv_displayname"], row["mscipriv_state"], row["mscipriv_lastrefreshedon"])
            for row in dv.value(SEGMENTS)
        }
        assert shown == {
            ("HighValueCustomers", "High Value Customers", "Active", "2026-11-20T04:00:00Z"),
            ("Gold_UK", "Gold members, UK", "Inactive", None),
        }

    def test_can_have_other_names_of_columns(self, dv: Environment) -> None:
        dv.seed(segments=[{"name": "Gold", "state": "Inactive"}])
        dv.switch(metadata_columns="long")
        (row,) = dv.value(SEGMENTS, filter="mscipriv_segmentname eq 'Gold'")
        assert row["mscipriv_friendlyname"] == "Gold"
        assert row["mscipriv_segmentstate"] == "Inactive"
        assert "mscipriv_lastsuccessfulrefreshtime" in types(dv, SEGMENT)
        refused(dv.get(SEGMENTS, {"select": "mscipriv_name"}), 400, INVALID)

    def test_can_have_a_number_as_state(self, dv: Environment) -> None:
        dv.seed(segments=[{"name": "Gold"}, {"name": "Off", "state": "Inactive"}])
        dv.switch(segment_state="option_number")
        shown = {row["mscipriv_name"]: row["mscipriv_state"] for row in dv.value(SEGMENTS)}
        assert (shown["Gold"], shown["Off"]) == (0, 1)
        assert types(dv, SEGMENT)["mscipriv_state"] == "Picklist"

    def test_can_be_absent(self, dv: Environment) -> None:
        dv.switch(metadata_table="absent")
        refused(dv.get(SEGMENTS), 404, INVALID)
        refused(dv.get(table(SEGMENT)), 404, UNKNOWN)
        assert len(dv.value("EntityDefinitions")) == 2
