"""The command ``mrcnn``: its commands by name, its speed, and how it speaks of itself; packaged configs."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mrcnn
from mrcnn.config import ConfigError
from mrcnn.version import version
from pumpkin import __main__, calls, packaged
from pumpkin.commands import demo
from pumpkin.config import load_config

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "train", "detect", "evaluate", "compare", "download", "check", "convert", "synthetic", "demo", "inspect",
)  # fmt: skip


def python(*words, cwd=ROOT):
    done = subprocess.run(
        [sys.executable, *words],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def started_as(monkeypatch):
    return lambda path: monkeypatch.setattr(sys, "argv", [str(path)])


def test_the_commands_are_those_promised(started_as):
    assert sorted(__main__.COMMANDS) == sorted(COMMANDS)
    started_as("/usr/bin/mrcnn")
    for name in COMMANDS:
        module = importlib.import_module(f"pumpkin.commands.{name}")
        assert callable(module.parse) and callable(module.main)


def test_help_and_version_import_next_to_nothing():
    script = "import sys\nfrom pumpkin.__main__ import main\nprint(main(sys.argv[1:]), *sys.modules)"
    for option in ("--help", "--version"):
        code, out, err = python("-c", script, option)
        assert (code, err) == (0, "")
        text, modules = out.rsplit("\n0 ", 1)
        assert not {"keras", "numpy", "yaml", "requests"} & set(modules.split())
        if option == "--version":
            assert text == f"mrcnn {mrcnn.__version__}"
        else:
            assert re.findall(r"^  (\w+) ", text, re.MULTILINE)[: len(COMMANDS)] == [*__main__.COMMANDS]


def test_an_unknown_command_gets_the_nearest(capsys):
    assert __main__.main(["trian", "--weights", "none"]) == 2
    assert capsys.readouterr().err == (
        "mrcnn: there is no command 'trian'; did you mean 'train'? The commands are demo, download, "
        "synthetic, check, convert, train, evaluate, compare, detect, inspect.\n"
    )
    assert __main__.main([]) == 2
    assert capsys.readouterr().err.startswith("usage: mrcnn COMMAND ...\n")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("program", "begins"),
    [
        ("/venv/bin/mrcnn", "mrcnn {}"),
        ("C:/venv/Scripts/mrcnn.exe", "mrcnn {}"),
        (ROOT / "pumpkin/__main__.py", "python -m pumpkin {}"),
        (ROOT / "scripts/train.py", "python scripts/{}.py"),
    ],
    ids=["mrcnn", "mrcnn.exe", "module", "script"],
)
def test_usage_says_what_was_typed(name, program, begins, started_as, capsys):
    started_as(program)
    with pytest.raises(SystemExit) as left:
        __main__.main([name, "--help"])
    script = "check_data" if name == "check" and "scripts" in begins else name
    assert left.value.code == 0
    assert " ".join(capsys.readouterr().out.split()).startswith(f"usage: {begins.format(script)} ")


def test_what_a_program_runs_is_what_a_user_types(started_as):
    started_as("/venv/bin/mrcnn")
    assert calls.words("train") == ["/venv/bin/mrcnn", "train"]
    started_as(ROOT / "pumpkin/__main__.py")
    assert calls.words("train") == [sys.executable, "-m", "pumpkin", "train"]
    started_as("demo.py")
    assert calls.words("check") == [sys.executable, str(ROOT / "scripts/check_data.py")]
    args = demo.parse(["--out", "x", "--train", "4"])
    assert [words[0] for words in demo.commands(args)] == ["synthetic", "train", "evaluate", "detect"]


def test_every_command_has_a_script():
    assert all(calls._script(name).is_file() for name in COMMANDS)


def test_the_version_is_that_of_the_clone(tmp_path):
    stated = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert mrcnn.__version__ == stated
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mrcnn-keras3"\nversion = "9.8"\n')
    assert version(tmp_path) == "9.8"
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "theirs"\nversion = "9.8"\n')
    assert version(tmp_path) != "9.8"  # of what is installed, if it is
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mrcnn.nonsense


def test_a_packaged_config_goes_by_its_name(tmp_path, monkeypatch):
    assert list(packaged.configs()) == sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()  # what the demo writes
    by_name, by_path = load_config("demo"), load_config(ROOT / "configs/demo.yaml")
    assert by_name.to_plain() == by_path.to_plain()
    assert by_name.NAME == "demo"
    (tmp_path / "demo.yaml").write_text("NAME: mine\n")
    assert load_config("demo.yaml").NAME == "mine"


@pytest.mark.parametrize("given", ["pumkin", "configs/pumkin.yaml"])
def test_an_unknown_config_lists_the_packaged_ones(given):
    with pytest.raises(ConfigError) as error:
        load_config(given)
    assert str(error.value) == (
        f"--config {given}: there is no such file; did you mean 'pumpkin'? "
        f"The packaged configs are {', '.join(packaged.configs())}."
    )
