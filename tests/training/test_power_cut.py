"""A power cut, on a disk that keeps nothing but what was synced: what has been shown can be resumed."""

import os
import stat
from pathlib import Path

import pytest
from tiny_runs import keep_in, three_epochs, train

from course.runs import checkpoint, resume
from course.runs import folder as run_folder
from course.runs.record import read_history
from course.system import files
from course.training.epoch_table import EpochTable


class Disk:
    """What of a folder is on the disk, as far as POSIX promises: what os.fsync was called for, and nothing else."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Follows every os.fsync from now on; the folder itself is on the disk already."""
        self.root = root
        self.contents: dict[int, bytes] = {}  # of files, by inode
        self.names: dict[int, dict[str, os.stat_result]] = {}  # in folders, by inode
        self.held: list[int] = []  # a file that is open keeps its inode, so that no other file gets it
        monkeypatch.setattr(os, "fsync", self._sync)

    def _sync(self, descriptor: int) -> None:
        self.held.append(os.dup(descriptor))
        found = os.fstat(descriptor)
        if not stat.S_ISDIR(found.st_mode):
            self.contents[found.st_ino] = os.pread(descriptor, found.st_size, 0)
        for folder in [self.root, *self.root.rglob("*")]:
            if folder.stat().st_ino == found.st_ino and folder.is_dir():
                self.names[found.st_ino] = names_in(folder)

    def after_cut(self, target: Path, with_names: bool) -> Path:
        """Makes a folder as a power cut would leave it now; files whose content was not synced are empty.

        If `with_names`, the disk knows all names and folders by chance, also those that were not synced.
        """
        self._restore(self.root.stat().st_ino, self.root, target, with_names)
        return target

    def _restore(self, inode: int, now: Path, target: Path, with_names: bool) -> None:
        target.mkdir()
        for name, found in (names_in(now) if with_names else self.names.get(inode, {})).items():
            if stat.S_ISDIR(found.st_mode):
                self._restore(found.st_ino, now / name, target / name, with_names)
            else:
                (target / name).write_bytes(self.contents.get(found.st_ino, b""))


def names_in(folder: Path) -> dict[str, os.stat_result]:
    return {each.name: each.stat() for each in folder.iterdir() if not each.is_symlink()}


@pytest.mark.parametrize("with_names", [False, True])
def test_every_epoch_that_was_shown_is_there_after_a_power_cut(tmp_path, monkeypatch, with_names):
    keep_in(tmp_path / "runs", monkeypatch)
    run_folder.RUNS.mkdir()
    disk, cuts, show = Disk(run_folder.RUNS, monkeypatch), [], EpochTable.show

    def shown(table: EpochTable, epoch: int, row: dict) -> None:
        show(table, epoch, row)
        cuts.append(disk.after_cut(tmp_path / f"after {row['epoch']}", with_names))

    monkeypatch.setattr(EpochTable, "show", shown)
    folder, expected = train(three_epochs)
    whole = (folder / run_folder.HISTORY).read_bytes()
    monkeypatch.setattr(EpochTable, "show", show)
    for epochs, left in enumerate(cuts, start=1):
        monkeypatch.setattr(run_folder, "RUNS", left)
        after, found = resume.interrupted("")
        assert len(found.history) == epochs
        assert train(three_epochs, resume=str(after))[1] == expected
        assert (after / run_folder.HISTORY).read_bytes() == whole
    assert len(cuts) == 3


def test_a_power_cut_at_any_moment_leaves_a_checkpoint_or_none(tmp_path, monkeypatch):
    keep_in(tmp_path / "runs", monkeypatch)
    run_folder.RUNS.mkdir()
    disk, kept, replace = Disk(run_folder.RUNS, monkeypatch), [], os.replace

    def cut(old: Path, new: Path) -> None:
        replace(old, new)
        left = disk.after_cut(tmp_path / f"cut {len(kept)}", with_names=False)
        found = list(left.glob(f"mlp/*/{run_folder.CHECKPOINT}"))
        kept.append(len(checkpoint.read(found[0].parent)[0].history) if found else None)

    monkeypatch.setattr(os, "replace", cut)
    train(three_epochs)
    assert kept == sorted(kept, key=lambda epochs: -1 if epochs is None else epochs)
    assert kept[-1] == 3


def test_a_finished_run_keeps_everything_before_its_checkpoint_goes(tmp_path, monkeypatch):
    keep_in(tmp_path / "runs", monkeypatch)
    folder = run_folder.RUNS / "mlp" / "2026-01-01_00-00-00-run"
    (folder / run_folder.PICTURES).mkdir(parents=True)
    disk = Disk(run_folder.RUNS, monkeypatch)
    names = (run_folder.METRICS, run_folder.MODEL, run_folder.CHECKPOINT, f"{run_folder.PICTURES}/kernels.png")
    for name in names:
        files.write_text(folder / name, name)
    checkpoint.remove(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [run_folder.METRICS, run_folder.MODEL, run_folder.PICTURES]
    )
    left = disk.after_cut(tmp_path / "cut", with_names=False) / folder.relative_to(run_folder.RUNS)
    assert {name: (left / name).read_text() for name in names} == {name: name for name in names}


def test_what_is_not_synced_is_rewritten(tmp_path, monkeypatch):
    keep_in(tmp_path / "runs", monkeypatch)
    run_folder.RUNS.mkdir()
    disk = Disk(run_folder.RUNS, monkeypatch)
    folder, _ = train(three_epochs, kill_at=3)
    left = disk.after_cut(tmp_path / "cut", with_names=True)
    assert (left / "mlp" / folder.name / run_folder.HISTORY).read_bytes() == b""  # else this proves nothing
    monkeypatch.setattr(run_folder, "RUNS", left)
    after, _ = train(three_epochs, kill_at=1, resume=str(left / "mlp" / folder.name))
    assert read_history(after) == read_history(folder)
    assert (after / run_folder.CHANGES).read_bytes() == (folder / run_folder.CHANGES).read_bytes()
