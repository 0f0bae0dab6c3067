"""The replica as a node of Maelstrom's: a pn-counter over standard input and output."""
