"""The Singer SDK's own battery of target tests.

Its streams have no e-mail column, which is a configuration error by design; a stream map gives each record one.
"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from export_harness import Export, lines_of
from memory_destination import MemoryTarget, Platform
from singer_sdk.testing import SuiteConfig, get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import SingerTestSuite
from singer_sdk.testing.target_tests import TargetRecordMissingRequiredProperty

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    from singer_sdk import Target

GIVE_AN_ADDRESS = {"*": {"EMail": "md5(str(_)) + '@example.com'"}}


class Runner(TargetTestRunner):
    """Ends a run that fails, as the command line does."""

    def _execute_sync(
        self, target: Target, target_input: IO[str] | None, *, finalize: bool = True
    ) -> tuple[io.TextIOWrapper[io.BytesIO], io.TextIOWrapper[io.BytesIO]]:
        try:
            return super()._execute_sync(target, target_input, finalize=finalize)
        except Exception as error:
            assert isinstance(target, MemoryTarget)
            target.fail(error)
            raise


# `TargetMultipleStateMessages` is not in the battery by default and stays out: no state leaves before the end.
_ALSO = SingerTestSuite(kind="target", tests=[TargetRecordMissingRequiredProperty])
StandardTests = get_target_test_class(MemoryTarget, custom_suites=[_ALSO])


class TestMemoryTarget(StandardTests):  # type: ignore[misc,valid-type]  # made at run time
    """All of the battery; none of it is switched off."""

    @pytest.fixture
    def runner(self, tmp_path: Path) -> Iterator[Runner]:
        export = Export(tmp_path, Platform())
        target = type("MemoryTarget", (MemoryTarget,), {"platform": export.platform})
        config: dict[str, Any] = export.config | {"field_mapping": {"email": "EMail"}, "stream_maps": GIVE_AN_ADDRESS}
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        runner = Runner(target, config=config, suite_config=SuiteConfig())
        yield runner
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for summary in (tmp_path / "output").glob("*/*/summary.json"):
            told = json.loads(summary.read_text())
            assert told["status"] == ("succeeded" if told["error"] is None else "failed")
            if told["error"] is None:
                assert told["counts"]["received"] == records_in(runner)


def records_in(runner: Runner) -> int:
    """How many records a run was given."""
    assert runner.input_filepath is not None
    lines = runner.input_filepath.read_text(encoding="utf-8").splitlines()
    return sum(json.loads(line)["type"] == "RECORD" for line in lines)


def test_the_battery_is_whole() -> None:
    names = {name for name in dir(TestMemoryTarget) if name.startswith("test_target_")}

    assert len(names) >= 16
    assert "test_target_record_before_schema" in names


def test_a_stream_without_the_mapped_column_is_refused_by_design(export: Export) -> None:
    source = export.folder / "own.singer"
    source.write_text(lines_of([{"type": "SCHEMA", "stream": "s", "key_properties": [], "schema": {"properties": {}}}]))
    config = export.folder / "own.json"
    config.write_text(json.dumps(export.config))

    assert "CIX-103" in export.command("--config", str(config), "--input", str(source)).log
