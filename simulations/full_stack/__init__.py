"""The whole node under simulation: HTTP, WebSockets and SQLite as in production, on made-up wires and made-up time."""
