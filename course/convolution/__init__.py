"""Kernels, pictures and figures of convolution.py."""
