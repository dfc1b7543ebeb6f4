"""Both destinations pass the battery, and each check fails a destination that breaks its promise."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk import conformance
from audience_sdk.contact import Action
from audience_sdk.destination import Batch, BatchResult, EncodedRow, Member, PlatformList
from audience_sdk.errors import CixError
from audience_sdk.http import Api
from audience_sdk.ledger import TokenStore
from audience_sdk.mapping import FieldMapping
from audience_sdk.oauth import RefreshingToken, TokenEndpoint
from msgspec import structs
from requests.auth import HTTPBasicAuth
from target_campaign_monitor.destination import CampaignMonitor
from target_constant_contact.answers import again
from target_constant_contact.destination import ConstantContact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from audience_sdk.conformance import Subject
    from cix_sandbox.testing import RunningSandbox


def _mapping(fields: dict[str, Any], standard: Any) -> FieldMapping:
    return FieldMapping.parse({"email": "EMail", "custom_fields": {"City": "City"}, **fields}, standard)


def campaign_monitor(sandbox: RunningSandbox, _: Path) -> Subject:
    account = sandbox.control("GET", "/credentials")["campaign_monitor"]
    api = Api(account["base_url"], HTTPBasicAuth(account["api_key"], "x"))

    def state(email: str) -> str | None:
        people = sandbox.members("campaign_monitor", account["list_id"])
        return next((each["state"] for each in people if each["email"].lower() == email), None)

    def become(email: str, state: str) -> None:
        sandbox.seed("campaign_monitor", subscribers=[{"email": email, "state": state}])

    return conformance.Subject(
        destination=CampaignMonitor(api, "yes"),
        list_id=account["list_id"],
        missing_list_id="0" * 32,
        mapping=_mapping({"name": "Name"}, CampaignMonitor.standard_fields),
        is_mailed=lambda email: state(email) == "Active",
        unsubscribe=lambda email: become(email, "Unsubscribed"),
        leave=lambda email: become(email, "Deleted"),
    )


def constant_contact(sandbox: RunningSandbox, folder: Path) -> Subject:
    # The battery is not about pace.
    sandbox.switch("constant_contact.requests_per_second", 1_000)
    account = sandbox.control("GET", "/credentials")["constant_contact"]
    endpoint = TokenEndpoint(account["token_url"], account["client_id"], account["client_secret"])
    token = RefreshingToken(TokenStore(folder / "tokens"), endpoint, account["refresh_token"])
    api = Api(account["base_url"], token, again=again, renew=token.renew)

    def is_mailed(email: str) -> bool:
        people = sandbox.members("constant_contact", account["list_id"])
        return any(each["email"].lower() == email and each["state"] != "unsubscribed" for each in people)

    return conformance.Subject(
        destination=ConstantContact(api, job_deadline_seconds=30),
        list_id=account["list_id"],
        missing_list_id="00000000-0000-4000-8000-000000000000",
        mapping=_mapping({"first_name": "Name"}, ConstantContact.standard_fields),
        is_mailed=is_mailed,
        unsubscribe=lambda email: sandbox.seed(
            "constant_contact", contacts=[{"email": email, "permission": "unsubscribed", "lists": []}]
        ),
        leave=lambda email: sandbox.seed("constant_contact", contacts=[{"email": email, "lists": []}]),
    )


@pytest.mark.parametrize("platform", [campaign_monitor, constant_contact], ids=lambda each: each.__name__)
@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_a_destination_keeps_the_promises_that_the_engine_relies_on(
    check: Callable[[Subject], None],
    platform: Callable[[RunningSandbox, Path], Subject],
    sandbox: RunningSandbox,
    tmp_path: Path,
) -> None:
    check(platform(sandbox, tmp_path))


class Broken:
    """A destination that breaks one promise and passes everything else on to a true one."""

    def __init__(self, true: CampaignMonitor) -> None:
        self._true = true

    def __getattr__(self, name: str) -> Any:
        return getattr(self._true, name)


class LosesJoins(Broken):
    def send(self, batch: Batch) -> BatchResult:
        return BatchResult()


class RefusesReplays(Broken):
    sent: frozenset[str] = frozenset()

    def send(self, batch: Batch) -> BatchResult:
        result = self._true.send(batch)
        again = {row.email_key for row in batch.rows} & self.sent
        self.sent |= {row.email_key for row in batch.rows}
        bad = self._true.send(replace(batch, rows=[_bad_row(batch)])).problems
        return replace(result, problems={**result.problems, **dict.fromkeys(again, next(iter(bad.values())))})


class HidesTheSuppressed(Broken):
    def send(self, batch: Batch) -> BatchResult:
        return replace(self._true.send(batch), problems={})


class Resubscribes(Broken):
    def send(self, batch: Batch) -> BatchResult:
        return self._true._import(batch, resubscribe=batch.action is not Action.REMOVE)


class NeverUnsubscribes(Broken):
    def unsubscribe(self, batch: Batch) -> BatchResult:
        return BatchResult()


class LosesTheEnd(Broken):
    def send(self, batch: Batch) -> BatchResult:
        return self._true.send(replace(batch, rows=batch.rows[:100]))


class ListsOnePage(Broken):
    def members(self, list_id: str) -> Iterator[Member]:
        return islice(self._true.members(list_id), 200)


class KeysAsWritten(Broken):
    def send(self, batch: Batch) -> BatchResult:
        result = self._true.send(batch)
        written = {row.email_key: row.email for row in batch.rows}
        return replace(result, problems={written[key]: problem for key, problem in result.problems.items()})


class ListsAsWritten(Broken):
    def members(self, list_id: str) -> Iterator[Member]:
        return (member._replace(email_key=member.email_key.title()) for member in self._true.members(list_id))


class NeverRemoves(Broken):
    def send(self, batch: Batch) -> BatchResult:
        return BatchResult() if batch.action is Action.REMOVE else self._true.send(batch)


class ForgetsWhoJoined(Broken):
    def send(self, batch: Batch) -> BatchResult:
        result = self._true.send(batch)
        return replace(result, unknown=result.absent)


class NeverLetsReturn(Broken):
    def send(self, batch: Batch) -> BatchResult:
        return self._true.send(replace(batch, rows=[structs.replace(row, returns=False) for row in batch.rows]))


class ListsNobody(Broken):
    def members(self, list_id: str) -> Iterator[Member]:
        return iter(())


class KnowsEveryList(Broken):
    def describe_list(self, list_id: str) -> PlatformList:
        return PlatformList(list_id, "any")


class QuotesValues(Broken):
    def row_encoder(self, *args: Any) -> Any:
        encode = self._true.row_encoder(*args)

        def quoting(contact: Any) -> EncodedRow:
            return EncodedRow(encode(contact).payload, [*contact.fields.values()])

        return quoting


TWINS = {
    conformance.check_joins_are_held: LosesJoins,
    conformance.check_replay_is_harmless: RefusesReplays,
    conformance.check_unsubscribed_stay_away: HidesTheSuppressed,
    conformance.check_who_is_unsubscribed_gets_no_more_mail: NeverUnsubscribes,
    conformance.check_a_large_batch_is_held_and_listed: LosesTheEnd,
    conformance.check_a_change_never_re_adds: Resubscribes,
    conformance.check_leaving_twice_is_leaving: NeverRemoves,
    conformance.check_who_left_is_told_from_who_never_joined: ForgetsWhoJoined,
    conformance.check_who_was_removed_may_return: NeverLetsReturn,
    conformance.check_a_bad_row_stands_alone: HidesTheSuppressed,
    conformance.check_everybody_is_listed: ListsNobody,
    conformance.check_a_missing_list_is_named: KnowsEveryList,
    conformance.check_rows_are_json_of_bounded_length: QuotesValues,
}


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_each_check_fails_a_destination_that_breaks_its_promise(
    check: Callable[[Subject], None], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    true = campaign_monitor(sandbox, tmp_path)
    broken: Any = TWINS[check](true.destination)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        check(replace(true, destination=broken))


def test_a_person_who_unsubscribed_is_not_resubscribed_by_a_twin_without_the_battery_noticing(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    true = campaign_monitor(sandbox, tmp_path)
    broken: Any = Resubscribes(true.destination)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="unsubscribed person"):
        conformance.check_unsubscribed_stay_away(replace(true, destination=broken))


@pytest.mark.parametrize(
    ("check", "twin", "told"),
    [
        (conformance.check_a_large_batch_is_held_and_listed, ListsOnePage, "leaves them out"),
        (conformance.check_unsubscribed_stay_away, KeysAsWritten, None),
        (conformance.check_everybody_is_listed, ListsAsWritten, "who is on the list"),
    ],
)
def test_other_ways_to_break_a_promise_are_noticed_too(
    check: Callable[[Subject], None],
    twin: type[Broken],
    told: str | None,
    sandbox: RunningSandbox,
    tmp_path: Path,
) -> None:
    true = campaign_monitor(sandbox, tmp_path)
    broken: Any = twin(true.destination)  # type: ignore[arg-type]
    with pytest.raises((AssertionError, CixError), match=told or "not sent"):
        check(replace(true, destination=broken))


def _bad_row(batch: Batch) -> Any:
    payload = b'{"EmailAddress":"x@nowhere","ConsentToTrack":"Yes"}'
    return structs.replace(batch.rows[0], payload=payload, email_key="x@nowhere")
