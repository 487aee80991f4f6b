"""How the folder of a run is found."""

from course.runs.folder import named, newest_for_latest


def test_without_a_link_latest_is_the_newest_run(tmp_path):
    latest = tmp_path / "latest"
    assert newest_for_latest(latest) == latest  # nothing is there
    for name in ("2026-11-28_10-00-00-run", "2026-11-29_10-00-00-run", "2026-11-27_10-00-00-run"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").touch()
    (tmp_path / "2026-11-30_10-00-00-no-run").mkdir()
    assert newest_for_latest(latest) == tmp_path / "2026-11-29_10-00-00-run"
    assert named(str(latest), "cnn") == tmp_path / "2026-11-29_10-00-00-run"
    latest.symlink_to("2026-11-27_10-00-00-run")  # where there is one, it counts
    assert newest_for_latest(latest) == latest
