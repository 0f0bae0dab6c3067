"""Voids: entries that reverse a duplicate. `times` says when their moves count."""

VOID = "void"
"""The kind of an entry that reverses a duplicate."""
