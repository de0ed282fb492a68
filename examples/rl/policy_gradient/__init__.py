"""Pong from pixels by the plainest policy gradient."""
