"""Bugs planted on purpose, in the real code: what the workload and the checkers must be able to see."""
