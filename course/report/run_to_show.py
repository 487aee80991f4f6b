"""A run as its report needs it: each thing is read once, when it is first asked for."""

from __future__ import annotations

import functools

import numpy as np

from course.report.network import SavedNetwork
from course.report.preparation import Preparation, how_prepared
from course.report.tested_images import images_of, names_of
from course.runs import folder as run_folder
from course.runs.record import Predictions, Record


class RunToShow:
    """A run's record, network, test images and classes; what needs predictions may be asked for if there are some."""

    def __init__(self, record: Record) -> None:
        """Takes what the run left; nothing else is read yet."""
        self.record = record

    @property
    def predictions(self) -> Predictions | None:
        """What the network said of the test images, None if it was not tested."""
        return self.record.predictions

    @functools.cached_property
    def network(self) -> SavedNetwork:
        """The network that the run kept; raises what SavedNetwork does."""
        return SavedNetwork(self.record.folder / run_folder.MODEL)

    @functools.cached_property
    def images(self) -> np.ndarray:
        """All test images as they are stored; raises CourseError as `images_of` does."""
        return images_of(self.record, len(self._answers().labels))

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """What its classes are called, nothing for a run that was not tested."""
        return names_of(self.record, self.predictions) if self.predictions is not None else ()

    @functools.cached_property
    def preparation(self) -> Preparation:
        """What its lesson makes of pixels; raises CourseError as `how_prepared` does."""
        return how_prepared(self.images, self._answers(), self.network.answers)

    def _answers(self) -> Predictions:
        assert self.predictions is not None, "this run was not tested"
        return self.predictions
