"""A sample catalogue of a supermarket chain, in English and Chinese, for the demo, the documentation and benchmarks.

The words are in `data/`: brands, lines of goods, sizes, locations. The code combines them, always in the same way.
"""
