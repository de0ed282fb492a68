"""From fused equations to machine code: graph -> nests -> LLVM's language -> a program of steps.

``nest.py`` is the data in the middle: loops, what is read, computed, summed up and stored. ``builder.py``
writes LLVM's instructions, ``functions/`` elementary functions with them, ``loops.py`` the loops of a nest.
"""
