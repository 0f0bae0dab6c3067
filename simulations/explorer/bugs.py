"""The planted bugs that the explorer finds, each with the script that shows it."""

from __future__ import annotations

BUGS = {
    "void-of-nothing": "retries",
    "voided-twice": "retries",
    "void-of-the-later-arrival": "retries",
    "answers-with-the-first-heard-of": "retries",
    "promised-from-the-store": "retries",
    "digest-stale": "retries",
    "promise-unchecked": "grants",
    "rights-of-others": "grants",
    "granted-twice": "grants",
    "handover-without-units": "handovers",
    "handover-of-units-alone": "handovers",
    "cancelled-after-it-left": "handovers",
    "anybody-decides": "handovers",
    "cancellation-not-passed-on": "handovers",
    "lines-at-each-place": "early-lines",
    "impossible-number-not-counted": "numbers",
    "orders-placed-twice-stand": "placements",
    "expired-by-anybody": "placements",
    "breach-unrecorded": "breaches",
    "breach-counted-again": "breaches",
    "late-movement-ignored": "counts",
    "void-as-of-now": "counts",
    "available-before-the-sale": "breaches",
}
"""By the name of the mutation: the name of the script."""
