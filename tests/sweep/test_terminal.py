"""What the terminal shows of a sweep, where it is not a terminal: a line per trial, then a table."""

from sweeping import scored

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
    assert [line.split()[:2] for line in lines[7:10]] == [["3", "0.7500"], ["4", "0.6000"], ["1", "0.5000"]]
    assert lines[-3:] == [
        "4 trials: 2 finished, 1 stopped, 1 failed.",
        "Best:        val_accuracy 0.7500, trial 3",
        "Repeat it:   python mlp.py --dropout=0.1",
    ]
