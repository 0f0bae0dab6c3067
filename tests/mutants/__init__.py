"""Mutation testing of the core: which small changes of the code does no test notice?

mutmut writes the mutants and knows their names, mypy rejects what the types forbid, and each mutant that is left runs
in a fork of one collected test session. Decision 0018 says why.
"""
