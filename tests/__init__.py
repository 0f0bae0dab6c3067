"""The tests, sorted by what they need: the core needs nothing."""
