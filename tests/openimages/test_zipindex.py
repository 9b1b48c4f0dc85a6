import io
import struct
import zipfile
import zlib

import pytest

from pumpkin.openimages import zipindex
from pumpkin.openimages.errors import IntegrityError
from pumpkin.openimages.zipindex import Directory, Member
from tests.openimages.world import pack, to_zip64

NAMES = [f"{k:016x}_{mid}_{k:08x}.png" for k in range(30) for mid in ("m05zsy", "m0dv77")]
FILES = {name: bytes(range(256)) * (1 + k % 7) for k, name in enumerate(NAMES)}


def members_of(data, wanted=(b"_m05zsy_",), tail=None):
    end = data[-tail:] if tail else data
    directory = zipindex.find_directory(end, len(data), "x.zip")
    return zipindex.scan(data[directory.start : directory.end], directory, wanted, "x.zip")


def content(member, data):
    return zipindex.extract(member, data[member.offset : member.end], "x.zip")


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("before", [b"", b"something else" * 100])
def test_members_are_those_that_zipfile_reads(zip64, stored, before):
    data = before + pack(FILES, zip64, stored)
    members = members_of(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in members:
            info = archive.getinfo(member.name)
            assert member.offset == info.header_offset
            assert (member.crc, member.size) == (info.CRC, info.file_size)
            assert content(member, data) == archive.read(member.name) == FILES[member.name]
    assert [member.name for member in members] == sorted(name for name in NAMES if "_m05zsy_" in name)


def test_a_zip_of_70000_members_needs_zip64():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for k in range(70_000):
            archive.writestr(
                zipfile.ZipInfo(f"{k:016x}_m{'05zsy' if k % 1000 == 0 else '04yx4'}_{k:08x}.png"), b"%d" % k
            )
    data = file.getvalue()
    assert struct.unpack("<H", data[-12:-10])[0] == 0xFFFF
    members = members_of(data, tail=100)
    assert len(members) == 70
    assert [int(content(member, data)) for member in members] == list(range(0, 70_000, 1000))


def test_offsets_beyond_4_gib_come_from_the_extra_field():
    name, offset = b"0123456789abcdef_m05zsy_01234567.png", 5 << 30
    extra = struct.pack("<2H2Q", 0xCAFE, 16, 7, 7) + struct.pack("<2HQ", 1, 8, offset)
    entry = struct.pack(
        "<4s4B4HL2L5H2L",
        b"PK\1\2",
        45,
        0,
        45,
        0,
        0,
        8,
        0,
        0,
        99,
        50,
        60,
        len(name),
        len(extra),
        0,
        0,
        0,
        0,
        0xFFFFFFFF,
    )
    data = entry + name + extra
    directory = Directory(offset + 500, offset + 500 + len(data), 1, 0)
    (member,) = zipindex.scan(data, directory, [b"m05zsy"], "x.zip")
    assert member == Member(name.decode(), offset, 500, 50, 60, 99, 8)


def test_a_longer_local_extra_field_and_a_data_descriptor():
    packed = zlib.compress(b"mask" * 100, wbits=-15)
    name = b"0123456789abcdef_m05zsy_01234567.png"
    local = struct.pack("<4s5HL2L2H", b"PK\3\4", 20, 8, 8, 0, 0, 0, 0, 0, len(name), 28)
    data = local + name + bytes(28) + packed + struct.pack("<4s3L", b"PK\x07\x08", 1, 2, 3)
    member = Member(name.decode(), 0, len(data), len(packed), 400, zlib.crc32(b"mask" * 100), 8)
    assert zipindex.extract(member, data, "x.zip") == b"mask" * 100


def test_a_comment_hides_the_end_record_from_a_short_tail():
    file = io.BytesIO(pack(FILES))
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"c" * 40_000
    data = file.getvalue()
    assert zipindex.find_directory(data[-(1 << 15) :], len(data), "x.zip") is None
    assert len(members_of(data, tail=70_000)) == 30


@pytest.mark.parametrize("cut", [1, 30, 3000])
def test_a_truncated_zip_is_named(cut):
    data = pack(FILES)[:-cut]
    with pytest.raises(IntegrityError, match=r"x\.zip is truncated"):
        zipindex.find_directory(data, len(data), "x.zip")


def test_a_directory_of_absurd_size_is_not_read():
    size, length = 1 << 40, 1 << 30
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    where = size - len(end) - 20 - 56
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 9, 9, length, where - length)
    tail = record + struct.pack("<4sLQL", b"PK\6\7", 0, where, 1) + end
    with pytest.raises(IntegrityError, match=r"x\.zip claims a directory of 1073741824 bytes"):
        zipindex.find_directory(tail, size, "x.zip")


def test_a_damaged_directory_is_named():
    data = bytearray(pack(FILES))
    directory = zipindex.find_directory(data, len(data), "x.zip")
    data[directory.start] ^= 1
    with pytest.raises(IntegrityError, match=r"x\.zip: its directory is damaged"):
        zipindex.scan(bytes(data[directory.start : directory.end]), directory, [b"m"], "x.zip")


@pytest.mark.parametrize("count", [1, 59])
@pytest.mark.parametrize("zip64", [False, True])
def test_a_directory_of_more_entries_than_its_count_is_refused(count, zip64):
    data = bytearray(pack(FILES))
    data[-12:-10] = data[-14:-12] = struct.pack("<H", count)
    data = to_zip64(bytes(data)) if zip64 else bytes(data)
    with pytest.raises(IntegrityError, match=f"has more than the {count} entries of its end record"):
        members_of(data)


@pytest.mark.parametrize("zip64", [False, True])
def test_a_zip_without_files_is_refused(zip64):
    data = pack({}, zip64)
    with pytest.raises(IntegrityError, match=r"x\.zip holds no files"):
        zipindex.find_directory(data, len(data), "x.zip")


def test_a_zip_without_the_zip64_records_that_it_names_is_refused():
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 1 << 40, 1)
    for data in (end, locator + end):
        with pytest.raises(IntegrityError, match=r"x\.zip lacks its ZIP64 records"):
            zipindex.find_directory(data, len(data), "x.zip")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [("crc", 5, "CRC"), ("size", 7, "CRC or size"), ("offset", 1, "no file"),
     ("name", "b" * 36, "another file"), ("method", 12, "method 12"), ("compressed", 1 << 20, "size")],
)  # fmt: skip
def test_what_does_not_fit_its_entry_is_refused(field, value, reason):
    data = pack(FILES)
    member = members_of(data)[0]
    wrong = Member(**{**{f: getattr(member, f) for f in Member.__dataclass_fields__}, field: value})
    with pytest.raises(IntegrityError, match=reason):
        content(wrong, data)


def test_a_bomb_is_inflated_no_further_than_its_size():
    packed = zlib.compress(bytes(1 << 26), wbits=-15)
    data = struct.pack("<4s5HL2L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, 0, 0, 1, 0) + b"a" + packed
    with pytest.raises(IntegrityError, match="size"):
        zipindex.extract(Member("a", 0, len(data), len(packed), 100, 0, 8), data, "x.zip")


def test_near_members_are_joined():
    members = [Member(str(k), offset, 10, 5, 5, 0, 0) for k, offset in enumerate((0, 10, 25, 100, 1000))]
    groups = zipindex.join(reversed(members), gap=15, longest=100)
    assert [[m.offset for m in group] for group in groups] == [[0, 10, 25], [100], [1000]]
    assert len(zipindex.join(members, gap=1000, longest=35)) == 3
    assert zipindex.join([], 1, 1) == []
