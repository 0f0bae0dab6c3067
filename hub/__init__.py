"""The node of a region. It has the ledgers of all locations, takes orders, and connects stores and other hubs."""
