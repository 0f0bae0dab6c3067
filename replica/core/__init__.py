"""The pure part: no await, no I/O, no clock, no randomness; time and entropy come in as arguments."""
