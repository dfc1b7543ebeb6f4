"""Every received row ends in exactly one outcome, and the summary, the rejected rows and the exit code agree."""

from __future__ import annotations

from export_harness import STATE, Export, key, person, segment


def test_new_contacts_are_created_with_all_that_is_mapped(export: Export) -> None:
    result = export.run(segment([person(1, Last="Lee", Points="12"), person(2)]))

    assert result.exit_code == 0, result.log
    assert result.states == [STATE]
    assert result.counts() == {"received": 2, "created": 2}
    assert export.held == {
        key(1): {"email": key(1), "first_name": "Ann1", "last_name": "Lee", "cf_loyalty": "12"},
        key(2): {"email": key(2), "first_name": "Ann2"},
    }
    assert result.rejected == []
