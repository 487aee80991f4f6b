"""A program of the learner's in a process of its own."""

from course.system import process


def test_a_program_ends_with_its_exit_code_and_what_it_wrote_to_standard_error(tmp_path, capfd):
    outcome = process.run_python(["-c", "import sys; print(1); sys.exit('wrong')"], tmp_path, 60)
    assert (outcome.exit_code, outcome.errors.strip()) == (1, "wrong")
    assert capfd.readouterr().out.strip() == "1"
    process.run_python(["-c", "print(1)"], tmp_path, 60, show=False)
    assert capfd.readouterr().out == ""


def test_a_program_that_takes_too_long_is_ended(tmp_path):
    assert process.run_python(["-c", "while True: pass"], tmp_path, 0.3).exit_code is None
