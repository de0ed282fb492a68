"""A catalogue of misuses: the call, the exact exception, and words that its message must have.

Each entry is ``(program, error, words)``. The words name the argument that is wrong, and what to do.
"""
