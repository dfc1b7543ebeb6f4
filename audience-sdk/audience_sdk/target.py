"""The Singer face of an export: settings, messages, signals and the command line of every target."""

from __future__ import annotations

import gc
import os
import sys
import threading
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk.exceptions import MapExpressionError, MissingKeyPropertiesError, RecordsWithoutSchemaException
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.singerlib.exceptions import InvalidInputLine
from singer_sdk.target_base import Target
from typing_extensions import override

from audience_sdk import connect, maintenance
from audience_sdk.cli import check_environment, check_settings, leave_out_faker, log_known, log_unexpected
from audience_sdk.commands import LOOKING_AROUND, TargetCommand, failure_shown, known_error, login_named
from audience_sdk.contact import InvalidEmailError, normalise_email
from audience_sdk.errors import (
    FORGET_WHOM,
    KEY_MISSING,
    LOGIN_FAILED,
    RECORD_BEFORE_SCHEMA,
    SETTING_INVALID,
    STATE_UNREAD,
    STOPPED,
    CixError,
)
from audience_sdk.ledger import ledger_path
from audience_sdk.ledger.database import clear_errors
from audience_sdk.names import resolve
from audience_sdk.reader import BulkReader, RecordRun
from audience_sdk.run import Run
from audience_sdk.services import Services
from audience_sdk.settings import Settings, with_custom_fields
from audience_sdk.sink import MELTANO_TEST_STREAM, KeyMissingError, SegmentSink
from audience_sdk.unchanged import form_of

if TYPE_CHECKING:
    from types import FrameType
    from typing import IO

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from audience_sdk.destination import Destination
    from audience_sdk.directory import Directory
    from audience_sdk.login import Login
    from audience_sdk.oauth import RefreshingToken

_SLOW_PATH_SETTINGS = ("stream_maps", "flattening_enabled")
"""Settings whose work the SDK does record by record."""

_USUAL_THRESHOLD = gc.get_threshold()
_OBJECTS_BETWEEN_COLLECTIONS = 100_000


class RecordBeforeSchemaError(CixError, RecordsWithoutSchemaException):
    """A record came before the schema of its stream."""


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
    export_settings: ClassVar[frozenset[str]] = frozenset({"field_mapping"})
    """Required settings that connecting and looking around can do without."""

    def __init__(self, **kwargs: Any) -> None:
        """Check the settings and get ready to read.

        Args:
            **kwargs: As for the SDK's `Target`.
        """
        super().__init__(**kwargs)
        self.services = Services(Settings.of(self.config))
        self._signum = 0
        self._run: Run | None = None
        self._checks_only = False
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

    @abstractmethod
    def make_directory(self, services: Services) -> Directory:
        """Return what looks around in the account.

        Args:
            services: What the engine lends.
        """

    def make_login(self, services: Services) -> tuple[Login, RefreshingToken]:  # noqa: ARG002 - for platforms with one
        """Return how a person connects, and the connection that gets the tokens.

        Args:
            services: What the engine lends.

        Raises:
            CixError: `LOGIN_FAILED` if the platform or the settings have none.
        """
        raise CixError(LOGIN_FAILED, f"{self.name} has no login.", "Put the credentials into the settings.")

    @property
    def run(self) -> Run:
        """The run; it begins when it is first asked for."""
        if self._run is None:
            services = self.services
            self._run = Run(
                target=self.name,
                settings=services.settings,
                destination=self.make_destination(services),
                directory=self.make_directory(services),
                traffic=services.traffic,
                stop=services.stop,
                logger=self.logger,
                form=None if self.config.get("stream_maps") else form_of(self.config, self.config_jsonschema),
            )
            self._run.checks_only = self._checks_only
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
        assert isinstance(sink, SegmentSink)  # noqa: S101 - `default_sink_class` says so
        for key in sink.key_properties if sink.stage is not None else ():
            lacking = self.run.profiles.lacking(records.records, key)
            if lacking is not None:
                message = f"Line {records.line + lacking}: the record lacks its key property `{key}`."
                raise KeyMissingError(KEY_MISSING, message)
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
        self._checks_only = message_dict["stream"] == MELTANO_TEST_STREAM
        super()._process_schema_message(message_dict)
        if self._fast and self._run is not None:
            self.message_reader.decode_records_as(self._run.profiles.type)

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
        # Errors of requests do form cycles, with whole batches in them.
        gc.set_threshold(*_USUAL_THRESHOLD)
        try:
            self.run.finish(self._latest_state)
        finally:
            # Segments that were left out although a list needs them end the run with an error that only this very
            # state gets the tap over.
            if self._latest_state and self.run.settled_state is not None:
                self._send_state(self.run.settled_state)

    def _send_state(self, state: dict[str, Any]) -> None:
        try:
            self._write_state_message(state)
        except BrokenPipeError:
            # What is still buffered can go nowhere; Python would complain about it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise CixError(STATE_UNREAD, "Nobody reads the state any more; was Meltano killed?") from None

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
        if isinstance(self._config.get("field_mapping"), dict):
            self._config["field_mapping"] = with_custom_fields(self._config["field_mapping"])
        schema = self.config_jsonschema
        if not raise_errors:
            schema = {**schema, "required": sorted(set(schema.get("required", ())) - self.export_settings)}
        check_settings(self._config, schema)
        check_environment(self.name, schema, os.environ)
        return []

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's own settings that mean something here: stream maps and flattening."""
        super(Target, cls).append_builtin_config(config_jsonschema)
        leave_out_faker(config_jsonschema)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        """Return the command, with this project's way of reporting errors."""
        return TargetCommand.of(super().get_singer_command(), cls.logger)

    def carry_out(self, command: str, *, as_json: bool) -> None:
        """Do what the command line asks for in place of a run.

        Args:
            command: One of the commands.
            as_json: Whether a program reads what is shown.
        """
        services, settings = self.services, self.services.settings
        if command == "login":
            login, token = self.make_login(services)
            connect.log_in(login, token, self.make_directory(services))
        elif command == "check":
            self._check(as_json=as_json)
        elif command == "lists":
            connect.show_lists(self.make_directory(services), as_json=as_json)
        elif command == "fields":
            mapping = self.config_jsonschema["properties"]["field_mapping"]["properties"]
            standard = {name: field["description"] for name, field in mapping.items() if name != "custom_fields"}
            connect.show_fields(self.make_directory(services), settings, standard, as_json=as_json)
        elif command == "forget":
            self._forget()
        else:
            settings.check_lists()
            resolved = resolve(replace(settings, create_list=False), self.make_directory(services)).settings
            if command == "purge":
                erased = maintenance.purge(resolved, self.name)
                self.logger.info("Purged %d contacts from `%s`.", erased, ledger_path(settings.ledger_url))
            else:
                maintenance.rebuild(resolved, self.make_destination(services), self.name, services.stop, self.logger)

    def _check(self, *, as_json: bool) -> None:
        services = self.services
        check = connect.Check(
            self.make_directory(services),
            services.settings,
            check_settings=lambda: check_settings(dict(self._config), self.config_jsonschema),
            make_destination=lambda: self.make_destination(services),
        )
        check.show(as_json=as_json)
        if check.problems:
            sys.exit(check.problems[0].exit_code)

    def _forget(self) -> None:
        click.echo("E-mail address to forget:", err=True)
        address = sys.stdin.readline()
        if not address.strip():
            raise CixError(FORGET_WHOM, "No address was given on standard input.")
        try:
            _, email_key = normalise_email(address)
        except InvalidEmailError as error:
            raise CixError(FORGET_WHOM, error.problem.reason) from None
        settings = self.services.settings
        places = maintenance.forget(settings, email_key)
        where = (ledger_path(settings.ledger_url), settings.output_dir.absolute())
        if not places:
            self.logger.warning(
                "No contact in `%s` and no report below `%s` has this address; what killed runs had left of it, if"
                " anything, is erased. Should it be there? Then check the spelling, and that this is the environment"
                " in which the export runs. The platform still has whatever it had.",
                *where,
            )
            return
        self.logger.info(
            "Forgotten in `%s` and the reports below `%s` (places: %d). The platform still has whatever it had, and an"
            " export that has forgotten somebody does not take them off a list.",
            *where,
            places,
        )

    @classmethod
    @override
    def invoke(  # type: ignore[override]  # the SDK's own `Target.invoke` narrows `**kwargs` likewise
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
        command: str | None = None,
    ) -> None:
        """Run the target.

        Args:
            about: Show what the target is, and end.
            about_format: How to show it, or what a command shows.
            config: The settings.
            file_input: Where to read messages instead of standard input.
            command: What to do in place of a run.
        """
        super(Target, cls).invoke(about=about, about_format=about_format)
        config = config or _ConfigInput()
        try:
            with failure_shown(command, about_format):
                target = cls(
                    config=config.config,
                    parse_env_config=config.parse_env,
                    validate_config=command not in LOOKING_AROUND,
                )
                settings = target.services.settings
                ledger = ledger_path(settings.ledger_url)
                if not command:
                    settings.check_lists()
                    settings.check_consent()
        except CixError as error:
            if not command:
                log_known(cls.logger, error)
                BulkReader().discard(file_input, threading.Event())
                sys.exit(error.exit_code)
            raise
        if command:
            try:
                with failure_shown(command, about_format), clear_errors(ledger), login_named(target.name):
                    target.carry_out(command, as_json=about_format == "json")
            except CixError as error:
                sys.exit(target.tell(error))
            return
        # What is loaded by now stays, and what is read forms no cycles: looking at it again and again took a twentieth
        # of the time.
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        try:
            with clear_errors(ledger), login_named(target.name):
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
        if self._run is not None:
            self._run.fail(known_error(error))

    def tell(self, error: Exception) -> int:
        """Log what ended the run.

        Args:
            error: What ended it.

        Returns:
            What the process ends with.
        """
        if isinstance(error, CixError):
            log_known(self.logger, error)
        else:
            log_unexpected(self.logger, error)
        return 128 + self._signum if self._signum else getattr(error, "exit_code", 1)
