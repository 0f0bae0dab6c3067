"""Pages about runs, for people. Needs the extra `simulations`. Only the command imports this package."""
