"""The explorer: every order in which a few requests, deliveries and restarts can happen at two hubs and a store."""
