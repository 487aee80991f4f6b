"""The values that all lessons share, and where they come from: file, command line, sweep or resumed run."""

import inspect
import json
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from course import agent, data
from course.command_line import CommandLine, unknown_value
from course.runs import resume
from course.system import memory, program, signals
from course.system.errors import CourseError, end_in_a_sentence
from course.system.files import quoted, shown
from course.values import Images, Project, Seed, Suffix


class LessonConfig(CommandLine):
    """What the configurations of all lessons share; a lesson derives its `Config` from it and adds its own values."""

    batch_size: Images  # images per weight update
    data: str = "mnist"  # mnist, fashion_mnist, or the path of your own: an .npz file, or a folder of pictures
    limit: Images | None = None  # train on the first N images only, for a quick try
    seed: Seed = 1  # makes the randomness repeatable: same seed, same numbers
    data_parallel: bool = False  # split each batch among all devices; needs Keras' JAX backend
    name: Suffix = "run"  # suffix of the run's name, on disk and in Weights & Biases
    project: Project = "course-in-a-box"  # the Weights & Biases project that the run belongs to
    # What to do, not what with: these are not in a run's config.json.
    resume: str | None = Field(default=None, exclude=True)  # an interrupted run: the newest, or this folder of runs/
    resume_anyway: bool = Field(default=False, exclude=True)  # with --resume: also if script, data or versions changed
    open: bool = Field(default=False, exclude=True)  # open the report in the browser at the end
    traceback: bool = Field(default=False, exclude=True)  # show all of an error, not only your own lines

    @classmethod
    def from_command_line(cls, arguments: list[str] | None = None, default: Self | None = None) -> Self:
        """Returns the values as CommandLine does; those that a Weights & Biases sweep sets come before all others.

        Also ends the program in a sentence, with exit code 2, if what the sweep sets is wrong, or if there is no such
        run to resume.
        """
        end_in_a_sentence()
        signals.stop_in_order()
        swept = agent.sweep_values()
        for name in swept:
            if name not in cls.model_fields:
                names = list(cls.model_fields)
                raise CourseError(unknown_value("value", name, names, "change it in the sweep, which sets it"))
        words = program.arguments() if arguments is None else arguments
        words = [*words, *(f"--{name}={value}" for name, value in swept.items())]  # the last one counts
        try:
            config = super().from_command_line(words, default)
        except CourseError as error:
            if not swept or "the sweep" in str(error):
                raise
            raise CourseError(f"{str(error).rstrip('.')} (the sweep sets {', '.join(swept)}).") from None
        if config.resume is None and config.resume_anyway:
            raise CourseError("resume_anyway says how to resume, but nothing is resumed; add --resume or leave it out.")
        return config if config.resume is None else cls._resumed(config.resume, words)

    @classmethod
    def _resumed(cls, run: str, arguments: list[str] | None) -> Self:
        """Returns the config of an interrupted run; raises CourseError unless the same would come out now."""
        folder, checkpoint = resume.interrupted(run)
        changed = {name: value for name, value in checkpoint.config.items() if value != checkpoint.defaults.get(name)}
        config = super().from_command_line(arguments, default=cls(**changed))
        begun, now = checkpoint.config, config.values()
        differences = " and ".join(
            f"{name} {begun.get(name, 'missing')} (now {now.get(name, 'missing')})"
            for name in dict.fromkeys([*begun, *now])
            if begun.get(name, "missing") != now.get(name, "missing")
        )
        if differences:
            raise CourseError(
                f"{shown(folder)} was begun with {differences}; resume it with what it was begun with, or start a new"
                " run without --resume."
            )
        return config.model_copy(update={"resume": str(folder)})

    def command(self, repeatable: bool = True) -> str:
        """Returns the command that trains with these values; if not `repeatable`, without its seed and its names."""
        left_out = () if repeatable else ("seed", "name", "project")
        defaults = type(self).model_construct().values()
        file = script_file(self)
        module = program.module() if file and file.name == program.name() else None
        words = ["python", *(["-m", module] if module else [quoted(file.name) if file else "notebook"])]
        for name, value in self.values().items():
            if value == defaults.get(name) or name in left_out:
                continue
            listed = value if isinstance(value, list) else [value]
            if any(isinstance(part, list | dict) for part in listed):
                listed = [json.dumps(value)]
            parts = [quoted(str(part)) for part in listed]
            is_like_an_option = len(parts) == 1 and str(value).startswith("-")
            words += [f"--{name}={parts[0]}"] if is_like_an_option else [f"--{name}", *parts]
        return " ".join(words)

    @classmethod
    def where_to_change(cls, name: str) -> str:
        if name in agent.sweep_values():
            return "change it in the sweep, which sets it"
        script = program.script()
        if script is None:
            return "change it in class Config"
        return f"change it in class Config of {script.name or 'the script'}, or with --{name} on the command line"

    @model_validator(mode="after")
    def _fits_the_data(self) -> Self:
        if self.image_channels == 3 and self.data in data.DATA_SETS:
            raise CourseError(f"channels is 3, but the images of {self.data} are grey; leave channels at 1.")
        images = data.training_images(self.data, self.image_size, self.image_channels)
        if self.limit is not None and self.limit > images:
            raise CourseError(
                f"limit is {self.limit}, but {self.data} has {images} training images; give a smaller one."
            )
        memory.check_images(images, *self.image_size, self.image_channels)
        images = self.limit or images
        if self.batch_size > images:
            raise CourseError(
                f"batch_size is {self.batch_size}, but there are {images} images to train on; give a smaller one."
            )
        return self

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images in pixels, 28 where the config does not say."""
        return getattr(self, "img_height", 28), getattr(self, "img_width", 28)

    @property
    def image_channels(self) -> int:
        """1 for grey images, 3 for coloured ones; 1 where the config does not say, or calls something else channels."""
        return 3 if getattr(self, "channels", 1) == 3 else 1


def script_file(config: LessonConfig) -> Path | None:
    """Returns the script whose config this is, None if its class was typed into a notebook.

    That is the file in which the class is written, or the running script if it lies beside that file and imports it.
    """
    try:
        file = Path(inspect.getfile(type(config)))
    except (OSError, TypeError):
        return None
    running = program.script()
    if running is None or running.suffix != ".py" or type(config).__module__ == "__main__":
        return file
    return running if running.resolve().parent == file.resolve().parent else file
