#!/bin/bash
# SPDX-License-Identifier: MIT
#
# control_real.sh - the package index of this machine goes in and comes out byte for byte, checked by a reader of its own.
# Where apt has no lists, dpkg's status file serves.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

apt-cache dumpavail >index 2>/dev/null || : >index
[[ -s index ]] || cp /var/lib/dpkg/status index
if [[ ! -s index ]]; then
	echo "1..0 # SKIP neither apt nor dpkg knows any package"
	exit
fi

cat >verify.py <<'END'
import base64, json, subprocess, sys

want = {}
with open("index", "rb") as f:
    for record in f.read().split(b"\n\n"):
        record = record.strip(b"\n")
        if record:
            name = next(l for l in record.split(b"\n") if l.startswith(b"Package:"))
            want[name[8:].strip()] = record + b"\n"
for spec in sys.argv[1:]:
    for line in subprocess.run(["splinterctl", "-s", spec, "export"], stdout=subprocess.PIPE, check=True).stdout.splitlines():
        o = json.loads(line)
        value = o["value"].encode() if "value" in o else base64.b64decode(o["value_base64"])
        if want.pop(o["key"].encode(), None) != value:
            sys.exit("differs: " + o["key"])
sys.exit("missing: " + str(list(want)[:3]) if want else 0)
END

records=$(grep -c ^Package: index)
store short --lanes "$records" --value-max 2K --key-max 128
splinterctl init file:long --lanes 10K --value-max 256K --key-max 128 >/dev/null
run splinterctl ingest --json --format control --long-to file:long - <index
point "$records records go in" test "$code $(total records) $(total malformed) $(total too_long)" = "0 $records 0 0"
run python3 verify.py file:short file:long
point "and come out byte for byte" gives 0 ""
run splinterctl ingest --json --format control --long-to file:long index
point "once more: all are replaced" test "$code $(total made)" = "0 0"
run python3 verify.py file:short file:long
point "the same" gives 0 ""
point "the store is sound" sound
finish
