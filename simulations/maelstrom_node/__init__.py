"""A replica as a node of Maelstrom: a pn-counter over standard input and output."""
