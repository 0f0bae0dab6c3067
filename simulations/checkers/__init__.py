"""Checkers: each turns observations of a run into violations. They do not change the run."""
