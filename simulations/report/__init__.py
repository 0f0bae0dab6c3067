"""Pages about runs, for people to look at. Needs the extra `simulations`; nothing else imports this."""
