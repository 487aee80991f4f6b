"""Kernels, pictures and figures of convolution.py."""

from course.late import load_when_used

for drawing in ("figures", "kept"):  # with them comes matplotlib: what is wrong is answered before
    load_when_used(f"course.convolution.{drawing}")
