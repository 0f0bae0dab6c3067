"""The partition lab: a page on which a person cuts lines, sells on both sides and heals, at the nodes of a demo."""
