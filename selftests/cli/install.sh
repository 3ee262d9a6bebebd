#!/bin/bash
# SPDX-License-Identifier: MIT
#
# install.sh - make install and uninstall: below DESTDIR all of it, and all of it gone again; with MODULE=no nothing but
# what is below PREFIX.
set -u
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

goal() {
	make --no-print-directory -C "$TOP" O="$O" "$@"
}

# Files that are there, below a folder.
has() {
	local folder=$1 file
	shift

	for file; do
		compgen -G "$folder/$file" >"$tmp/found" || { echo "# not there: $file"; return 1; }
	done
}

empty() {
	[[ -d $1 && -z $(find "$1" ! -type d | tee "$tmp/out") ]]
}

library=(bin/splinterctl include/splinter/splinterk.h lib/libsplinterk.a lib/libsplinterk.so.1
	lib/pkgconfig/libsplinterk.pc share/man/man7/splinter.7 share/man/man1/splinterctl.1
	share/bash-completion/completions/splinterctl)
nothing_else() {
	! grep -E 'udev|modprobe|depmod|ldconfig|/lib/modules' "$tmp/out"
}

home=$tmp/home/.local
run goal install MODULE=no PREFIX="$home"
point "MODULE=no and a PREFIX: installs" gives 0
point "it has what programs need" has "$home" "${library[@]}"
run "$home/bin/splinterctl" --version
point "its command runs" gives 0
run env PKG_CONFIG_PATH="$home/lib/pkgconfig" pkg-config --cflags --libs libsplinterk
point "pkg-config finds it there" grep -qF -- "-I$home/include" "$tmp/out"
run goal -n install MODULE=no PREFIX="$home"
point "no command of it is for udev, modprobe or the system's libraries" nothing_else
run goal -n uninstall MODULE=no PREFIX="$home"
point "nor of uninstall" nothing_else
run goal uninstall MODULE=no PREFIX="$home"
point "uninstall: succeeds" gives 0
point "it leaves no file" empty "$tmp/home"

all=$tmp/all
if "$TOP/tools/setup/kernel" 6.1 kver >"$tmp/kver" 2>&1; then
	run goal install KERNEL=6.1 DESTDIR="$all"
	point "all of it, below DESTDIR: installs" gives 0
	point "what programs need is below /usr/local" has "$all/usr/local" "${library[@]}"
	point "the module and its files are where they are looked for" has "$all" \
		"lib/modules/$(<"$tmp/kver")/updates/*/splinter.ko*" usr/lib/udev/rules.d/60-splinter.rules \
		etc/modprobe.d/splinter.conf
	echo "options splinter lanes=7" >>"$all/etc/modprobe.d/splinter.conf"
	run goal install KERNEL=6.1 DESTDIR="$all"
	point "a second time it leaves changed options alone" grep -qx "options splinter lanes=7" \
		"$all/etc/modprobe.d/splinter.conf"
	run goal uninstall KERNEL=6.1 DESTDIR="$all"
	point "so does uninstall" grep -qx "options splinter lanes=7" "$all/etc/modprobe.d/splinter.conf"
	sed -i '$d' "$all/etc/modprobe.d/splinter.conf"
	run goal uninstall KERNEL=6.1 DESTDIR="$all"
	point "uninstall: leaves no file" empty "$all"
else
	nr=$((nr + 1))
	echo "ok $nr - all of it, below DESTDIR # SKIP $(<"$tmp/kver")"
fi
finish
