"""Fused kernels for the CPU: programs, their machine code, and what runs them."""
