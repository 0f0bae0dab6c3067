"""Tests with real processes, sockets and files, which the simulations replace."""
