"""Bugs planted in the real code on purpose. The workload and the checkers must reveal each of them."""
