# make demo: from nothing to outlined pumpkins.  make test: all tests except slow ones.  make test-all: every
# test.  Each sets up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OPENCV := $(shell sed -n 's/^opencv-python==//p' requirements.txt)

# Every run of the tests repeats these on JAX: golden numbers of functions and of the whole network.
ON_JAX := tests/ops tests/test_parity.py tests/modeling/test_losses.py tests/modeling/test_targets.py \
	tests/modeling/test_detections.py
# make test-all adds training on JAX (golden losses, a network that learns, gradients) and detection in threads.
MORE_ON_JAX := tests/golden tests/modeling/test_network.py::test_it_learns_two_squares \
	tests/detection/test_threads.py tests/inspection/test_learning.py \
	tests/modeling/test_hub.py::test_16_bit_networks_keep_weights_of_32_bits

# Most of a test's time is tracing and compiling, which use one core; a third worker fills the gaps of two. Each
# needs up to 5 GB of memory. The tests of a file share networks.
WORKERS ?= 3
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Most of a test's time on JAX is compiling, and less optimised code compiles faster.
LESS_OPTIMISED = JAX_DISABLE_MOST_OPTIMIZATIONS=1

.PHONY: demo test test-all test-torch lint lock

demo: $(VENV)/ready
	$(BIN)/python scripts/demo.py

test: $(VENV)/ready-dev
	$(PYTEST) -m "not slow"
	$(LESS_OPTIMISED) KERAS_BACKEND=jax $(PYTEST) -m "not slow" $(ON_JAX)

# Also the slow tests, and all old programs on JAX.
test-all: $(VENV)/ready-dev
	$(PYTEST)
	KERAS_BACKEND=jax $(PYTEST) $(ON_JAX) $(MORE_ON_JAX)
	$(LESS_OPTIMISED) KERAS_BACKEND=jax $(PYTEST) tests/programs

test-torch: $(VENV)/ready-torch
	KERAS_BACKEND=torch $(PYTEST) tests/ops tests/modeling tests/test_parity.py tests/test_torch_ops.py

lint: $(VENV)/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Lock exact versions of all packages, from the ranges in pyproject.toml. Needs uv.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
		--extra imgaug --extra oidv6 --extra test -o requirements.txt pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
		--all-extras -c requirements.txt -o requirements-dev.txt pyproject.toml

# A stamp is written only after all steps succeed, so a broken installation is created again.
$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Python 3.11 or newer is needed, %s is %s; name another with PYTHON=..." % (sys.executable, sys.version.split()[0]))'
	$(PYTHON) -m venv --clear $(VENV)
	touch $@

$(VENV)/ready: $(VENV)/created requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { \
		echo "OpenCV finds no desktop libraries (libGL) here; installing its headless build over it"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall \
			opencv-python-headless==$(OPENCV); }
	touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip check
	touch $@

$(VENV)/ready-torch: $(VENV)/ready-dev requirements-torch.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-torch.txt
	touch $@
