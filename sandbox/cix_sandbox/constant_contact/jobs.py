"""The kinds of activities, and what each does when it comes to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cix_sandbox.constant_contact import bulk_jobs, export_job, import_job

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from cix_sandbox.constant_contact.job import Done, Job

IMPORT = "import"
JOBS: dict[str, Callable[[sqlite3.Connection, Job], Done]] = {
    IMPORT: import_job.run,
    "add_list_memberships": bulk_jobs.add_memberships,
    "remove_list_memberships": bulk_jobs.remove_memberships,
    "contact_delete": bulk_jobs.delete_contacts,
    "list_delete": bulk_jobs.delete_lists,
    "custom_fields_delete": bulk_jobs.delete_fields,
    "contact_exports": export_job.run,
}
