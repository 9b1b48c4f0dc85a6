"""YAML is read within bounds, and what is wrong with it is said in one line with the file's name."""

from pathlib import Path

import pytest

from mrcnn.files import YAML_BYTES, YamlError, parse_yaml, read_yaml


def laughs(levels):
    """A small text whose aliases stand for 10 ** levels values."""
    lines = ["x: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"y{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "own.yaml, line 1: is not YAML: expected the node content, but found '<stream end>'."),
        (b"a: 1\nb: \x00", "own.yaml: is not YAML: unacceptable character #x0000"),
        (b"a: 1\nNAME: caf\xe9\n", "own.yaml, line 2: is not UTF-8 text"),
        (b"a: 1\na: 2", "own.yaml, line 2: 'a' stands twice."),
        (b"a: " + b"[" * 5000, "own.yaml, line 1: is nested more than 20 levels deep."),
        (laughs(9), "own.yaml: its aliases stand for more than 100,000 values."),
        (b"a: &x [*x]", "own.yaml, line 1: an alias stands within itself."),
        (b"a: 2020-99-99", "own.yaml: holds a value that cannot be used: month must be in 1..12."),
        (b"a: " + b"9" * 5000, "own.yaml: holds a value that cannot be used: Exceeds the limit"),
        (b"a: !!python/object:os.system {}", "line 1: is not YAML: could not determine a constructor"),
        (b"[1]: 2", "line 1: is not YAML: found unhashable key."),
        (b"---\n1\n---\n2", "line 3: is not YAML: but found another document."),
        (b"#" * (YAML_BYTES + 1), "own.yaml: has more than 1,000,000 bytes"),
        (None, "own.yaml: cannot be read: No such file or directory."),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("own.yaml").write_bytes(content)
    with pytest.raises(YamlError) as caught:
        read_yaml("own.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_good_yaml_is_read(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("\ufeffA: &a {b: 1.5, c: [x, y]}\nB: {<<: *a, b: 2}\n", encoding="utf-8")
    assert read_yaml(path) == {"A": {"b": 1.5, "c": ["x", "y"]}, "B": {"b": 2, "c": ["x", "y"]}}
    assert parse_yaml("", "nothing") is None
    assert parse_yaml("[0x10, null, true]", "text") == [16, None, True]
