"""Entries that change what an earlier entry did. `times` says when their moves count."""

VOID = "void"
"""The kind of an entry that reverses a duplicate."""

RETURN_CORRECTION = "return_correction"
"""The kind of an entry that changes what a return brought back to what its sale took."""

CHANGES = (VOID, RETURN_CORRECTION)
"""These kinds. Their moves count when those of the earlier entry do."""
