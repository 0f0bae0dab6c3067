"""Import and export: rows of files become documents and counts of a node, and the other way round.

`files → mapping → columns → sending → verdicts`. `cells` says how one cell is read and written.
"""
