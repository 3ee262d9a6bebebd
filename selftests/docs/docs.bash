# SPDX-License-Identifier: MIT
#
# docs.bash - what the tests of documents share: a folder to work in, an installed library, and blocks of code to copy.
# Sourced.
# shellcheck shell=bash

top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
O=${O:-$top/build}
work=$(mktemp -d)
litter=("$work")
trap 'rm -rf "${litter[@]}"' EXIT
cd "$work" || exit 1
# shellcheck source=selftests/points.bash
. "$top/selftests/points.bash"

# litters FILE...: the test leaves these, and finds none of an earlier one.
litters() {
	litter+=("$@")
	rm -f "$@"
}

# block FENCE FILE: the code after a fence that says so.
block() {
	sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{//!p}" "$2"
}

# installed: the library, where for_installed has compilers and programs find it.
installed() {
	make --no-print-directory -C "$top/libsplinterk" O="$O" PREFIX="$work/usr" install
}

for_installed() {
	export PKG_CONFIG_PATH=$work/usr/lib/pkgconfig LD_LIBRARY_PATH=$work/usr/lib PATH=$O/bin:$PATH
}
