"""Count what a run of the tests checks: tests, assertions and, by coverage.py, branches of the code.

    python -m pytest -p benchmarks.count_tests --count counts.json
    coverage run --branch --source=mrcnn,pumpkin -m pytest -p benchmarks.count_tests --count counts.json

A pytest plugin that changes nothing unless ``--count`` is given. An assertion is an assert statement of a
test, a function of numpy.testing or a pytest.raises. Each is counted every time it is reached and, as a place
in the tests, once. Asserts in child processes do not count. pytest keeps compiled tests; delete __pycache__
below tests/ first, because those compiled without ``--count`` do not report their asserts.
"""

import json
import sys
from collections import Counter

import numpy as np
import pytest

_NUMPY = ("assert_array_equal", "assert_allclose", "assert_equal", "assert_array_less", "assert_almost_equal")


def pytest_addoption(parser):
    parser.addoption("--count", metavar="FILE", help="write numbers of tests and assertions to a JSON file")


def pytest_configure(config):
    """Install the counter, on the controller and on each worker of xdist."""
    if config.getoption("--count"):
        config._inicache["enable_assertion_pass_hook"] = True
        sys.dont_write_bytecode = True
        config.pluginmanager.register(_Counter(config), "assertion counter")


class _Counter:
    """Sums of this process; the controller adds those of the workers and writes the file."""

    def __init__(self, config):
        self.config = config
        self.kinds, self.places, self.outcomes = Counter(), set(), Counter()
        for name in _NUMPY:
            setattr(np.testing, name, self._counted(getattr(np.testing, name), "numpy.testing"))
        pytest.raises = self._counted(pytest.raises, "pytest.raises")

    def _counted(self, function, kind):
        def call(*args, **options):
            __tracebackhide__ = True
            frame = sys._getframe(1)
            self._add(kind, frame.f_code.co_filename, frame.f_lineno)
            return function(*args, **options)

        return call

    def _add(self, kind, path, line):
        self.kinds[kind] += 1
        self.places.add(f"{path}:{line}")

    def pytest_assertion_pass(self, item, lineno, orig, expl):
        self._add("assert", orig, lineno)  # pytest passes the text and the line, not the file

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.outcome] += 1

    def pytest_testnodedown(self, node):
        found = getattr(node, "workeroutput", {}).get("counts")
        if found:
            self.kinds.update(found["kinds"])
            self.places.update(found["places"])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        counts = {"kinds": dict(self.kinds), "places": sorted(self.places)}
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["counts"] = counts
            return
        result = {
            "tests": dict(self.outcomes), "passed assertions": dict(self.kinds), "places": len(self.places)
        }  # fmt: skip
        with open(self.config.getoption("--count"), "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
