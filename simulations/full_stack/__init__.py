"""Whole nodes under simulation: HTTP, WebSockets and SQLite as in production, in virtual time."""
