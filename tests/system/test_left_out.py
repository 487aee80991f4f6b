"""What a library does without while it loads."""

import sys

import pytest

from course.system.left_out import left_out


def test_a_package_is_left_out_and_is_there_again_afterwards():
    sys.modules.pop("colorsys", None)
    with left_out("colorsys"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    assert colorsys.rgb_to_hls(0, 0, 0) == (0, 0, 0)
    with left_out("colorsys"):  # loaded by now: nobody loses what he has
        import colorsys
    assert sys.modules["colorsys"] is colorsys
