"""What stands in for the world, and what judges a run: tests of the simulations."""
