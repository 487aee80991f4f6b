"""What people saw in disputed test images."""

import pytest

from course.data import load_data_set
from course.report import votes
from course.report.votes import Votes, read_votes
from course.system.errors import CourseError


def plain(each: Votes) -> str:
    return each.in_words.replace("\N{NO-BREAK SPACE}", " ")


def test_the_labels_are_those_of_mnist():
    _, (_, labels) = load_data_set("mnist")
    found = read_votes("mnist")
    assert len(found) == 100
    assert all(labels[number] == each.label for number, each in found.items())
    assert sum(each.against_label for each in found.values()) == 15  # as those say who published them


@pytest.mark.parametrize(
    ("counted", "words", "against"),
    [
        (Votes(4, 9, 3, 2, 0), "five people: 3 x 4, 2 x 9", False),
        (Votes(8, 9, 0, 5, 0), "five people: 5 x 9", True),
        (Votes(9, 9, 4, 4, 1), "five people: 4 x 9, 1 x something else", False),
        (Votes(6, 4, 2, 0, 3), "five people: 2 x 6, 3 x something else", True),
    ],
)
def test_votes_are_said_in_words(counted, words, against):
    assert plain(counted) == words
    assert counted.against_label is against


def test_other_images_have_no_votes():
    assert read_votes("fashion_mnist") == {}


@pytest.mark.parametrize("content", [None, "test_image,label\n1,x\n", "other,columns\n1,2\n"])
def test_a_damaged_file_is_said(tmp_path, monkeypatch, content):
    file = tmp_path / "mnist_label_votes.csv"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(votes, "FILE", file)
    with pytest.raises(CourseError, match="restore it with `git restore data/mnist_label_votes"):
        read_votes("mnist")
