"""An interpreter of syntax trees on abstract values, which records what a program does to arrays."""
