"""Images that cannot fit into memory are refused before they are loaded."""

import pytest

from course.system import memory
from course.system.errors import CourseError


@pytest.mark.parametrize(
    ("limit", "refused"), [("max\n", False), ("", False), (f"{2**20}\n", True)], ids=["none", "not a number", "1 MiB"]
)
def test_a_container_has_no_more_memory_than_its_limit(tmp_path, monkeypatch, limit, refused):
    monkeypatch.setattr(memory, "CONTAINER", tmp_path / "memory.max")
    memory.CONTAINER.write_text(limit)
    if refused:
        with pytest.raises(CourseError, match=r"needs at least 0\.4 GiB of memory, but this machine has 0\.0; choose"):
            memory.check_images(60_000, 28, 28)
    else:
        memory.check_images(60_000, 28, 28)


def test_no_machine_has_room_for_an_exabyte():
    with pytest.raises(CourseError, match="60,000 images of 2000000x2000000 pixels"):
        memory.check_images(60_000, 2_000_000, 2_000_000)
