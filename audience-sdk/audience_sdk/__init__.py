"""The sync engine and kit that every destination plugin is built and tested with."""
