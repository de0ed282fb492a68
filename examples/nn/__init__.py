"""Neural networks, as the tutorials write them: ``python -m examples.nn.mlp``. See docs/examples.md."""
