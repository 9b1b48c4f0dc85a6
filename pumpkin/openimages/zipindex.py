"""Choose members of a zip by its central directory, and extract them from ranges of its bytes.

Formats as in PKWARE's APPNOTE 6.3: end record 4.3.16, ZIP64 4.3.14 and 4.3.15, directory entry 4.3.12,
local header 4.3.7. All integers are little-endian.
"""

import struct
import zlib
from dataclasses import dataclass

from pumpkin.openimages.errors import IntegrityError

END_SIZE = 22
TAIL = 1 << 15  # bytes that are read first: the end records, and the whole directory of a small zip
MAX_COMMENT = 0xFFFF
LONGEST_END = MAX_COMMENT + 1024  # bytes that hold the end records of any zip, whatever its comment
MAX_DIRECTORY = 1 << 26  # bytes held in memory; the largest known directory has 18 million
MAX_MEMBER = 1 << 24  # bytes of a mask; the largest known masks have some tens of thousands
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_LOCAL = struct.Struct("<4s5HL2L2H")
_STORED, _DEFLATED = 0, 8
_EXTRA_SLACK = 1024  # bytes allowed for a local header's extra field, whose length the entry does not state


@dataclass(frozen=True)
class Directory:
    """The central directory's place, bytes ``start`` to ``end`` of the file, and its number of entries.

    shift: bytes before the zip proper; they must be added to all offsets.
    """

    start: int
    end: int
    count: int
    shift: int


@dataclass(frozen=True, order=True)
class Member:
    """One file in a zip. The ``length`` bytes from ``offset`` contain its local header and its data."""

    name: str
    offset: int
    length: int
    compressed: int
    size: int
    crc: int
    method: int

    @property
    def end(self):
        """The offset after its last byte."""
        return self.offset + self.length


def find_directory(tail, size, name):
    """Find the Directory of a zip in its last bytes; None if they are too few, which LONGEST_END never are.

    tail: the last bytes. size: of the zip in bytes. name: of the zip, for messages.
    Raises IntegrityError if the file is truncated or not a zip.
    """
    enough = len(tail) >= min(size, LONGEST_END)
    place = tail.rfind(b"PK\x05\x06", max(0, len(tail) - MAX_COMMENT - END_SIZE))
    if place < 0 or place + END_SIZE > len(tail):
        if enough:
            raise IntegrityError(f"{name} is truncated or not a zip: it has no end record; try again later.")
        return None
    _, disk, _, _, count, length, start, _ = _END.unpack_from(tail, place)
    end = size - len(tail) + place
    if 0xFFFF in (disk, count) or 0xFFFFFFFF in (length, start):
        found = _find_directory64(tail, size, place, name)
        if found is None and enough:
            raise IntegrityError(f"{name} lacks its ZIP64 records; it is damaged.")
        if found is None:
            return None
        count, length, start, end = found
    if count == 0:
        raise IntegrityError(f"{name} holds no files; try again later.")
    directory = Directory(end - length, end, count, end - length - start)
    if directory.start < 0 or directory.shift < 0:
        raise IntegrityError(f"{name} is truncated: its directory would start before it; try again later.")
    if length > MAX_DIRECTORY:
        raise IntegrityError(f"{name} claims a directory of {length} bytes, which is absurd; it is damaged.")
    return directory


def _find_directory64(tail, size, place, name):
    """Return (count, length, start, end) from the ZIP64 records, or None if the tail does not hold them."""
    if place < _LOCATOR.size:
        return None
    signature, _, where, _ = _LOCATOR.unpack_from(tail, place - _LOCATOR.size)
    if signature != b"PK\x06\x07":
        raise IntegrityError(f"{name} lacks its ZIP64 records; it is damaged.")
    first = size - len(tail)
    at = where - first
    if tail[at : at + 4] != b"PK\x06\x06" or at < 0:  # bytes precede the zip: the record is next to here
        at = place - _LOCATOR.size - _END64.size
    if at < 0:
        return None
    if tail[at : at + 4] != b"PK\x06\x06":
        raise IntegrityError(f"{name}: its ZIP64 record is not where it should be; it is damaged.")
    count, length, start = _END64.unpack_from(tail, at)[-3:]
    return count, length, start, first + at


def scan(data, directory, wanted, name):
    """Return the Members whose names contain one of ``wanted``, sorted by name.

    data: the bytes of the directory. wanted: byte strings. name: of the zip, for messages. Raises
    IntegrityError if the directory contradicts its end record.
    """
    chosen, offsets, place = [], [], 0
    unpack, size = _ENTRY.unpack_from, _ENTRY.size
    for _ in range(directory.count):
        if place + size > len(data) or data[place : place + 4] != b"PK\x01\x02":
            raise IntegrityError(f"{name}: its directory is damaged at byte {directory.start + place}.")
        entry = unpack(data, place)
        name_end = place + size + entry[12]
        title = data[place + size : name_end]
        next_place = name_end + entry[13] + entry[14]
        offset = entry[18]
        if 0xFFFFFFFF in (offset, entry[10], entry[11]):
            entry, offset = _read_zip64(entry, data[name_end : name_end + entry[13]], name)
        offsets.append(offset)
        if any(part in title for part in wanted):
            chosen.append((title, offset, entry))
        place = next_place
    if place != len(data):
        raise IntegrityError(
            f"{name}: its directory has more than the {directory.count} entries of its end record."
        )
    return _with_ends(chosen, offsets, directory, name)


def _read_zip64(entry, extra, name):
    """Fill in an entry's 64-bit sizes and offset from the extra field 0x0001, in their fixed order."""
    place, fields = 0, list(entry)
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            values = extra[place + 4 : place + 4 + length]
            at = 0
            for field in (11, 10, 18):  # size, compressed size, offset: only those that did not fit
                if fields[field] == 0xFFFFFFFF:
                    if at + 8 > len(values):
                        break
                    fields[field] = struct.unpack_from("<Q", values, at)[0]
                    at += 8
            return fields, fields[18]
        place += 4 + length
    raise IntegrityError(f"{name}: an entry of its directory lacks its ZIP64 field; it is damaged.")


def _with_ends(chosen, offsets, directory, name):
    """Return Members with the bytes to read for each: up to the next one, or as many as it may need."""
    following = dict(zip(sorted(offsets), [*sorted(offsets)[1:], directory.start - directory.shift]))
    members = []
    for title, offset, entry in chosen:
        most = _LOCAL.size + len(title) + _EXTRA_SLACK + entry[10]
        length = min(following[offset] - offset, most)
        if length < _LOCAL.size + len(title) + entry[10] or entry[5] & 1 or entry[10] > MAX_MEMBER:
            raise IntegrityError(f"{name}: its directory is wrong about {title!r}; it is damaged.")
        title = title.decode("utf-8", "backslashreplace")
        sizes = (entry[10], entry[11], entry[9], entry[6])
        members.append(Member(title, offset + directory.shift, length, *sizes))
    return sorted(members)


def extract(member, data, source):
    """Return the content of a member. data: its ``length`` bytes. source: the zip's name, for messages.

    Raises IntegrityError if header, size or CRC do not match.
    """
    where = f"{source}, {member.name}"
    if len(data) < _LOCAL.size or data[:4] != b"PK\x03\x04":
        raise IntegrityError(f"{where}: there is no file at byte {member.offset}.")
    *_, name_length, extra_length = _LOCAL.unpack_from(data)
    if data[_LOCAL.size : _LOCAL.size + name_length] != member.name.encode():
        raise IntegrityError(f"{where}: another file is at byte {member.offset}.")
    start = _LOCAL.size + name_length + extra_length
    packed = data[start : start + member.compressed]
    if len(packed) < member.compressed or member.size > MAX_MEMBER:
        raise IntegrityError(f"{where}: its size is not what the directory says.")
    content = _inflate(packed, member, where)
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise IntegrityError(f"{where}: its CRC or size is not what the directory says.")
    return content


def _inflate(packed, member, where):
    if member.method == _STORED:
        return packed
    if member.method != _DEFLATED:
        raise IntegrityError(f"{where}: compression method {member.method} is not supported.")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.size + 1)
    except zlib.error as error:
        raise IntegrityError(f"{where}: it cannot be inflated ({error}).") from error


def join(members, gap, longest):
    """Group members for one request each: lists in order of offset, at most ``gap`` bytes apart.

    longest: largest size of a group in bytes.
    """
    groups = []
    for member in sorted(members, key=lambda member: member.offset):
        if groups:
            last = groups[-1]
            if member.offset - last[-1].end <= gap and member.end - last[0].offset <= longest:
                last.append(member)
                continue
        groups.append([member])
    return groups
