"""The console: one command, `shelfsync`, for everything."""
