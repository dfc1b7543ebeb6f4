"""Through Meltano, whoever needs a segment that was left out as unchanged gets it in the next run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from meltano_project import EXPORTS, last_run, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from cix_sandbox.testing import RunningSandbox
    from meltano_project import MeltanoProject, Ran


def test_a_changed_mapping_reaches_everybody_by_the_run_after_next(
    project: MeltanoProject, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    settings = settings_of(sandbox.url, tmp_path)
    settings["TAP_CIX_SEGMENTS__CAMPAIGN_MONITOR_SKIP_UNCHANGED"] = "true"
    mapping = {"TARGET_CAMPAIGN_MONITOR_FIELD_MAPPING": json.dumps({"email": "EMail", "name": "LastName"})}

    def run(**own: str) -> Ran:
        pair = EXPORTS["campaign_monitor"]
        return project.meltano("run", "--state-id-suffix=left-out", *pair, **settings, **own)

    with project.alone():
        first = run()
        assert first.code == 0, first.told
        sent = last_run(tmp_path, "campaign_monitor")["summary"]["counts"]
        assert sent["created"] > 100

        needed = run(**mapping)
        assert needed.code != 0
        assert "CIX-305" in needed.told
        assert "Traceback" not in needed.told
        assert last_run(tmp_path, "campaign_monitor")["summary"]["status"] == "incomplete"

        again = run(**mapping)
        assert again.code == 0, again.told
        counts = last_run(tmp_path, "campaign_monitor")["summary"]["counts"]
        assert counts["updated"] == sent["created"] + sent["updated"]

        unchanged = run(**mapping)
        assert unchanged.code == 0, unchanged.told
        assert not any(last_run(tmp_path, "campaign_monitor")["summary"]["counts"].values())
