"""Functions as people write them, that run the same compiled as plain.

Each module here is a collection of functions of one kind. The only thing in them that is about the compiler
are two marks behind lines: ``# leftover`` where a statement has to stay with Python, ``# flow`` where Python
has to decide where to go on. ``test_corpus`` runs every function plain and compiled and compares everything
that the calls give and leave behind; it asserts that these lines stay with Python and no others; and it
compares gradients with differences. To add a function write it, with ``@program`` and inputs above it.
"""
