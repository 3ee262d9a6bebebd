#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""verify - compares every record of a Debian control file with what stores hold for it, byte for byte.

    verify.py SOURCE STORE...

A STORE is a path (/dev/splinter: the default store; or an embedded store's file), or fd:N, an open file that is attached
already. A record's key is its Package field, its value all of its lines. Of records with one key the last counts. A key is
looked for in the stores in their order. Reading is splinter_reader.py's; the output's form is demo.h's.
"""

import os
import sys
import time

from splinter_reader import Damaged, Store

FIELD = b"Package: "
SHOWN = 5


def records(source):
    """(key, value) of every record, in order."""
    at, size = 0, len(source)
    while at < size:
        if source[at] == 10:
            at += 1
            continue
        end = source.find(b"\n\n", at)
        end = size if end < 0 else end + 1
        key = at if source.startswith(FIELD, at) else source.find(b"\n" + FIELD, at, end)
        if key >= 0:
            key = source.index(FIELD, key) + len(FIELD)
            yield source[key:source.index(b"\n", key)], (at, end)
        at = end + 1


def open_store(name):
    if name.startswith("fd:"):
        return Store(os.fdopen(int(name[3:]), "rb", buffering=0))
    with open(name, "rb", buffering=0) as file:
        return Store(file)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        source = file.read()
    try:
        stores = [open_store(name) for name in sys.argv[2:]]
    except (Damaged, OSError, ValueError) as error:
        sys.exit(f"verify: {error}")
    wanted, repeated = {}, 0
    for key, place in records(source):
        repeated += key in wanted
        wanted[key] = place

    began = said = time.monotonic()
    good = missing = differs = nr_bytes = damaged = 0
    shown = []
    for number, (key, (start, end)) in enumerate(wanted.items()):
        try:
            found = None
            for store in stores:
                found = store.get(key)
                if found:
                    break
        except Damaged as error:
            damaged += 1
            shown.append(f"{key}: {error}")
            continue
        if not found:
            missing += 1
            shown.append(f"{key}: not there")
        elif found[0] != source[start:end]:
            differs += 1
            shown.append(f"{key}: {len(found[0])} bytes, not the {end - start} of the source")
        else:
            good += 1
            nr_bytes += end - start
        if number % 512 == 0 and time.monotonic() - said > 0.2:
            said = time.monotonic()
            print(f"@{number} {len(wanted)}", flush=True)
    for line in shown[:SHOWN]:
        print(line, file=sys.stderr)
    print(f"@{len(wanted)} {len(wanted)}")
    for name, value in (("records", len(wanted)), ("repeated", repeated), ("verified", good), ("missing", missing),
                        ("differs", differs), ("damaged", damaged), ("bytes", nr_bytes),
                        ("ms", int((time.monotonic() - began) * 1000))):
        print(name, value)
    return 0 if good == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
