"""The planted bugs that the explorer finds, each with the script that shows it."""

from __future__ import annotations

BUGS = {
    "void-of-nothing": "retries",
}
"""By the name of the mutation: the name of the script."""
