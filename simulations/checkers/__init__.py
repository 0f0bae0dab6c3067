"""Checkers: pure functions from what was observed to the violations found in it."""
