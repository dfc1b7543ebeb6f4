"""The Singer face of an export: settings, messages, signals and the command line of every target."""

from __future__ import annotations

import copy
import hashlib
import os
import sys
import threading
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import click
from pyrate_limiter import Duration, Limiter, Rate, SQLiteBucket
from singer_sdk.exceptions import MapExpressionError, MissingKeyPropertiesError, RecordsWithoutSchemaException
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.singerlib.exceptions import InvalidInputLine
from singer_sdk.target_base import Target
from typing_extensions import override

from audience_sdk import maintenance
from audience_sdk.cli import check_settings, log_unexpected, plugin_command
from audience_sdk.contact import InvalidEmailError, normalise_email
from audience_sdk.errors import (
    FORGET_WHOM,
    KEY_MISSING,
    RECORD_BEFORE_SCHEMA,
    SETTING_INVALID,
    STOPPED,
    UNEXPECTED,
    CixError,
)
from audience_sdk.http import Api, Traffic, check_url
from audience_sdk.ledger import TokenStore, ledger_path
from audience_sdk.ledger.database import clear_errors, make_private
from audience_sdk.reader import BulkReader, RecordRun
from audience_sdk.run import Run
from audience_sdk.settings import Settings
from audience_sdk.sink import KeyMissingError, SegmentSink

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType
    from typing import IO

    from requests.auth import AuthBase
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from audience_sdk.destination import Destination

_SLOW_PATH_SETTINGS = ("stream_maps", "flattening_enabled")
"""Settings whose work the SDK does record by record."""


class RecordBeforeSchemaError(CixError, RecordsWithoutSchemaException):
    """A record came before the schema of its stream."""


@dataclass
class Services:
    """What the engine lends to a destination.

    Attributes:
        settings: The export's settings.
        traffic: Counts the run's requests.
        stop: Set when the run is to stop.
    """

    settings: Settings
    traffic: Traffic = field(default_factory=Traffic)
    stop: threading.Event = field(default_factory=threading.Event)

    def api(self, base_url: str, auth: AuthBase, **options: Any) -> Api:
        """Return an API whose requests are counted, retried and stopped with the run.

        Args:
            base_url: Everything up to the version.
            auth: Adds the credentials.
            **options: Further attributes of `Api`.
        """
        attempts = self.settings.max_attempts
        return Api(
            check_url("api_url", base_url), auth, traffic=self.traffic, stop=self.stop, attempts=attempts, **options
        )

    def budget(self, connection_id: str, per_second: int) -> Limiter:
        """Return the budget of a connection's requests, which all processes of this machine with one ledger share.

        Args:
            connection_id: Names the connection; no secret.
            per_second: Requests in a second.
        """
        name = hashlib.sha256(connection_id.encode()).hexdigest()[:16]
        path = self._beside_ledger(f"budget-{name}")
        make_private(path)
        make_private(path.with_name(f"{path.name}.lock"))
        rate = Rate(per_second, Duration.SECOND)
        return Limiter(SQLiteBucket.init_from_file([rate], table="requests", db_path=str(path), use_file_lock=True))

    def _beside_ledger(self, name: str) -> Path:
        ledger = ledger_path(self.settings.ledger_url)
        return ledger.with_name(f"{ledger.name}.{name}")

    def tokens(self) -> TokenStore:
        """Return the store of tokens beside the ledger."""
        return TokenStore(self._beside_ledger("tokens"))


class AudienceTarget(Target):
    """A target that keeps lists at an e-mail platform equal to segments."""

    message_reader_class = BulkReader
    message_reader: BulkReader
    default_sink_class = SegmentSink
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.BATCH,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **kwargs: Any) -> None:
        """Check the settings and get ready to read.

        Args:
            **kwargs: As for the SDK's `Target`.
        """
        super().__init__(**kwargs)
        self.services = Services(Settings.of(self.config))
        self._signum = 0
        self._run: Run | None = None
        self.message_reader.on_records = self._process_records
        self.message_reader.before_waiting = self._end_if_stopped
        self._fast = not any(self.config.get(name) for name in _SLOW_PATH_SETTINGS)
        if not self._fast:
            self.message_reader.decode_decimals()
        super()._setup_signal_handlers()

    @override
    def _setup_signal_handlers(self) -> None:
        """Leave signals to the system until there is something to stop in good order."""

    @abstractmethod
    def make_destination(self, services: Services) -> Destination:
        """Return the adapter to the platform, from the target's own settings.

        Args:
            services: What the engine lends.
        """

    @property
    def run(self) -> Run:
        """The run; it begins when it is first asked for."""
        if self._run is None:
            services = self.services
            self._run = Run(
                target=self.name,
                settings=services.settings,
                destination=self.make_destination(services),
                traffic=services.traffic,
                stop=services.stop,
                logger=self.logger,
            )
            self._run.begin()
        return self._run

    def _process_records(self, records: RecordRun) -> None:
        if not self.sink_exists(records.stream) and records.stream not in self.mapper.stream_maps:
            message = f"Line {records.line}: a RECORD of stream `{records.stream}` came before its SCHEMA."
            raise RecordBeforeSchemaError(RECORD_BEFORE_SCHEMA, message)
        if not self._fast:
            self._process_slowly(records)
            return
        sink = self.get_sink(records.stream)
        for key in sink.key_properties:
            for number, record in enumerate(records.records, records.line):
                if key not in record:
                    raise KeyMissingError(KEY_MISSING, f"Line {number}: the record lacks its key property `{key}`.")
        assert isinstance(sink, SegmentSink)  # noqa: S101 - `default_sink_class` says so
        sink.add(records.records)

    def _process_slowly(self, records: RecordRun) -> None:
        number = records.line
        try:
            for number, record in enumerate(records.records, records.line):  # noqa: B007 - named in the errors below
                self._process_record_message({"type": "RECORD", "stream": records.stream, "record": record})
        except MissingKeyPropertiesError:
            raise KeyMissingError(KEY_MISSING, f"Line {number}: the record lacks a key property.") from None
        except MapExpressionError:
            message = f"Setting `stream_maps` has an expression that fails on the record of line {number}."
            raise CixError(SETTING_INVALID, message) from None

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        """Register a stream, after a look at what the SDK takes for granted."""
        schema = message_dict.get("schema")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        if not isinstance(properties, dict) or not isinstance(message_dict.get("stream"), str):
            raise InvalidInputLine
        super()._process_schema_message(message_dict)

    @override
    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        """Stage the records of files, after a look at what the SDK takes for granted."""
        encoding = message_dict.get("encoding")
        if not isinstance(encoding, dict) or "format" not in encoding:
            raise InvalidInputLine
        self._assert_line_requires(message_dict, requires={"stream", "manifest"})
        stream = message_dict["stream"]
        if stream not in self.mapper.stream_maps:
            message = f"A BATCH of stream `{stream}` came before its SCHEMA."
            raise RecordBeforeSchemaError(RECORD_BEFORE_SCHEMA, message)
        super()._process_batch_message(message_dict)

    @override
    def _handle_max_record_age(self) -> None:
        """Drain nothing at intervals: that would let the state out before what it covers is confirmed."""

    @override
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        """Note that a segment was read to its end."""
        self._assert_line_requires(message_dict, requires={"stream", "version"})
        for stream_map in self.mapper.stream_maps.get(message_dict["stream"], ()):
            self.run.mark_complete(stream_map.stream_alias)

    @override
    def process_endofpipe(self) -> None:
        """Plan, send and report; the state goes out only after everything that it covers is confirmed."""
        self.run.finish()
        if self._latest_state and not self.services.settings.dry_run:
            self._write_state_message(copy.deepcopy(self._latest_state))

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Stop in good order on the first signal, at once on the second."""
        if self._signum:
            os._exit(128 + signum)
        self._signum = signum
        self.services.stop.set()
        if self.message_reader.waiting:
            self._end_if_stopped()

    def _end_if_stopped(self) -> None:
        if self.services.stop.is_set():
            raise CixError(STOPPED, "The run was stopped while it read the segments; nothing was sent.")

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings without quoting a value in an error."""
        self.append_builtin_config(self.config_jsonschema)
        check_settings(self._config, self.config_jsonschema)
        return []

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's own settings that mean something here: stream maps and flattening."""
        super(Target, cls).append_builtin_config(config_jsonschema)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        """Return the command, with this project's way of reporting errors."""
        command = plugin_command(super().get_singer_command(), cls.logger)
        command.params.extend(
            [
                click.Option(
                    ["--rebuild-ledger"], is_flag=True, help="Read the lists back and rebuild the ledger from them."
                ),
                click.Option(
                    ["--forget"], is_flag=True, help="Erase a person here; the address is read from standard input."
                ),
                click.Option(
                    ["--purge"], is_flag=True, help="Erase what is kept here about the lists of a removed export."
                ),
            ]
        )
        return command

    def maintain(self, *, rebuild_ledger: bool, forget: bool) -> None:
        """Do what the command line asks for in place of a run.

        Args:
            rebuild_ledger: Rebuild the ledger from the lists.
            forget: Forget the person whose address is on standard input; else purge the export.
        """
        settings = self.services.settings
        if rebuild_ledger:
            maintenance.rebuild(settings, self.make_destination(self.services), self.name, self.logger)
        elif forget:
            click.echo("E-mail address to forget: ", nl=False, err=True)
            try:
                _, email_key = normalise_email(sys.stdin.readline())
            except InvalidEmailError as error:
                raise CixError(FORGET_WHOM, error.problem.reason) from None
            self.logger.info("Forgotten in %d places.", maintenance.forget(settings, email_key))
        else:
            self.logger.info("Purged %d contacts.", maintenance.purge(settings, self.name))

    @classmethod
    @override
    def invoke(  # type: ignore[override]  # the SDK's own `Target.invoke` narrows `**kwargs` likewise
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
        rebuild_ledger: bool = False,
        forget: bool = False,
        purge: bool = False,
    ) -> None:
        """Run the target.

        Args:
            about: Show what the target is, and end.
            about_format: How to show it.
            config: The settings.
            file_input: Where to read messages instead of standard input.
            rebuild_ledger: Rebuild the ledger from the lists in place of a run.
            forget: Forget a person in place of a run.
            purge: Purge the export in place of a run.
        """
        super(Target, cls).invoke(about=about, about_format=about_format)
        config = config or _ConfigInput()
        target = cls(config=config.config, parse_env_config=config.parse_env)
        ledger = ledger_path(target.services.settings.ledger_url)
        if rebuild_ledger or forget or purge:
            with clear_errors(ledger):
                target.maintain(rebuild_ledger=rebuild_ledger, forget=forget)
            return
        target.services.settings.check_consent()
        try:
            with clear_errors(ledger):
                target.listen(file_input)
        except Exception as error:  # noqa: BLE001 - told and reported, whatever it is
            with clear_errors(ledger):
                target.fail(error)
            code = target.tell(error)
            target.message_reader.discard(file_input, target.services.stop)
            sys.exit(code)

    def fail(self, error: Exception) -> None:
        """End the run with an error.

        Args:
            error: What ended it.
        """
        known = error if isinstance(error, CixError) else CixError(UNEXPECTED, f"Unexpected {type(error).__name__}.")
        if self._run is not None:
            self._run.fail(known)

    def tell(self, error: Exception) -> int:
        """Log what ended the run.

        Args:
            error: What ended it.

        Returns:
            What the process ends with.
        """
        if isinstance(error, CixError):
            self.logger.error("%s", error, extra={"code": error.code.code})
        else:
            log_unexpected(self.logger, error)
        return 128 + self._signum if self._signum else getattr(error, "exit_code", 1)
