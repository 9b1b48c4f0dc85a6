"""What a finished run records of itself."""

from types import SimpleNamespace

import pytest

from mrcnn.config import Config
from mrcnn.training import hashes
from mrcnn.training.run import Run, read_facts, weights_in
from pumpkin import training


@pytest.mark.parametrize(("best", "used"), [(2, 2), (3, 3), (1, 3), (None, 3)])  # 1 has been deleted
def test_a_finished_run_names_its_last_and_its_best_weights(tmp_path, monkeypatch, best, used):
    monkeypatch.setattr(hashes, "weights_hash", lambda path: path.name)
    run, lines = Run(tmp_path, Config(), tmp_path / "run"), []
    for epoch in (2, 3):
        run.checkpoint(epoch).touch()
    run.best_loss, run.best_epoch = 0.25, best
    job = SimpleNamespace(config=Config(), reproduces=None, report=False)
    assert training._finish(job, run, lines.append) == 0
    facts, name = read_facts(run.folder), run.checkpoint(3).name
    assert facts["result"] == {"epochs": 3, "file": name, "weights": name}
    kept = best in (2, 3)
    assert facts["best"] == ({"epochs": best, "file": run.checkpoint(best).name} if kept else None)
    assert weights_in(run.folder) == run.checkpoint(used)
    assert lines == [
        f"Weights: {run.checkpoint(3)}",
        *[f"Best by validation loss, 0.25: {run.checkpoint(2)}"] * (best == 2),
    ]
