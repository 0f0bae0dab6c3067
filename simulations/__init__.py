"""The partition simulator's stand-ins for the world: first-class, held to the same contracts as the real ones."""
