"""What every plugin's command line does with an error: one line with a code, no traceback, no personal data."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk.plugin_base import JSONSchemaValidator, SingerCommand

from audience_sdk.errors import SETTING_INVALID, UNEXPECTED, CixError
from audience_sdk.ledger.database import PRIVATE
from audience_sdk.mapping import nearest

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    import click
    from typing_extensions import Self


class PluginCommand(SingerCommand):
    """A Singer command that ends with one clear line where the SDK's would print a traceback."""

    @classmethod
    def of(cls, command: click.Command, logger: logging.Logger) -> Self:
        """Turn the SDK's command of a plugin into one that reports errors as this project does.

        Args:
            command: What `get_singer_command` of the SDK's base class returned.
            logger: The plugin's logger.
        """
        return cls(
            name=command.name,
            callback=command.callback,
            params=command.params,
            context_settings=command.context_settings,
            logger=logger,
        )

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; a `CixError` becomes one logged line and the exit code that it calls for.

        Args:
            *args: As for `click.Command.main`.
            **kwargs: Likewise.

        Returns:
            What the command returns.
        """
        try:
            return super().main(*args, **kwargs)
        except CixError as error:
            log_known(self.logger, error)
            sys.exit(error.exit_code)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            log_unexpected(self.logger, error)
            sys.exit(1)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments, which reads the configuration files.

        Args:
            *args: As for `click.Command.make_context`.
            **kwargs: Likewise.

        Raises:
            CixError: `SETTING_INVALID` if a configuration file cannot be read.
        """
        try:
            context = super().make_context(*args, **kwargs)
        except OSError as error:
            # The SDK's own error about a missing file has its words in place of the parts.
            reason = f"`{error.filename}`: {error.strerror}." if error.filename else str(error)
            raise CixError(SETTING_INVALID, f"Cannot read a configuration file. {reason}") from error
        except (ValueError, TypeError) as error:
            raise CixError(SETTING_INVALID, "A configuration file does not hold one JSON object.") from error
        _hide_meltano_settings()
        return context


_MISSPELT = 0.85
"""From this likeness on, a variable is a setting that was meant (`DRYRUN`); `LOGLEVEL`, the SDK's own, is none."""


def check_environment(plugin: str, schema: Mapping[str, Any], environment: Iterable[str]) -> None:
    """Check that no environment variable misspells a setting.

    Meltano passes over such a variable without a word, so that a misspelt `dry_run` would be a real run.

    Args:
        plugin: Name of the plugin, whose variables begin with it.
        schema: The plugin's JSON Schema for its settings.
        environment: The names of all variables.

    Raises:
        CixError: `SETTING_INVALID`, naming the variables that look like a setting and are none.
    """
    beginning = plugin.replace("-", "_").upper() + "_"
    known = {*schema.get("properties", {}), *_OTHERS}
    problems = []
    for variable in sorted(environment):
        setting = variable.removeprefix(beginning).lower()
        # What ends with a setting is another plugin's, whose name is longer: `target-…-eu` has `TARGET_…_EU_DRY_RUN`.
        if variable.startswith(beginning) and not any(
            f"{setting}_".startswith(f"{name}_") or setting.endswith(f"_{name}") for name in known
        ):
            meant = nearest(setting, known, alike=_MISSPELT)
            problems += [f"`{variable}` names no setting{meant}"] if meant else []
    if problems:
        raise CixError(SETTING_INVALID, "Environment: " + "; ".join(problems) + ".")


_OTHERS = {
    *("load_method", "batch_size_rows", "validate_records", "add_record_metadata", "activate_version"),
    "faker_config",
}
"""Settings of the SDK that mean nothing here and do no harm; configurations written for other plugins have them."""

_KINDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "object": "an object",
    "array": "a list",
}


def _expected(rule: str, value: Any) -> str:
    """Return what a setting must be, in words."""
    if rule == "enum":
        return " or ".join(f"`{each}`" for each in value if each is not None)
    kinds = [kind for option in value for kind in _as_list(option.get("type", ()))] if rule == "oneOf" else value
    if rule in {"type", "oneOf"}:
        return " or ".join(dict.fromkeys(_KINDS[kind] for kind in _as_list(kinds) if kind in _KINDS))
    return f"of another value ({rule})"


def _as_list(kinds: Any) -> list[str]:
    return [kinds] if isinstance(kinds, str) else list(kinds)


def log_known(logger: logging.Logger, error: CixError) -> None:
    """Log an error of the registry: its code, what happened, and what to do.

    Args:
        logger: The plugin's logger.
        error: What was raised.
    """
    logger.error("%s", error, extra={"code": error.code.code})


def log_unexpected(logger: logging.Logger, error: BaseException) -> None:
    """Log where an unexpected error arose, without its message, which could quote a record or a secret.

    Args:
        logger: The plugin's logger.
        error: What was raised.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{f.filename}:{f.lineno} {f.name}" for f in reversed(frames[-6:]))
    message = f"Unexpected {type(error).__name__} at {where}."
    logger.error("%s", CixError(UNEXPECTED, message), extra={"code": UNEXPECTED.code})


def _hide_meltano_settings() -> None:
    """Make the settings that Meltano has written for this process private.

    They hold secrets, others may read them, and they stay behind when Meltano is killed.
    """
    for argument in sys.argv[1:]:
        path = Path(argument.removeprefix("--config="))
        if ".meltano" in path.parts and path.name.endswith(".config.json"):
            with suppress(OSError):
                path.chmod(PRIVATE)


def leave_out_faker(schema: dict[str, Any]) -> None:
    """Take the settings of made-up data out of those that the SDK adds: its library is not among the dependencies.

    Args:
        schema: The plugin's JSON Schema for its settings, changed in place.
    """
    schema["properties"].pop("faker_config", None)


def check_settings(config: Mapping[str, Any], schema: dict[str, Any]) -> None:
    """Check settings against their JSON Schema and fill in the defaults, naming no value in an error.

    The SDK's own message quotes the value, which may be a secret.

    Args:
        config: The settings as given; defaults are added in place.
        schema: The plugin's JSON Schema for its settings.

    Raises:
        CixError: `SETTING_INVALID`, naming each wrong setting and what it must be.
    """
    problems: list[str] = []
    for error in JSONSchemaValidator(schema).iter_errors(config):
        name = ".".join(str(part) for part in error.absolute_path)
        if error.validator == "required":
            missing = sorted(set(error.validator_value) - set(error.instance))
            problems.extend(f"`{'.'.join(filter(None, [name, m]))}` is required" for m in missing)
        elif error.validator == "additionalProperties":
            problems.append(f"`{name}` has a key that is not known")
        else:
            problems.append(f"`{name}` must be {_expected(str(error.validator), error.validator_value)}")
    known = schema.get("properties", {})
    problems.extend(
        f"`{name}` is not known{nearest(name, known)}" for name in config if name not in known and name not in _OTHERS
    )
    if problems:
        raise CixError(SETTING_INVALID, "Settings: " + "; ".join(sorted(set(problems))) + ".")
