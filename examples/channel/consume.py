#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""consume.py - receives what produce.c sends, with nothing but mmap and struct: the consumer's end of a channel in a file.

For x86, whose loads and stores are ordered as the protocol needs it. uapi/splinter_channel.h describes all bytes.
"""
import fcntl
import mmap
import os
import struct
import sys
import time

MAGIC = 0x314E4843544C5053
F_OFD_SETLK = 37
RX_TAKEN, TX_TAKEN = 136, 200  # in the info page

word = struct.Struct("Q")  # native: one load or store of 8 bytes
message = struct.Struct("<QII")
numbers = struct.Struct("<QQ")

if len(sys.argv) != 2:
    sys.exit("usage: consume.py PATH")
while not os.path.exists(sys.argv[1]):  # it appears when it is complete
    time.sleep(0.01)
fd = os.open(sys.argv[1], os.O_RDWR)
# The lock on byte 2 is the role; it ends with this process, however that ends.
try:
    fcntl.fcntl(fd, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 2, 1, 0))
except (BlockingIOError, PermissionError):
    sys.exit("consume.py: another consumer has this channel")
ring = mmap.mmap(fd, 0)


def load(off):
    return word.unpack_from(ring, off)[0]


def store(off, value):
    word.pack_into(ring, off, value)


magic, capacity, tx, rx, data = (load(off) for off in (0, 48, 64, 72, 80))
assert magic == MAGIC, "no channel"
store(RX_TAKEN, (load(RX_TAKEN) >> 1) + 1 << 1 | 1)
position = load(rx + 64)
count = total = squares = 0


def there():
    stamp = (position // 64 << 1 | 1) << 31 & (1 << 64) - 1
    return (load(data + position % capacity) ^ stamp) >> 31 == 0


while True:
    if not there():
        store(rx, position)  # all space is free
        taken = load(TX_TAKEN)
        if taken and not taken & 1 and not there():  # the producer has gone, and nothing came before it went
            break
        time.sleep(0.001)
        continue
    at = data + position % capacity
    header, kind, correlation = message.unpack_from(ring, at)
    length = header & (1 << 31) - 1
    assert length == numbers.size, "not what produce sends"  # short: in one line, so it can't pass the end of the ring
    number, square = numbers.unpack_from(ring, at + message.size)
    count, total, squares = count + 1, total + number, squares + square
    position += 64
    store(rx + 64, position)

store(RX_TAKEN, load(RX_TAKEN) & ~1)
print(f"{count} messages, sum {total}, sum of squares {squares}")
