"""The node of a store. It sells from its own journal, with or without a connection to a hub."""
