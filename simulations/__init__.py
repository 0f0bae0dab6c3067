"""The simulator of a whole chain. The contracts of the real adapters also test the simulated ones."""
