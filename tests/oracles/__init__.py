"""Independent oracles: what the engine must say, worked out the slow way.

Plain Python and ``decimal``; from the product they take the nouns that inputs are made of.
"""
