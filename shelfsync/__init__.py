"""The command line: the command `shelfsync`, and the demo."""
