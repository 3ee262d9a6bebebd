#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pool.sh - README.md's worker pool: its C and its Python worker, as printed, take each of the keys of one store once.
set -u

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
O=${O:-$top/build}
store=/dev/shm/splinter-pool
work=$(mktemp -d)
trap 'rm -rf "$work" "$store"' EXIT
export LD_LIBRARY_PATH=$O/lib SPLINTER_STORE=file:$store
cd "$work" || exit 1

# shellcheck disable=SC2016
sed -n '/^```c pool\.c$/,/^```$/{//!p}' "$top/README.md" >pool.c
# shellcheck disable=SC2016
sed -n '/^```python pool\.py$/,/^```$/{//!p}' "$top/README.md" >pool.py
if ! cc -Wall -Wextra -Werror -I "$top/uapi" -I "$top/libsplinterk" pool.c -o pool -L "$O/lib" -lsplinterk 2>said; then
	echo "not ok 1 - pool.c compiles without a warning"
	sed 's/^/# /' said
	echo "1..1"
	exit 1
fi
echo "ok 1 - pool.c compiles without a warning"
rm -f "$store"
"$O/bin/splinterctl" init --lanes 2K >/dev/null
seq 300 | sed 's/.*/job&\tdo it/' | "$O/bin/splinterctl" ingest --quiet --format lines -
./pool >first &
python3 pool.py >second &
for ((i = 1; i <= 300; i++)); do
	"$O/bin/splinterctl" label set "job$i" 0
done
wait
first=$(sed -n 's/ taken$//p' first) second=$(sed -n 's/ taken$//p' second)
if ((first + second == 300)); then
	echo "ok 2 - each of 300 keys is taken once: $first in C, $second in Python"
else
	echo "not ok 2 - 300 keys: $first in C, $second in Python"
fi
left=$("$O/bin/splinterctl" label list 0 | wc -l)
((left)) && printf 'not '
echo "ok 3 - none is left waiting"
echo "1..3"
