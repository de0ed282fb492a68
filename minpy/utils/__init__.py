"""Helpers for people who write functions with gradients."""
