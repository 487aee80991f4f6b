"""Which pictures are near copies of one another, so that a test does not show what was learnt from."""

import numpy as np

ALIKE = 0.997  # correlation of two thumbnails; a picture saved again, or in another size, has more (about 0.999)
AT_A_TIME = 128  # thumbnails that are compared with all before them


def groups_of(thumbnails: np.ndarray) -> np.ndarray:
    """Returns for each thumbnail, uint8 (n, values), the first one of its group, int (n,): near copies share one."""
    groups = np.arange(len(thumbnails))
    directions = thumbnails.astype(np.float32)
    directions -= directions.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    one_colour = directions.shape[1] ** -0.5  # a direction that no other thumbnail can have
    directions = np.where(lengths > 0, directions / np.maximum(lengths, 1e-9), one_colour)
    for start in range(0, len(directions), AT_A_TIME):
        alike = directions[start : start + AT_A_TIME] @ directions[: start + AT_A_TIME].T > ALIKE
        for number, row in enumerate(alike, start=start):
            near = np.unique(groups[:number][row[:number]])
            if len(near) > 1:  # which this one joins
                groups[np.isin(groups, near)] = near[0]
            if len(near):
                groups[number] = near[0]
    return groups
