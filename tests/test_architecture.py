"""The direction of imports, read from the files: scripts -> pumpkin -> doors -> training ... -> ops."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BACKENDS = {"tensorflow", "jax", "torch"}
OLD_PACKAGES = {
    "imgaug": {"mrcnn/pipeline/imgaug_adapter.py"},
    "oidv6": {"pumpkin/openimages/oidv6_driver.py"},
}
DOORS = ("mrcnn.model", "mrcnn.utils")

# folder or file: prefixes of our own modules that it must not import
FORBIDDEN = {
    "mrcnn": ("pumpkin", "scripts", "tests", "benchmarks"),
    "mrcnn/config.py": ("mrcnn",),
    "mrcnn/ops": (
        "mrcnn.config",
        "mrcnn.modeling",
        "mrcnn.pipeline",
        "mrcnn.training",
        "mrcnn.weights",
        *DOORS,
    ),
    "mrcnn/modeling": ("mrcnn.config", "mrcnn.pipeline", "mrcnn.training", "mrcnn.weights", *DOORS),
    "mrcnn/pipeline": ("mrcnn.modeling", "mrcnn.training", "mrcnn.weights", *DOORS),
    "mrcnn/training": DOORS,
    "mrcnn/evaluation.py": DOORS,
    "mrcnn/clumps.py": DOORS,
    "mrcnn/weights.py": ("mrcnn.training", *DOORS),
    "mrcnn/inference.py": ("mrcnn.training", *DOORS),
    "pumpkin": ("scripts", "tests", "benchmarks"),
}


def python_files(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imports_of(path):
    """Modules that a file imports, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name, not relatively"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("place", FORBIDDEN)
def test_imports_point_one_way(place):
    path = ROOT / place
    files = [path] if path.is_file() else python_files(place)
    assert files
    for file in files:
        for module in imports_of(file):
            for prefix in FORBIDDEN[place]:
                assert module != prefix and not module.startswith(prefix + "."), f"{file} imports {module}"


def test_only_one_module_asks_for_the_backend():
    asking = {
        path.relative_to(ROOT).as_posix()
        for path in python_files("mrcnn", "pumpkin", "scripts")
        if "backend.backend() ==" in path.read_text(encoding="utf-8")
    }
    assert asking == {"mrcnn/backend.py"}


def test_only_one_module_knows_the_backend():
    users = {
        path.relative_to(ROOT).as_posix()
        for path in python_files("mrcnn", "pumpkin", "scripts")
        if BACKENDS & {module.split(".")[0] for module in imports_of(path)}
    }
    assert users == {"mrcnn/backend.py"}


@pytest.mark.parametrize("package", OLD_PACKAGES)
def test_old_packages_are_isolated(package):
    users = {
        path.relative_to(ROOT).as_posix()
        for path in python_files("mrcnn", "pumpkin", "scripts")
        if package in {module.split(".")[0] for module in imports_of(path)}
    }
    assert users <= OLD_PACKAGES[package]


def test_pipeline_knows_no_tensors():
    users = {path.name for path in python_files("mrcnn/pipeline") if "keras" in set(imports_of(path))}
    assert users <= {"loader.py"}


def test_the_network_and_its_functions_read_no_files():
    readers = {"pathlib", "h5py", "os", "io", "PIL", "cv2", "json", "yaml"}
    for path in python_files("mrcnn/ops", "mrcnn/modeling"):
        assert not readers & {module.split(".")[0] for module in imports_of(path)}, path
