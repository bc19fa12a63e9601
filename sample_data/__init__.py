"""Synthetic order and device logs, and the seeded program that writes them."""
