"""Programs that show MinPy in use. Run one from the root of the checkout: ``python -m examples.digits``."""
