"""Power-loss trials: the real journal on a simulated disk, which may lose any part of the unsynced writes."""
