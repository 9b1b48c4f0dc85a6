"""A training step on an accelerator adds nothing by a scatter, which XLA makes repeatable at a high price."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# JAX's program for a step, before XLA compiles it. A CPU's step has scatters of its own.
SCRIPT = """
import sys, tempfile
from mrcnn import backend, startup
startup.start(training=True)
if sys.argv[1] == "accelerator":
    backend.scatters_by_sorting = lambda: True
import jax, keras
from mrcnn.model import MaskRCNN
from mrcnn.pipeline.loader import Loader
from mrcnn.training.schedule import build_optimizer
from tests.golden.steps import GoldenConfig, Rectangles
config = GoldenConfig()
config.update({"USE_RPN_ROIS": True, "ROI_ALIGN": "aligned", "MASK_TARGET": "aligned"})
network = MaskRCNN("training", config, tempfile.gettempdir()).keras_model
network.compile(optimizer=build_optimizer(config, 1e-4, 9))
network.optimizer.build(network.trainable_variables)
parts = (network.trainable_variables, network.non_trainable_variables, network.optimizer.variables,
         network.metrics_variables)
state = tuple([variable.value for variable in part] for part in parts)
batch = Loader(Rectangles(), config).batch(0)
text = jax.jit(network.train_step).lower(state, (batch,)).as_text()
print(text.count("stablehlo.scatter"), text.count("stablehlo.convolution") > 50)
"""


def scatters(device):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, device],
        cwd=ROOT, env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    count, is_a_step = done.stdout.split()
    assert is_a_step == "True"
    return int(count)


@pytest.mark.slow
def test_a_step_on_an_accelerator_has_no_scatter():
    assert scatters("accelerator") == 0


@pytest.mark.slow
def test_a_step_on_a_cpu_has_them():
    """The count above would also be 0 if JAX called scatters by another name."""
    assert scatters("cpu") > 0
