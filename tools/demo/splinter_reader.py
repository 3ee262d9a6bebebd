# SPDX-License-Identifier: MIT
"""splinter_reader - reads a store with nothing but open, mmap and the layout of uapi/splinter_layout.h.

Pure Python: no extension module, no ctypes, no library. Look-ups go the way of uapi/splinter_read.h: home bucket, tag,
distance, overflow word, and the lane's generation before and after the copy. What it does with the records is its
caller's. It relies on a machine that keeps loads in order, and on the interpreter to load aligned words whole: both
hold for CPython on x86-64; another machine needs barriers, which Python has not.
"""

import errno
import mmap
import struct
import sys

M64 = (1 << 64) - 1
MAGIC = int.from_bytes(b"SPLNTER1", "little")
ABI = 1
PAGE = 4096
HASH_XXH64 = 1
REGION_INDEX, REGION_LANES, REGIONS = 4, 5, 32
BUCKET_CELLS, BUCKET_WORDS = 7, 8
LIVE = 2 << 62
REF = (1 << 48) - 1
HEAD = M64 ^ REF
FILLING = 1
LANE_HEADER = 48
TRIES = 65536

# struct spl_info up to its regions, and one region
INFO = struct.Struct("<QIIQQQQQQIIQIIIIIiQ24xQQIIQQ")
REGION = struct.Struct("<IIQQQ")


def xxh64(data, seed):
    """XXH64 of the public xxHash specification."""
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
    n, at = len(data), 0
    if n >= 32:
        acc = [(seed + p1 + p2) & M64, (seed + p2) & M64, seed, (seed - p1) & M64]
        while at + 32 <= n:
            for i, word in enumerate(struct.unpack_from("<4Q", data, at)):
                x = (acc[i] + word * p2) & M64
                acc[i] = ((x << 31 | x >> 33) * p1) & M64
            at += 32
        a, b, c, d = acc
        h = (a << 1 | a >> 63) + (b << 7 | b >> 57) + (c << 12 | c >> 52) + (d << 18 | d >> 46) & M64
        for x in acc:
            x = x * p2 & M64
            x = (x << 31 | x >> 33) * p1 & M64
            h = ((h ^ x) * p1 + p4) & M64
    else:
        h = (seed + p5) & M64
    h = (h + n) & M64
    while at + 8 <= n:
        x = int.from_bytes(data[at:at + 8], "little") * p2 & M64
        h ^= (x << 31 | x >> 33) * p1 & M64
        h = ((h << 27 | h >> 37) * p1 + p4) & M64
        at += 8
    if at + 4 <= n:
        h ^= int.from_bytes(data[at:at + 4], "little") * p1 & M64
        h = ((h << 23 | h >> 41) * p2 + p3) & M64
        at += 4
    for byte in data[at:]:
        h ^= byte * p5 & M64
        h = (h << 11 | h >> 53) * p1 & M64
    h = (h ^ h >> 33) * p2 & M64
    h = (h ^ h >> 29) * p3 & M64
    return h ^ h >> 32


class Damaged(Exception):
    """The store's bytes contradict each other."""


class Store:
    """A read-only view of the store behind a file: /dev/splinter is the default store, a plain file an embedded one."""

    def __init__(self, file):
        """file: a binary file object, opened for reading; it may be closed afterwards."""
        with mmap.mmap(file.fileno(), PAGE, mmap.MAP_SHARED, mmap.PROT_READ) as page:
            info = INFO.unpack_from(page)
            region = [REGION.unpack_from(page, INFO.size + i * REGION.size) for i in range(REGIONS)]
        (magic, self.abi, _, _, required, self.store_id, _, _, self.seed, hash_id, _,
         self.lanes, self.value_max, self.key_max, _, _, _, _, _,
         self.lanes_total, self.stride, self.lane_bits, self.buckets, _, map_bytes) = info
        if magic != MAGIC:
            raise Damaged("not a store")
        if self.abi != ABI or required or hash_id != HASH_XXH64:
            raise OSError(errno.EPROTONOSUPPORT, "made by a version that this reader does not know")
        self.index, self.lane0 = region[REGION_INDEX][2], region[REGION_LANES][2]
        if (self.index + self.buckets * 64 > map_bytes or not self.buckets or self.index % 64
                or self.lane0 + self.lanes_total * self.stride > map_bytes or self.stride % 8
                or self.stride < LANE_HEADER + (self.key_max + 7 & ~7) + self.value_max):
            raise Damaged("sizes in the info page contradict each other")
        self.map = mmap.mmap(file.fileno(), map_bytes, mmap.MAP_SHARED, mmap.PROT_READ)
        if sys.byteorder != "little":
            raise OSError(errno.EPROTONOSUPPORT, "words are little-endian")
        self.words = memoryview(self.map).cast("Q")

    def close(self):
        self.words.release()
        self.map.close()

    def _hold(self, seq, word):
        """Does a lane with this sequence word hold, whole, what the cell word names?"""
        mask = (1 << 48 - self.lane_bits) - 1
        return not seq & FILLING and not (seq >> 16 ^ (word & REF) >> self.lane_bits) & mask

    def _copy(self, cell, word, key):
        """The lane of a cell: (key, value, epoch), False if its key is another one, None if it has changed."""
        n = word & (1 << self.lane_bits) - 1
        if n >= self.lanes_total:
            raise Damaged(f"cell {cell} names lane {n}")
        at = self.lane0 + n * self.stride
        seq = self.words[at // 8]
        if self._hold(seq, word):
            epoch = self.words[at // 8 + 1]
            vlen, klen = struct.unpack_from("<IH", self.map, at + 16)
            start = at + LANE_HEADER + (klen + 7 & ~7)
            found = self.map[at + LANE_HEADER:at + LANE_HEADER + min(klen, self.key_max)]
            result = False
            if key is None or found == key:
                result = found, self.map[start:start + min(vlen, self.value_max)], epoch
            after = self.words[at // 8]
            if not (seq ^ after) >> 16 and not after & FILLING:
                if vlen > self.value_max or not 0 < klen <= self.key_max:
                    raise Damaged(f"lane {n} has impossible lengths")
                return result
        if self.words[cell] == word:
            raise Damaged(f"cell {cell} names what lane {n} does not hold")
        return None

    def _look(self, key):
        """One look at all places of a key: as _copy(), or False if it is in none of them."""
        h = xxh64(key, self.seed)
        home = (h >> 32) * self.buckets >> 32
        tag = h & 1023
        words, distance = self.words, 0
        overflow = 0
        while True:
            first = self.index // 8 + (home + distance * (distance + 1) // 2) % self.buckets * BUCKET_WORDS
            head = LIVE | distance << 58 | tag << 48
            for cell in range(first, first + BUCKET_CELLS):
                word = words[cell]
                if word & HEAD == head:
                    result = self._copy(cell, word, key)
                    if result is not False:
                        return result
            if distance == 0:
                overflow = words[first + BUCKET_CELLS]
                if not overflow >> 17 + (tag * 23 >> 10) & 1:
                    return False
            overflow &= 0xFFFE << distance & 0xFFFE
            if not overflow:
                return False
            distance = (overflow & -overflow).bit_length() - 1

    def get(self, key):
        """(value, epoch) of a key, or None if there is no such key."""
        if not 0 < len(key) <= self.key_max:
            return None
        for _ in range(TRIES):
            result = self._look(key)
            if result is not None:
                return result and result[1:] or None
        raise BlockingIOError(errno.EAGAIN, "others change the key faster than it can be copied")

    def __iter__(self):
        """(key, value, epoch) of every key; one that comes or goes meanwhile may be told or not."""
        for bucket in range(self.buckets):
            first = self.index // 8 + bucket * BUCKET_WORDS
            for cell in range(first, first + BUCKET_CELLS):
                for _ in range(TRIES):
                    word = self.words[cell]
                    result = word >> 62 == LIVE >> 62 and self._copy(cell, word, None)
                    if result is not None:
                        break
                if result:
                    yield result
