#!/bin/bash
# SPDX-License-Identifier: MIT
#
# cxx.sh - a C++ program includes the public header, with all warnings, links to the shared library, and works.
set -u

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
lib=${O:-$top/build}/lib
if ! command -v g++ >/dev/null; then
	echo "1..0 # SKIP no C++ compiler"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/program.cc" <<'END'
#include <splinterk.h>
#include <cstring>
#include <string>

int main()
{
	splk_options options = {};
	splk_store *store = nullptr;
	std::string key("a\0b", 3), value("from C++");
	char back[64];

	options.size = sizeof(options);
	options.geometry.lanes = 100;
	options.geometry.value_max = 64;
	if (splk_open("memfd:", &options, &store))
		return 1;
	if (splk_set(store, key.data(), key.size(), value.data(), value.size(), SPLK_ABSENT, nullptr))
		return 2;
	if (splk_get(store, key.data(), key.size(), back, sizeof(back), nullptr) != (long)value.size())
		return 3;
	uint64_t result = 0;
	if (splk_math(store, "n", 1, SPLK_ADD, 5, SPLK_MATH_CREATE, &result) || result != 5)
		return 4;
	splk_close(store);
	return std::memcmp(back, value.data(), value.size()) ? 5 : 0;
}
END
nr=0
for std in c++11 c++17 c++20; do
	nr=$((nr + 1))
	if g++ -std=$std -Wall -Wextra -Werror -I "$top/uapi" -I "$top/libsplinterk" \
		-o "$work/program" "$work/program.cc" -L "$lib" -lsplinterk 2>"$work/said" &&
		LD_LIBRARY_PATH=$lib "$work/program"; then
		echo "ok $nr - $std"
	else
		echo "not ok $nr - $std (status $?)"
		sed 's/^/# /' "$work/said"
	fi
done
echo "1..$nr"
