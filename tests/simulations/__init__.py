"""Tests of the simulator: its loop, network and clocks, its checkers, and its command."""
