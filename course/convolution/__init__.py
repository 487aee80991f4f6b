"""Kernels, pictures and figures of convolution.py."""

from course.late import load_when_used

load_when_used("course.convolution.figures")  # with it comes matplotlib: what is wrong is answered before
