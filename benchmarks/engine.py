"""The engine alone: Singer lines in, everything planned and ready to send, to a destination that does nothing.

    .venv/bin/python benchmarks/engine.py [--profiles N ...]

For each size: a first run, in which every contact is new, and a second one, in which none has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from audience_sdk.destination import BatchResult, CustomField, Destination, Limits, PlatformList
from audience_sdk.directory import Directory
from audience_sdk.settings import common_settings
from audience_sdk.target import AudienceTarget
from singer_sdk import typing as th
from target_campaign_monitor.payload import row_encoder

if TYPE_CHECKING:
    from collections.abc import Collection

COLUMNS = (
    *("CustomerId", "FirstName", "LastName", "EMail", "City", "Country"),
    *("LoyaltyPoints", "LastPurchase", "IsVip", "Phone", "Note", "Region"),
)
FIELDS = (
    CustomField("City", "[City]", "Text"),
    CustomField("LoyaltyPoints", "[LoyaltyPoints]", "Number"),
    CustomField("LastPurchase", "[LastPurchase]", "Date"),
)


class Nowhere(Destination):
    """Takes everything at once; bodies are joined as for Campaign Monitor."""

    limits: ClassVar[Limits] = Limits(1_000, 4_000_000, 254, calls=4, in_flight=4, removals=50)
    standard_fields: ClassVar[Collection[str]] = ("name",)

    def check(self) -> str:
        """See `Destination`."""
        return "nowhere"

    def describe_list(self, list_id: str) -> PlatformList:
        """See `Destination`."""
        return PlatformList(list_id, "nowhere", FIELDS)

    def row_encoder(self, platform_list: PlatformList, mapping: Any) -> Any:
        """See `Destination`."""
        return row_encoder(platform_list.custom_fields, mapping, "Yes")

    def body_overhead(self, list_id: str) -> int:  # noqa: ARG002 - the same for every list
        """See `Destination`."""
        return 150

    def send(self, batch: Any) -> BatchResult:
        """See `Destination`."""
        b",".join(row.payload for row in batch.rows)
        return BatchResult()

    def unsubscribe(self, batch: Any) -> BatchResult:  # noqa: ARG002 - nobody leaves
        """See `Destination`."""
        return BatchResult()

    def members(self, list_id: str) -> Any:  # noqa: ARG002 - there is nobody
        """See `Destination`."""
        return iter(())


class NothingThere(Directory):
    """An account that is never asked anything: the list is named by its id."""

    account = lists = sizes = custom_fields = create_list = planned_list = None  # type: ignore[assignment]  # never asked

    def id_of(self, text: str) -> str:
        """See `Directory`."""
        return text


class TargetNowhere(AudienceTarget):
    """A target without a platform."""

    name = "target-nowhere"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(*common_settings({"name": "Name."})).to_dict()

    def make_destination(self, services: Any) -> Destination:  # noqa: ARG002 - it needs none
        """See `AudienceTarget`."""
        return Nowhere()

    def make_directory(self, services: Any) -> Directory:  # noqa: ARG002 - it needs none
        """See `AudienceTarget`."""
        return NothingThere()


def write_lines(path: Path, profiles: int) -> None:
    """Write the Singer messages of one segment of made-up people, in no order of their addresses."""
    properties = {column: {"type": ["string", "null"]} for column in COLUMNS}
    schema = {"type": "SCHEMA", "stream": "Readers", "key_properties": ["CustomerId"], "schema": {}}
    schema["schema"] = {"properties": properties}
    with path.open("w") as file:
        file.write(json.dumps(schema) + "\n")
        for number in range(profiles):
            scattered = number * 2_654_435_761 % 4_294_967_311
            file.write(
                f'{{"type":"RECORD","stream":"Readers","record":{{"CustomerId":"{scattered:032x}","FirstName":'
                f'"Anna {number}","LastName":"Example","EMail":"anna.{scattered}@mail{number % 500}.example.com",'
                f'"City":"Wellington","Country":"New Zealand","LoyaltyPoints":{number % 1_000},"LastPurchase":'
                f'"2026-05-0{number % 9 + 1}T10:00:00Z","IsVip":true,"Phone":"+64 4 000 0000","Note":'
                f'"a text of some length","Region":"North"}},"time_extracted":"2026-11-21T00:00:00Z"}}\n'
            )
        file.write('{"type":"ACTIVATE_VERSION","stream":"Readers","version":1}\n{"type":"STATE","value":{"run":1}}\n')


def measure(folder: Path, source: Path) -> dict[str, float]:
    """Run the target once and return what it took."""
    config = folder / "config.json"
    config.write_text(
        json.dumps(
            {
                "data_privacy_consent": True,
                "list_id": "L",
                "field_mapping": {
                    "email": "EMail",
                    "name": ["FirstName", "LastName"],
                    "custom_fields": {field.name: field.name for field in FIELDS},
                },
                "ledger_url": f"sqlite:///{folder / 'ledger.db'}",
                "output_dir": str(folder / "output"),
            }
        )
    )
    begun = time.monotonic()
    with source.open("rb") as lines:
        process = subprocess.Popen(
            [sys.executable, __file__, "--run", "--config", config],
            stdin=lines,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"The run failed ({status}).")
    return {
        "wall_s": round(time.monotonic() - begun, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mib": round(usage.ru_maxrss / 1024),
    }


def main() -> None:
    """Measure every size and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, nargs="+", default=[100_000, 1_000_000])
    sizes = parser.parse_args().profiles
    figures: dict[str, Any] = {"python": platform.python_version(), "cores": os.cpu_count(), "runs": {}}
    for profiles in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_lines(folder / "source.singer", profiles)
            first = measure(folder, folder / "source.singer")
            second = measure(folder, folder / "source.singer")
        figures["runs"][profiles] = {"first": first, "unchanged": second}
        print(f"{profiles} profiles: first {first}, unchanged {second}", file=sys.stderr)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        del sys.argv[1]
        TargetNowhere.cli()
    else:
        main()
