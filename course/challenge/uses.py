"""What a network is given in other ways than by `fit` and `run.finish`: test images are recognised there, too."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator

import keras
import numpy as np

from course.challenge.observed import ObservedUse, Purpose
from course.runs.record import as_array

LOOKS = ("evaluate", "predict", "test_on_batch", "predict_on_batch")
BY_ITSELF = "_use_cached_eval_dataset"  # with which Keras' own `fit` calls `evaluate`
LOOP = "a loop of your own"
Method = Callable[..., object]


class Uses:
    """Notes test images that networks are given while it is entered; what was noted is in `found`.

    Looking at them is what they are for, once nothing is trained any more. So it is noted if an update follows, or if
    it happens during a `fit`. A call of the network with training=True is training if an optimizer's update follows.
    """

    def __init__(self, recognised: Callable[[np.ndarray], set[int]], changed: Callable[[], None]) -> None:
        """Takes what returns a number for each test image among images (n, ...), and what is told of a new use."""
        self.found: list[ObservedUse] = []
        self._recognised, self._changed = recognised, changed
        self._images: dict[tuple[str, Purpose], set[int]] = {}
        self._looked_at: dict[str, set[int]] = {}  # since the last update, by method
        self._called: set[int] = set()  # since the last update, with training=True
        self._fits = 0  # calls that have begun and not ended
        self._looking = False  # whether a method that looks is calling another one

    @contextlib.contextmanager
    def during_fit(self) -> Iterator[None]:
        """Notes that `fit` trains meanwhile: what was looked at before may have been chosen by."""
        self._update()
        self._fits += 1
        try:
            yield
        finally:
            self._fits -= 1

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Replaces the methods of Keras that give a network images, or update it, by some that look at them first."""
        model, optimizer = keras.Model, keras.optimizers.Optimizer
        replaced: list[tuple[type, str, Method]] = [
            (model, "train_on_batch", self._trains),
            (model, "__call__", self._call),
            (optimizer, "apply", self._apply),
            *((model, name, functools.partial(self._looks, name)) for name in LOOKS),
        ]
        before = [(owner, name, vars(owner).get(name)) for owner, name, _ in replaced]
        for owner, name, watching in replaced:
            setattr(owner, name, _replacement(owner, name, watching))
        try:
            yield
        finally:
            for owner, name, own in before:
                if own is None:
                    delattr(owner, name)  # it is inherited
                else:
                    setattr(owner, name, own)

    def _trains(self, original: Method, *given: object, **options: object) -> object:
        self._update()
        self._note("train_on_batch", "training", self._among(given[1] if len(given) > 1 else options.get("x")))
        return original(*given, **options)

    def _looks(self, name: str, original: Method, *given: object, **options: object) -> object:
        if options.get(BY_ITSELF) or self._looking:
            return original(*given, **options)
        self._look(name, given[1] if len(given) > 1 else options.get("x"))
        self._looking = True
        try:
            return original(*given, **options)
        finally:
            self._looking = False

    def _call(self, original: Method, *given: object, **options: object) -> object:
        if not self._looking and len(given) > 1:
            if options.get("training"):
                self._called |= self._among(given[1])
            else:
                self._look(LOOP, given[1])
        return original(*given, **options)

    def _apply(self, original: Method, *given: object, **options: object) -> object:
        self._note(LOOP, "training", self._called)
        self._called = set()
        self._update()
        return original(*given, **options)

    def _look(self, name: str, images: object) -> None:
        test_images = self._among(images)
        if self._fits:
            self._note(name, "during fit", test_images)
        elif test_images:
            self._looked_at.setdefault(name, set()).update(test_images)

    def _update(self) -> None:
        for name, test_images in self._looked_at.items():
            self._note(name, "before training", test_images)
        self._looked_at.clear()

    def _note(self, name: str, purpose: Purpose, test_images: set[int]) -> None:
        noted = self._images.setdefault((name, purpose), set())
        before = len(noted)
        noted |= test_images
        if len(noted) > before:
            self.found = [
                ObservedUse(method=method, purpose=why, test_images=len(images))
                for (method, why), images in self._images.items()
                if images
            ]
            if len(noted) >= 2 * before:  # seldom, however many batches there are
                self._changed()

    def _among(self, given: object) -> set[int]:
        found: set[int] = set()
        try:
            for leaf in keras.tree.flatten(given):
                images = as_array(leaf)
                if images is not None and images.ndim > 1 and images.size:
                    found |= self._recognised(images)
        except Exception:  # while Keras compiles a function, its arrays have no values; a learner's may be anything
            return found
        return found


def _replacement(owner: type, name: str, watching: Method) -> Method:
    """Returns a method that lets `watching` call the one which it replaces, also if that is replaced once more."""
    original = inspect.getattr_static(owner, name)
    base = next(kind for kind in owner.__mro__ if name in vars(kind))

    @functools.wraps(original)
    def method(*given: object, **options: object) -> object:
        return watching(original if base is owner else getattr(base, name), *given, **options)

    return method
