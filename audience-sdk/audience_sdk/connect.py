"""What can be asked of a connection before there is an export: log in, look around, check."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from audience_sdk.errors import PERMISSION_MISSING, CixError
from audience_sdk.fields import find_custom_fields
from audience_sdk.ledger import Ledger, ledger_path
from audience_sdk.ledger.names import remembered
from audience_sdk.mapping import FieldMapping
from audience_sdk.names import Names, with_ids
from audience_sdk.prepare import missing_fields
from audience_sdk.tables import show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from audience_sdk.destination import CustomField, Destination, PlatformList
    from audience_sdk.directory import Account, Directory
    from audience_sdk.login import Login
    from audience_sdk.oauth import RefreshingToken
    from audience_sdk.settings import Settings


def log_in(login: Login, token: RefreshingToken, directory: Directory) -> None:
    """Ask a person for access, store the tokens, and say which account they open.

    Args:
        login: How access is asked for.
        token: The connection that gets the tokens.
        directory: The account, through that connection.

    Raises:
        CixError: If access was refused or the account cannot be reached with it.
    """
    tokens = login.tokens(_tell)
    token.keep(tokens, public=login.public)
    _tell(f"Connected to {directory.account().name}.")
    if not tokens.get("refresh_token"):
        _tell(
            "The platform gave no refresh token: this login ends within a day. Allow the scope `offline_access` in the"
            " application, or log in with another `login_flow`."
        )


def show_lists(directory: Directory, *, as_json: bool) -> None:
    """Show the lists of the account.

    Args:
        directory: The account.
        as_json: Whether a program reads it.
    """
    lists = sorted(directory.lists(), key=lambda each: each.name.casefold())
    people = directory.sizes([each.list_id for each in lists])
    rows = [
        {"list_id": each.list_id, "name": each.name, "people": people.get(each.list_id), "owner": each.owner}
        for each in lists
    ]
    if as_json:
        show_json([_set_values(row) for row in rows])
    else:
        show_table(rows, {"list_id": "id", "name": "name", "people": "people", "owner": "of"})


def show_fields(directory: Directory, settings: Settings, standard: Mapping[str, str], *, as_json: bool) -> None:
    """Show what `field_mapping` can name.

    Args:
        directory: The account.
        settings: The export's settings, whose lists are looked at.
        standard: What each of the platform's own fields is.
        as_json: Whether a program reads it.

    Raises:
        CixError: If a list is needed and not set, or not found.
    """
    rows: list[dict[str, Any]] = [
        {"kind": "standard", "name": name, "description": description} for name, description in standard.items()
    ]
    for list_id in [None] if directory.shared_fields else _set_lists(directory, settings):
        rows += [{**_field(each), "list_id": list_id} for each in directory.custom_fields(list_id)]
    if as_json:
        show_json([_set_values(row) for row in rows])
        return
    titles = {"name": "name", "kind": "kind", "type": "type", "key": "key", "options": "options", "list_id": "list"}
    show_table(rows, {**titles, "description": "what it is"})


class Check:
    """Looks for everything that would stop an export; nothing is written.

    Args:
        directory: The account.
        settings: The export's settings.
        check_settings: Raises what is wrong with the settings.
        make_destination: Makes the adapter to the platform, once the settings are right.

    Attributes:
        problems: What would stop an export.
        account: The account.
        lists: What is known of each list of the export.
    """

    def __init__(
        self,
        directory: Directory,
        settings: Settings,
        check_settings: Callable[[], None],
        make_destination: Callable[[], Destination],
    ) -> None:
        self.problems: list[CixError] = []
        self.lists: list[dict[str, Any]] = []
        # Without the account there is nothing else to say.
        self.account: Account = directory.account()
        self._settings = settings
        self._names = Names(directory)
        self._directory = directory
        with self._noting():
            self._look_at_ledger()
        with self._noting():
            self._check_permissions()
        destination = None
        with self._noting():
            check_settings()
            destination = make_destination()
        with self._noting():
            self._look(destination)
        with self._noting():
            settings.check_consent()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except CixError as error:
            # What all lists share is wrong with each of them, and told once.
            if str(error) not in map(str, self.problems):
                self.problems.append(error)

    def _look_at_ledger(self) -> None:
        with closing(Ledger(ledger_path(self._settings.ledger_url), read_only=True)) as ledger:
            if not self._settings.accept_other_list:
                self._names.remembered = remembered(ledger, self._directory.place)

    def _check_permissions(self) -> None:
        missing = ", ".join(self.account.missing)
        if missing:
            raise CixError(PERMISSION_MISSING, f"The connection lacks what an export needs: {missing}.")

    def _look(self, destination: Destination | None) -> None:
        self._settings.check_lists()
        mapping = destination and self._mapping(destination)
        for text in self._settings.all_lists():
            with self._noting():
                self._names.look_up([text])
                platform_list = self._look_at(text, destination)
                if destination and platform_list and mapping:
                    self._check_fields(destination, platform_list, mapping)

    def _mapping(self, destination: Destination) -> FieldMapping | None:
        """Return the field mapping without what the platform lacks of standard fields: the rest is checked as well."""
        names = {**self._settings.field_mapping, **destination.column_settings}
        known = {"email", "custom_fields", *destination.standard_fields}
        mapping = None
        with self._noting():
            mapping = FieldMapping.parse(
                {name: names[name] for name in names if name in known}, destination.standard_fields
            )
            FieldMapping.parse(names, destination.standard_fields)
        return mapping

    def _look_at(self, text: str, destination: Destination | None) -> PlatformList | None:
        """Return what a list is, unless the settings allow no look at it yet."""
        list_id = self._names.found.get(text)
        if list_id is None:
            if not self._settings.create_list:
                raise self._names.unknown(text)
            self._names.check_new(text)
            self.lists.append({"name": text, "would_be_created": True})
            return self._directory.planned_list(text)
        if destination is None:
            self.lists.append({"list_id": list_id, "people": self._directory.sizes([list_id]).get(list_id)})
            return None
        platform_list = destination.describe_list(list_id)
        self.lists.append(
            {
                "list_id": list_id,
                "name": platform_list.name,
                "people": self._directory.sizes([list_id]).get(list_id),
                "fields": [f"{each.name} ({each.kind})" for each in platform_list.custom_fields],
            }
        )
        return platform_list

    def _check_fields(self, destination: Destination, platform_list: PlatformList, mapping: FieldMapping) -> None:
        missing = missing_fields(destination, platform_list, mapping.custom_fields)
        if not self._settings.create_fields:
            with self._noting():
                find_custom_fields(mapping.custom_fields, platform_list.custom_fields, fold=destination.fold_field)
        there = {name: columns for name, columns in mapping.custom_fields.items() if name not in missing}
        destination.row_encoder(platform_list, replace(mapping, custom_fields=there))

    def show(self, *, as_json: bool) -> None:
        """Print what was found.

        Args:
            as_json: Whether a program reads it.
        """
        account = self.account
        problems = [_problem(each) for each in self.problems]
        told = {
            "name": account.name,
            "account_id": account.account_id,
            "permissions": account.permissions,
            "missing_permissions": list(account.missing),
            "requests_left_today": account.requests_left,
        }
        if as_json:
            show_json({"account": told, "lists": self.lists, "problems": problems})
            return
        known = {name: value for name, value in told.items() if value not in (None, [])}
        rows = [{"what": name.replace("_", " "), "value": value} for name, value in known.items()]
        show_table(rows, {"what": "account", "value": ""})
        if self.lists:
            titles = {"list_id": "list", "name": "name", "people": "people", "fields": "custom fields"}
            show_table(self.lists, {**titles, "would_be_created": "would be created"})
        if problems:
            show_table(problems, {"code": "code", "problem": "what would stop an export", "what_to_do": "what to do"})
        else:
            click.echo("Nothing found that would stop an export.")


def show_failure(error: CixError) -> None:
    """Print what has kept a check from its work, as JSON of the form that `Check.show` prints.

    Args:
        error: What has happened.
    """
    show_json({"account": None, "lists": [], "problems": [_problem(error)]})


def _problem(error: CixError) -> dict[str, str]:
    return {"code": error.code.code, "problem": error.message, "what_to_do": error.action}


def _set_lists(directory: Directory, settings: Settings) -> tuple[str, ...]:
    settings.check_lists()
    names = Names(directory)
    names.look_up(settings.all_lists())
    if names.missing:
        raise names.unknown(names.missing[0])
    return with_ids(settings, names.found).all_lists()


def _field(field: CustomField) -> dict[str, Any]:
    options = list(field.options) or None
    return {"kind": "custom", "name": field.name, "key": field.key, "type": field.kind, "options": options}


def _set_values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _tell(line: str) -> None:
    """Show a line to the person at the terminal, on standard output: Meltano logs the other one."""
    click.echo(line)
