"""The benchmark of COCO's index opens what it generates."""

from benchmarks import coco_index


def test_a_small_file_is_generated_and_opened(capfd):
    assert coco_index.main(["--images", "30", "--instances", "80"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("30 images, 80 instances, 0 MB")
    assert lines[1].startswith("30 images, 80 instances: opened in ")
