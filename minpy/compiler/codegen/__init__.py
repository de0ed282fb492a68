"""From fused equations to machine code: graph -> nests -> LLVM's language -> a program of steps.

``components.py`` and ``translation.py`` make statements over views (``views.py``) of values, ``products.py``
those of products. ``grouping.py`` puts them into groups (``group.py``), each over one ``space.py``
of loops, and ``again.py`` says what is computed again there; ``nests.py`` makes a nest of each group, and
``program.py`` the steps.

``nest.py`` is the data in the middle: loops, what is read, computed, summed up and stored. ``builder.py``
writes LLVM's instructions, ``functions/`` elementary functions with them, ``loops.py`` the loops of a nest.
"""
