"""Curves, histograms, images, texts and compiled graphs for TensorBoard; needs the extra ``tensorboard``."""
