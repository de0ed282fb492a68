"""Agents that learn to play by themselves, trained with ``minpy.nn.Solver``."""
