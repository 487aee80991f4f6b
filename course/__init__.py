"""What a lesson imports."""

from course.system.installed import check_packages, check_python, watch_for_broken_packages

check_python()  # first of all: older Pythons cannot read what follows

from course.system.namesakes import watch_for_namesakes

watch_for_namesakes()  # before everything that may have one
check_packages()
watch_for_broken_packages()

from course.late import load_when_used

load_when_used("keras")  # before what imports it
load_when_used("course.muon")
load_when_used("course.views")

from course import muon, views
from course.challenge.attempt import Attempt
from course.config import LessonConfig
from course.data import hold_out, load
from course.optimizers import decaying, one_cycle
from course.training.run import Run
from course.values import Channels, Count, Fraction, Images, Optimizer, Pixels, Rate, Shift

__all__ = [
    "Attempt", "Channels", "Count", "Fraction", "Images", "LessonConfig", "Optimizer", "Pixels", "Rate", "Run", "Shift",
    "decaying", "hold_out", "load", "muon", "one_cycle", "views",
]  # fmt: skip
