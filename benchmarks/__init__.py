"""Speed of MinPy beside its peers, measured side by side. Run ``python -m benchmarks``."""
