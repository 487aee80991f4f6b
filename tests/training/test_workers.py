"""Worker processes that Keras forks for a learner's PyDataset."""

import pytest

BATCHES = """
class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, **options):
        super().__init__(**options)
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x) // 64

    def __getitem__(self, index):
        part = slice(index * 64, (index + 1) * 64)
        return self.x[part], self.y[part]


def main("""


@pytest.mark.slow
def test_worker_processes_end_with_the_run_without_a_word(checkout):
    script = (checkout.folder / "fashion.py").read_text()
    mine = script.replace("def main(", BATCHES.lstrip(), 1).replace(
        "            X_train,\n            y_train,\n            batch_size=config.batch_size,\n",
        "            Batches(X_train, y_train, workers=2, use_multiprocessing=True),\n",
    )
    assert "Batches(X_train" in mine
    (checkout.folder / "fashion.py").write_text(mine)
    answer = checkout.run("fashion.py", "--limit", "3000", "--epochs", "3")
    assert (answer.returncode, answer.stderr) == (0, "")
