import pytest

from pumpkin.openimages.classes import ClassTable, ObjectClass
from pumpkin.openimages.errors import IntegrityError, UsageError
from pumpkin.openimages.plan import Choice
from tests.openimages.world import CLASSES, WITH_MASKS

TABLE = ClassTable(CLASSES, set(WITH_MASKS))


@pytest.mark.parametrize("text", ["Pumpkin", "pumpkin", "PUMPKIN", " pumpkin ", "/m/05zsy"])
def test_a_class_is_found_by_name_in_any_case_and_by_mid(text):
    assert TABLE.find(text) == ObjectClass("/m/05zsy", "Pumpkin")


@pytest.mark.parametrize("text", ["Human eye", "human_eye", "human  eye"])
def test_underscores_are_spaces(text):
    found = TABLE.find(text)
    assert (found.mid, found.key, found.folder) == ("/m/014sv8", "m014sv8", "human_eye")


def test_an_unknown_class_names_the_nearest():
    with pytest.raises(UsageError, match=r"no class 'Pumkin'.*nearest with masks are Pumpkin"):
        TABLE.find("Pumkin")


def test_an_unknown_mid_has_no_neighbours():
    with pytest.raises(UsageError, match="no class with MID /m/0zzzz; give the class by its name"):
        TABLE.find("/m/0zzzz")


def test_a_class_without_masks_says_so():
    with pytest.raises(UsageError, match=r"Turtle has boxes but no masks"):
        TABLE.find("turtle")


@pytest.mark.parametrize("header", ["", "LabelName,DisplayName\n"])
def test_lists_with_and_without_a_header(header):
    table = ClassTable.parse(header + '/m/05zsy,Pumpkin\n/m/0x1,"Salt, and pepper"\n', header + "/m/05zsy\n")
    assert table.names == {"/m/05zsy": "Pumpkin", "/m/0x1": "Salt, and pepper"}
    assert table.with_masks == {"/m/05zsy"}


def test_lists_without_mids_are_refused():
    with pytest.raises(IntegrityError, match="no MIDs"):
        ClassTable.parse("<html>", "<html>")


def test_a_name_of_two_classes_asks_for_the_mid():
    names = {"/m/05zsy": "Pumpkin", "/m/0aaa": "pumpkin", "/m/0bbb": "PUMPKIN", "/m/0ccc": "pumpkin"}
    table = ClassTable(names, set(names))
    assert table.find("Pumpkin").mid == "/m/05zsy" and table.find("/m/0ccc").name == "pumpkin"
    with pytest.raises(UsageError, match="2 classes have the name 'pumpkin'; give the MID: /m/0aaa, /m/0ccc"):
        table.find("pumpkin")
    with pytest.raises(UsageError, match="4 classes have the name 'Pumpkin_'"):
        table.find("Pumpkin_")


def test_classes_of_one_choice_have_folders_of_their_own():
    twins = [
        ObjectClass("/m/05zsy", "Pumpkin"),
        ObjectClass("/m/0aaa", "PUMPKIN"),
        ObjectClass("/m/0b", "Fig"),
    ]
    choice = Choice(tuple(twins), ("test",), 0, 0, {}, False, True)
    assert [one.folder for one in choice.classes] == ["pumpkin_m05zsy", "pumpkin_m0aaa", "fig"]
    assert [one.folder for one in Choice(tuple(twins[1:]), ("test",), 0, 0, {}, False, True).classes] == [
        "pumpkin", "fig",
    ]  # fmt: skip


def test_a_list_with_spaces_and_long_fields():
    table = ClassTable.parse('/m/05zsy, "Pumpkin"\r\n/m/0x1 ,Fig\r\n', "/m/05zsy\r\n")
    assert table.names == {"/m/05zsy": "Pumpkin", "/m/0x1": "Fig"}
    with pytest.raises(IntegrityError, match=r"The list of classes is not CSV \(field larger"):
        ClassTable.parse("/m/05zsy," + "x" * 200_000, "/m/05zsy")


def test_lists_that_contradict_each_other_are_refused():
    with pytest.raises(IntegrityError, match="contradict each other: /m/05zs has masks but no name"):
        ClassTable.parse("/m/05zsy,Pumpkin\n", "/m/05zsy\n/m/05zs")


@pytest.mark.parametrize(
    "name", ["../up", "a/b", ".hidden", "", "a\\b", "a\nb", "a\x1b[2J", "a\x9bm", "a\u202eb", "a" * 101]
)
def test_names_that_are_no_folders_are_refused(name):
    with pytest.raises(IntegrityError):
        ObjectClass("/m/05zsy", name)
