"""The architecture, read from the files: which module may import or mention what."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BACKENDS = {"tensorflow", "jax", "torch"}
OLD_PACKAGES = {
    "imgaug": {"mrcnn/pipeline/imgaug_adapter.py"},
    "oidv6": {"pumpkin/openimages/oidv6_driver.py"},
    "keras_hub": {"mrcnn/modeling/hub.py"},
}
# The floors of the house from the ground up. A file imports from its own room and from lower floors alone.
FLOORS = (
    (
        "mrcnn.choices",
        "mrcnn.settings",
        "mrcnn.backbones",
        "mrcnn.image_meta",
        "mrcnn.files",
        "mrcnn.digests",
        "mrcnn.screen",
        "mrcnn.http",
        "mrcnn.supplied",
        "mrcnn.keras_internals",
        "mrcnn.torch_ops",
        "mrcnn.tensorflow_ops",
        "mrcnn.machine",
        "mrcnn.drawing",
        "mrcnn.version",
    ),
    ("mrcnn.rules", "mrcnn.backend", "mrcnn.progress_bar"),
    ("mrcnn.config",),
    ("mrcnn.ops", "mrcnn.startup"),
    ("mrcnn.pipeline", "mrcnn.modeling"),
    ("mrcnn.datasets", "mrcnn.weights"),
    ("mrcnn.detection",),
    ("mrcnn.evaluation",),
    ("mrcnn.reports",),
    ("mrcnn.training",),
    ("mrcnn.inspection",),
    ("mrcnn.matterport",),
    ("mrcnn.model", "mrcnn.utils", "mrcnn.visualize", "mrcnn.parallel_model"),
    ("mrcnn.predictor",),
    ("mrcnn.legacy",),
    ("pumpkin",),
    ("scripts",),
)
# Rooms that know less than their floor lets them.
FORBIDDEN = {
    "mrcnn/ops": ("mrcnn.config",),
    "mrcnn/modeling": ("mrcnn.config", "mrcnn.pipeline", "mrcnn.files"),
    "mrcnn/pipeline": ("mrcnn.modeling",),
    "mrcnn/datasets": ("mrcnn.modeling", "mrcnn.ops", "mrcnn.weights", "mrcnn.backend"),
    "pumpkin": ("tests", "benchmarks"),
    "mrcnn": ("tests", "benchmarks"),
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


def module_of(path):
    """The dotted name of a file: of a package's __init__.py the package's."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def within(module, room):
    return module == room or module.startswith(f"{room}.")


def room_of(module):
    """(floor, room) of a module of ours, None of any other."""
    for floor, rooms in enumerate(FLOORS):
        for room in rooms:
            if within(module, room):
                return floor, room
    return None


OURS = [path for path in python_files("mrcnn", "pumpkin", "scripts") if path != ROOT / "mrcnn/__init__.py"]


@pytest.mark.parametrize("path", OURS, ids=module_of)
def test_imports_point_down(path):
    place = room_of(module_of(path))
    assert place, f"{path} stands in no room; give it a floor"
    for module in imports_of(path):
        other = room_of(module)
        if other and other[1] != place[1]:
            assert other[0] < place[0], f"{module_of(path)} imports {module}, which is not below it"


def rooms_below():
    """{room: the rooms that it imports}, a room being a file or a folder of mrcnn."""
    graph = {}
    for path in python_files("mrcnn"):
        if path != ROOT / "mrcnn/__init__.py":
            room = module_of(path).split(".")[1]
            names = {module.split(".")[1] for module in imports_of(path) if module.startswith("mrcnn.")}
            graph.setdefault(room, set()).update(names - {room})
    return {room: below & graph.keys() for room, below in graph.items()}


def test_the_library_has_nine_floors_and_no_circle():
    graph = rooms_below()

    def floor(room, above=()):
        assert room not in above, f"a circle of imports: {' -> '.join((*above, room))}"
        return 1 + max((floor(below, (*above, room)) for below in graph[room]), default=0)

    floors = {room: floor(room) for room in graph}
    assert floors["files"] == 1 and floors["ops"] == 3
    assert max(floors.values()) <= 9, floors


@pytest.mark.parametrize("place", FORBIDDEN)
def test_rooms_know_no_more_than_they_need(place):
    for file in python_files(place):
        for module in imports_of(file):
            for room in FORBIDDEN[place]:
                assert not within(module, room), f"{file} imports {module}"


def test_scripts_only_call_commands():
    for path in python_files("scripts"):
        ours = {module for module in imports_of(path) if room_of(module)}
        assert ours == {"pumpkin.__main__", "pumpkin.__main__.main"}, path


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
    assert users == {"mrcnn/backend.py", "mrcnn/torch_ops.py", "mrcnn/tensorflow_ops.py"}
    below = {"mrcnn.torch_ops", "mrcnn.tensorflow_ops"}
    importing = {path.name for path in python_files("mrcnn") if below & set(imports_of(path))}
    assert importing == {"backend.py"}


@pytest.mark.parametrize("package", OLD_PACKAGES)
def test_old_packages_are_isolated(package):
    users = {
        path.relative_to(ROOT).as_posix()
        for path in python_files("mrcnn", "pumpkin", "scripts")
        if package in {module.split(".")[0] for module in imports_of(path)}
    }
    assert users <= OLD_PACKAGES[package]


def test_pipeline_knows_no_tensors():
    files = python_files("mrcnn/pipeline", "mrcnn/datasets")
    users = {path.name for path in files if "keras" in {m.split(".")[0] for m in imports_of(path)}}
    assert users <= {"loader.py"}


def test_the_network_and_its_functions_read_no_files():
    readers = {"pathlib", "h5py", "os", "io", "PIL", "cv2", "json", "yaml"}
    for path in python_files("mrcnn/ops", "mrcnn/modeling"):
        assert not readers & {module.split(".")[0] for module in imports_of(path)}, path


def test_only_one_module_locks_files():
    """fcntl is missing on Windows, msvcrt everywhere else; see mrcnn.files.lock."""
    users = {
        path.relative_to(ROOT).as_posix()
        for path in python_files("mrcnn", "pumpkin", "scripts")
        if {"fcntl", "msvcrt"} & set(imports_of(path))
    }
    assert users == {"mrcnn/files.py"}


# What must stand in one module, and which others have a reason to use it too.
AT_HOME = {
    # A partial weights file is continued by later processes, so its name is its own.
    ("os.replace(", "os.rename("): {"mrcnn/files.py", "mrcnn/weights/downloads.py"},
    # The driver reads its own command line.
    ("json.loads(", "json.load("): {"mrcnn/files.py", "pumpkin/openimages/oidv6_driver.py"},
    ("yaml.SafeLoader", "yaml.safe_load(", "yaml.load("): {"mrcnn/files.py"},
    ("import requests",): {"mrcnn/http/client.py", "mrcnn/http/errors.py"},
}


@pytest.mark.parametrize("words", AT_HOME, ids=" ".join)
def test_files_and_servers_are_read_and_written_in_one_place(words):
    users = {
        path.relative_to(ROOT).as_posix()
        for path in python_files("mrcnn", "pumpkin", "scripts")
        if any(word in path.read_text(encoding="utf-8") for word in words)
    }
    assert users == AT_HOME[words]


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def test_only_one_module_prints():
    """mrcnn.screen escapes control characters. The doors and the launcher print their own words."""
    doors = ("model", "utils", "visualize", "config", "evaluation/matches", "matterport/inspection")
    free = {*(f"mrcnn/{door}.py" for door in doors), "mrcnn/screen.py"}
    for path in python_files("mrcnn", "pumpkin"):
        place = path.relative_to(ROOT).as_posix()
        if place in free or place.startswith(("mrcnn/legacy/", "mrcnn/supplied/")):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert "print" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}, place


def test_only_one_module_touches_private_names_of_keras():
    """A private attribute that no file of ours defines is another library's; os._exit is documented."""
    ours, used = {"_exit"}, {}
    for path in python_files("mrcnn", "pumpkin", "scripts"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                ours.add(node.name)
            elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                ours.add(node.id if isinstance(node, ast.Name) else node.attr)
            elif isinstance(node, ast.Attribute) and is_private(node.attr):
                used.setdefault(node.attr, set()).add(path.relative_to(ROOT).as_posix())
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                inside = path.name == "keras_internals.py"
                assert inside or "keras.src" not in ast.unparse(node), path
    # PyTorch's optimisers use these; their public form does not exist yet.
    foreach = {name for name in used if name.startswith("_foreach_")}
    assert {file for name in foreach for file in used[name]} == {"mrcnn/torch_ops.py"}
    foreign = {name: files for name, files in used.items() if name not in ours | foreach}
    assert "_keras_history" in foreign
    assert all(files == {"mrcnn/keras_internals.py"} for files in foreign.values()), foreign


def built_by_type(source):
    """The lines of a source that call a class taken from an object: type(x)(...), x.__class__(...)."""
    lines, names = [], set()
    nodes = list(ast.walk(ast.parse(source)))
    for node in nodes:
        if isinstance(node, ast.Assign) and _is_class_of(node.value):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Call):
            function = node.func
            if _is_class_of(function) or (isinstance(function, ast.Name) and function.id in names):
                lines.append(node.lineno)
    return lines


def _is_class_of(node):
    by_type = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type"
    return by_type or (isinstance(node, ast.Attribute) and node.attr == "__class__")


def test_training_builds_no_model_of_a_class_that_it_may_not_import():
    sample = "a = type(x)('inference')\nb = x.__class__()\nkind = type(x)\nkind()\nprint(type(x).__name__)\n"
    assert sorted(built_by_type(sample)) == [1, 2, 4]
    for path in python_files("mrcnn/training"):
        assert built_by_type(path.read_text(encoding="utf-8")) == [], path


def test_training_writes_no_attribute_of_a_model():
    """It calls the methods of mrcnn.training.interface."""
    for path in python_files("mrcnn/training"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = ast.unparse(node.value)
                of_keras = owner == "self.model" and node.attr == "stop_training"
                assert of_keras or not owner.endswith(("model", "trained")), f"{path}, line {node.lineno}"


def test_the_library_does_not_speak_the_commands_words():
    """Options and scripts are named where they are read; the library names settings and methods."""
    words = re.compile(r"(^|[\s(`'\"])--(?!xla_)[a-z]|scripts/")
    assert words.search("Go on with --resume.") and words.search("a run of scripts/train.py")
    for path in [*python_files("mrcnn/training", "mrcnn/pipeline"), ROOT / "mrcnn/backend.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                assert not words.search(node.value), f"{path}, line {node.lineno}"
