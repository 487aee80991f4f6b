"""What the terminal shows of a sweep, where it is not a terminal: a line per trial, then a table."""

import numpy as np
from sweeping import scored

from course.runs import folder as run_folder
from course.runs.record import Predictions, write_predictions
from course.sweep.terminal import Scoreboard
from course.sweep.trials import Trial, TrialProgress


def test_each_trial_has_a_line_and_the_best_is_said_last(sweep, capsys):
    failed = Trial(number=2, values={"dropout": 0.2}, state="failed", problem="Out of luck.")
    trials = [scored(1, 0.5, epochs=2, seconds=3.4), failed, scored(3, 0.75, epochs=1), scored(4, 0.6, state="stopped")]
    with Scoreboard(sweep) as scoreboard:
        for trial in trials:
            progress = TrialProgress(trial.number, 1, 5, trial.score or 0.1, None, "node")
            scoreboard.epoch(progress)
            sweep.keep(trial)
            scoreboard.end(trial)
    scoreboard.show_results()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "mlp.py: 4 trials.",
        "Trial 1 of 4: val_accuracy 0.5000, 2 epochs, 3 s (--dropout=0.1)",
        "Trial 2 of 4: Out of luck. (--dropout=0.2)",
        "Trial 3 of 4: val_accuracy 0.7500, 1 epoch, 0 s (--dropout=0.1)",
        "Trial 4 of 4: val_accuracy 0.6000, stopped early, 0 epochs, 0 s (--dropout=0.1)",
    ]
    rows = [words[:2] for words in map(str.split, lines[5:]) if words and words[0].isdecimal() and "." in words[1]]
    assert rows == [["3", "0.7500"], ["4", "0.6000"], ["1", "0.5000"]]
    assert lines[-3:] == [
        "4 trials: 2 finished, 1 stopped, 1 failed.",
        "Best:        val_accuracy 0.7500, trial 3",
        "Repeat it:   python mlp.py --dropout=0.1",
    ]


def test_trials_that_cannot_be_told_from_the_best_are_named(sweep, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "RUNS", tmp_path)
    for number, mistakes in enumerate((10, 11, 60), start=1):
        right = np.arange(1000) >= mistakes
        outputs = np.where(right[:, None], [1.0, 0.0], [0.0, 1.0]).astype(np.float32)
        (tmp_path / "mlp" / str(number)).mkdir(parents=True)
        answers = Predictions(outputs, np.zeros(1000, np.uint8), np.zeros((1, 1)))
        write_predictions(tmp_path / "mlp" / str(number) / run_folder.VALIDATION, answers)
        sweep.keep(scored(number, 1 - mistakes / 1000).model_copy(update={"folder": f"mlp/{number}"}))
    assert sweep.like_the_best() == [2]
    monkeypatch.setattr(Trial, "test_accuracy", lambda trial: None)
    Scoreboard(sweep).show_results()
    assert "As good:     trial 2, whose difference may be chance" in capsys.readouterr().out
