"""The fixtures of sweeps."""

from sweeping import sweep

__all__ = ["sweep"]
