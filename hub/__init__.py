"""The node of a region: keeps every location's ledger, sells online, links stores and other regions."""
