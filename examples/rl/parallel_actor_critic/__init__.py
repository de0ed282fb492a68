"""Parallel advantage actor-critic: many environments, and one network that acts in all of them."""
