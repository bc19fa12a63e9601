"""Engines carry out a plan on slices: the same plan, the same result, wherever it runs."""
