"""What the command line of a target can do in place of a run."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from audience_sdk.cli import PluginCommand
from audience_sdk.connect import show_failure
from audience_sdk.errors import CONNECTION_LOST, NOT_CONNECTED, UNEXPECTED, CixError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from typing_extensions import Self

COMMANDS = {
    "login": "Connect to an account, at a terminal and a browser; keeps the tokens beside the ledger.",
    "check": "Show the account, the lists and whatever would stop an export.",
    "lists": "Show the lists of the account, with their ids.",
    "fields": "Show what `field_mapping` can name.",
    "rebuild-ledger": "Read the lists back and rebuild the ledger from them.",
    "forget": "Erase a person here; the address is read from standard input.",
    "purge": "Erase what is kept here about the lists of a removed export.",
}

LOOKING_AROUND = {"login", "check", "lists", "fields"}
"""Commands that work before all the settings of an export are there."""


class TargetCommand(PluginCommand):
    """The command of a target: a check that is to show JSON shows it whatever happens."""

    @classmethod
    def of(cls, command: click.Command, logger: logging.Logger) -> Self:
        """Add the commands of this project to what `PluginCommand.of` returns.

        Args:
            command: As there.
            logger: As there.
        """
        ours = super().of(command, logger)
        ours.params.extend(
            click.Option([f"--{name}", "command"], flag_value=name, help=text) for name, text in COMMANDS.items()
        )
        return ours

    def make_context(self, info_name: str | None, args: list[str], *others: Any, **extra: Any) -> click.Context:
        """Parse the arguments, which reads the configuration files.

        Args:
            info_name: As for `click.Command.make_context`.
            args: Likewise.
            *others: Likewise.
            **extra: Likewise.

        Raises:
            CixError: As `PluginCommand.make_context`.
        """
        given = list(args)
        try:
            return super().make_context(info_name, args, *others, **extra)
        except CixError:
            options, _, _ = self.make_parser(click.Context(self)).parse_args(given)
            with failure_shown(options.get("command"), options.get("about_format")):
                raise


@contextmanager
def failure_shown(command: str | None, about_format: str | None) -> Iterator[None]:
    """Show a program what has kept a check from its work; a person reads it in the log.

    Args:
        command: What was asked for.
        about_format: How it was to be shown.
    """
    try:
        yield
    except Exception as error:
        if command == "check" and (about_format or "").casefold() == "json":
            show_failure(known_error(error))
        raise


@contextmanager
def login_named(target: str) -> Iterator[None]:
    """Let an error that calls for a login name the command to type.

    Args:
        target: Name of the executable. Meltano knows it by the name of the plugin, and says so in the environment.
    """
    try:
        yield
    except CixError as error:
        if error.code in {CONNECTION_LOST, NOT_CONNECTED}:
            plugin = os.environ.get("MELTANO_LOADER_NAME")
            command = f"meltano invoke {plugin}:login" if plugin else f"{target} --config … --login"
            again = " again" if error.code is CONNECTION_LOST else ""
            error.action = f"Log in{again}: `{command}`; or put new credentials into the settings."
        raise


def known_error(error: Exception) -> CixError:
    """Return an error as one with a code; the words of one that nobody foresaw could quote a record or a secret.

    Args:
        error: What was raised.
    """
    return error if isinstance(error, CixError) else CixError(UNEXPECTED, f"Unexpected {type(error).__name__}.")
