#!/bin/bash
# SPDX-License-Identifier: MIT
#
# man.sh - the manual pages are clean, every public function has one, and every example in them compiles without a warning
# and runs as printed.
set -u

# shellcheck source=selftests/docs/docs.bash
. "$(dirname "$(realpath "$0")")/docs.bash"

pages() {
	ls "$top"/libsplinterk/man/*.[1-9] "$top"/tools/*/*.[1-9] 2>/dev/null
}

# A page of its own, not a link to another.
real_pages() {
	pages | while read -r page; do
		head -1 "$page" | grep -q '^\.so ' || echo "$page"
	done
}

lint() {
	! groff -man -t -ww -rF0 -Tutf8 -z "$1" 2>&1 | grep .
}

links() {
	local bad=0 page target

	while read -r page; do
		target=$(sed -n '1s/^\.so man[1-9]\///p' "$page")
		[[ -z $target || -e ${page%/*}/$target ]] || { echo "${page##*/}: no $target"; bad=1; }
	done < <(pages)
	return $bad
}

# Each function of the header has a page by its name, which that page, or the one that it leads to, names in its synopsis.
functions() {
	local bad=0 name page target

	for name in $(grep -ohE '^[a-z].*\bsplk_[a-z_]+\(' "$top"/libsplinterk/splinterk*.h | grep -oE 'splk_[a-z_]+\($' | tr -d '('); do
		page=$top/libsplinterk/man/$name.3
		if [[ ! -e $page ]]; then
			echo "$name: no page"
			bad=1
			continue
		fi
		target=$(sed -n '1s/^\.so man[1-9]\///p' "$page")
		sed -n '/^\.SH SYNOPSIS/,/^\.SH DESCRIPTION/p' "${page%/*}/${target:-${page##*/}}" | grep -q "\b$name(" ||
			{ echo "$name: not in the synopsis of ${target:-$name.3}"; bad=1; }
	done
	return $bad
}

# Errors that the page of a function group names are ones that splk_strerror() has a sentence for.
errors() {
	local bad=0 name

	for name in $(grep -ohE '\\-E[A-Z0-9]+\b' "$top"/libsplinterk/man/*.3 | tr -d '\\-' | sort -u); do
		grep -qE "\{ $name," "$top/libsplinterk/error.c" || { echo "$name: no sentence"; bad=1; }
	done
	return $bad
}

# Each member of each struct that a program fills in or reads stands in splk_types(3).
members() {
	local bad=0 name page=$top/libsplinterk/man/splk_types.3

	while read -r name; do
		grep -qw "$name" "$page" || { echo "$name: not in splk_types.3"; bad=1; }
	done < <(sed -n '/^struct spl\(_geometry\|k_[a-z]*\) {/,/^};/p' "$top/libsplinterk/splinterk.h" "$top/uapi/splinter.h" |
		sed -n 's/.*[ *]\([a-z_]*\)\(\[[0-9]*\]\)\?;.*/\1/p' | sort -u | grep .)
	return $bad
}

# Tab stops of a table before it would push an example out of sight.
indents() {
	! groff -man -t -Tascii -P-cbou "$1" | grep -nE '^ {40,}(struct|int|if|return|for|while) '
}

# The code between .EX and .EE after EXAMPLES, as a reader would copy it.
example() {
	sed -n '/^\.SH EXAMPLES/,/^\.SH SEE ALSO/p' "$1" | sed -n '/^\.EX/,/^\.EE/p' | sed -e '/^\.E[XE]/d' -e 's/^\\&//' -e 's/\\-/-/g' \
		-e "s/\\\\(aq/'/g" -e 's/\\(ha/^/g' -e 's/\\(ti/~/g' -e 's/\\(ga/`/g' -e 's/\\e/\\/g'
}

# A page about the device may say on a machine without one that there is none.
run_example() {
	local status

	example "$1" >example.c
	cc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -I "$top/uapi" -I "$top/libsplinterk" -o example example.c \
		"$O/lib/libsplinterk.a" -pthread || return 1
	timeout 20 ./example
	status=$?
	[[ $status == 2 && ${1##*/} == splinter.4 && ! -e /dev/splinter ]] && return 0
	return $status
}

if command -v groff >/dev/null; then
	while read -r page; do
		point "${page##*/}: no warnings" lint "$page"
		point "${page##*/}: code is not indented out of sight" indents "$page"
	done < <(real_pages)
else
	nr=$((nr + 1))
	echo "ok $nr - no warnings # SKIP no groff"
fi
point "links lead somewhere" links
point "each function has a page" functions
point "each member of a struct is described" members
point "each error has a sentence" errors
while read -r page; do
	point "${page##*/}: its example runs" run_example "$page"
done < <(real_pages | grep -v '\.1$')
echo "1..$nr"
