"""What a sweep of Weights & Biases sets: its agent leaves the values in a file before it starts a script."""

import os
from pathlib import Path

from course.system.errors import CourseError, first_line

VARIABLE = "WANDB_SWEEP_PARAM_PATH"  # where the agent says which file


def sweep_values() -> dict[str, object]:
    """Returns the values that the sweep sets, by name, unchecked; none if no agent started this program.

    Raises:
        CourseError: the agent's file is missing or damaged.
    """
    file = os.environ.get(VARIABLE)
    if not file:
        return {}
    from yaml import YAMLError  # late, because only a sweep needs it

    from course.system.plain_yaml import parse_yaml

    try:
        content = parse_yaml(Path(file).read_bytes())
        if not isinstance(content, dict):
            raise TypeError("it holds no names")
        return {str(name): entry["value"] for name, entry in content.items() if name != "wandb_version"}
    except (OSError, ValueError, YAMLError, AttributeError, KeyError, TypeError) as error:
        raise CourseError(
            f"The sweep's values in {file} are missing or damaged ({first_line(error)}); have wandb agent start this"
            f" run again, or unset {VARIABLE}."
        ) from None
