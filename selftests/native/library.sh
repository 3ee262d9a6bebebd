#!/bin/bash
# SPDX-License-Identifier: MIT
#
# library.sh - what the library shows to programs: its name, its versioned symbols and no others, and that what is installed
# can be compiled against and linked to by pkg-config alone.
set -u

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
O=${O:-$top/build}
lib=$O/lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=selftests/points.bash
. "$here/../points.bash"

declared() {
	grep -ohE '^[a-z].*\bsplk_[a-z_]+\(' "$top"/libsplinterk/splinterk*.h | grep -oE 'splk_[a-z_]+\($' | tr -d '(' | sort -u
}

soname() {
	readelf -d "$lib/libsplinterk.so" | grep -q 'SONAME.*\[libsplinterk\.so\.1\]'
}

symbols() {
	diff <(declared) <(nm -D --defined-only "$lib/libsplinterk.so" | awk '$2 == "T" { print $3 }' |
		sed 's/@@LIBSPLINTERK_1\.[0-9]*$//' | sort)
}

# A program that links it statically may use any other name itself.
static_symbols() {
	! nm -g --defined-only "$lib/libsplinterk.a" | awk 'NF == 3 && $3 !~ /^splk_/ { print $3 }' | grep .
}

needs() {
	! readelf -d "$lib/libsplinterk.so" | grep NEEDED | grep -vE 'libc\.so\.6|ld-linux' | grep .
}

installs() {
	make --no-print-directory -C "$top/libsplinterk" O="$O" DESTDIR="$work" PREFIX=/opt/splinter install
}

# shellcheck disable=SC2086
build_with_pkg_config() {
	local flags

	cat >"$work/program.c" <<'END'
#include <splinterk.h>
#include <stdio.h>
int main(void)
{
	struct splk_caps caps = { .size = sizeof(caps) };
	int err = splk_caps(NULL, &caps);

	if (err)
		puts(splk_strerror(err));
	return err || caps.version != splk_version();
}
END
	flags=$(PKG_CONFIG_SYSROOT_DIR=$work PKG_CONFIG_PATH=$work/opt/splinter/lib/pkgconfig pkg-config $1 --cflags --libs \
		libsplinterk) || return 1
	cc -Wall -Wextra -Werror -o "$work/program" "$work/program.c" $flags $2 || return 1
	LD_LIBRARY_PATH=$work/opt/splinter/lib "$work/program"
}

point "the library has its name" soname
point "it shows what the header declares, versioned, and nothing else" symbols
point "nor does the static one" static_symbols
point "it needs the C library only" needs
point "make install" installs
point "a program builds with pkg-config" build_with_pkg_config "" ""
point "and statically" build_with_pkg_config --static -static
echo "1..$nr"
