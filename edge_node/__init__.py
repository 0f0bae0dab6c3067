"""The node of a store: sells from its own file, whether the line to headquarters works or not."""
