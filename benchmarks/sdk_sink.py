"""The SDK's own target with a BatchSink that does nothing. `python sdk_sink.py [--unvalidated] < lines`."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from singer_sdk import BatchSink, Target


class NullSink(BatchSink):
    """Takes batches and does nothing with them."""

    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing."""


class NullTarget(Target):
    """The SDK's target in its default form."""

    name = "target-null"
    config_jsonschema: ClassVar[dict[str, Any]] = {"type": "object", "properties": {}}
    default_sink_class = NullSink


if __name__ == "__main__":
    NullTarget(config={"validate_records": False} if "--unvalidated" in sys.argv else {}).listen()
