#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""python.py - the reader that has nothing but open and mmap (tools/demo/splinter_reader.py) on the default store of the
device: finds what splinterctl wrote, by hash and by walking, and can't be made to write."""

import mmap
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ["TOP"], "tools/demo"))
from splinter_reader import Store  # noqa: E402

DEVICE = "/dev/splinter"
POINTS = 0


def point(good, name):
    global POINTS
    POINTS += 1
    print(f"{'' if good else 'not '}ok {POINTS} - {name}", flush=True)


def ctl(*arguments, data=b""):
    return subprocess.run(["splinterctl", "--store", "default", *arguments], input=data, stdout=subprocess.DEVNULL, check=True)


def refused(function):
    try:
        function()
    except OSError:
        return True
    return False


def main():
    with open(DEVICE, "rb", buffering=0) as file:
        store = Store(file)
        point(refused(lambda: mmap.mmap(file.fileno(), mmap.PAGESIZE)), "a writable mapping of a read-only handle is refused")
    # Long enough for the part of the hash that takes 32 bytes at once, and every remainder.
    wanted = {f"python:{'k' * n}".encode(): f"value {n}\n".encode() * n for n in range(1, store.key_max - 6)}
    with tempfile.NamedTemporaryFile() as source:
        for key, value in wanted.items():
            value = value.decode().replace("\n", "\\n")
            source.write(b'{"key": "%s", "value": "%s"}\n' % (key, value.encode()))
        source.flush()
        ctl("ingest", "--quiet", "--format", "json", "--key", "key", "--value", "value", source.name)
    point(all((store.get(key) or [None])[0] == value for key, value in wanted.items()), "every key is found by its hash")
    found = {key: value for key, value, _ in store if key.startswith(b"python:")}
    point(found == wanted, "a walk tells the same")
    point(store.get(b"python:absent") is None, "an absent key is absent")

    key = min(wanted)
    before = store.get(key)[1]
    ctl("set", key.decode(), "another")
    value, epoch = store.get(key)
    point(value == b"another" and epoch > before, "a new value shows in the mapping that was there")
    ctl("unset", *(key.decode() for key in wanted))
    point(not any(store.get(key) for key in wanted), "deleted keys are gone")
    store.close()
    print(f"1..{POINTS}")


if __name__ == "__main__":
    main()
