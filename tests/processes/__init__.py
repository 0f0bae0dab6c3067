"""Real processes, real sockets, real files: what a simulation has to replace."""
