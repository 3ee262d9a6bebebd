#!/bin/bash
# SPDX-License-Identifier: MIT
# selftest-timeout: 600
#
# faults.sh - does torture.c find what it is there to find? Each fault is put into a copy of the headers, and one operation
# that suffers from it is led through; torture.c must fail. Nothing else is tested here. Faults that need two live processes
# in the middle of an operation each are the model's and torn.c's.
set -u

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
O=${O:-$top/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nr=${FIRST:-0}

# fault NAME HEADER SED-SCRIPT TORTURE-ARGUMENT...
fault() {
	local name=$1 header=$2 script=$3
	shift 3

	nr=$((nr + 1))
	if [[ -n ${ONLY_FAULT:-} && $name != *$ONLY_FAULT* ]]; then
		echo "ok $nr - $name # SKIP not asked for"
		return
	fi
	rm -rf "$work/uapi"
	cp -r "$top/uapi" "$work/uapi"
	sed -i -E "$script" "$work/uapi/$header"
	if cmp -s "$top/uapi/$header" "$work/uapi/$header"; then
		echo "not ok $nr - $name"
		echo "# $header has changed: this fault needs another sed script"
		return
	fi
	if ! "${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -I "$work/uapi" -I "$top/libsplinterk" -O1 -w -o "$work/torture" \
		"$here/torture.c" "$O/lib/libsplinterk.a" -pthread -Wl,-z,now >"$work/said" 2>&1; then
		echo "not ok $nr - $name"
		head -5 "$work/said" | sed 's/^/# /'
		return
	fi
	"$work/torture" --one "$@" >"$work/said" 2>&1
	if grep -q '^torture: .* [1-9][0-9]* failures$\|^not ok' "$work/said"; then
		echo "ok $nr - $name"
		grep -m1 '^# FAILED' "$work/said"
	else
		echo "not ok $nr - $name"
		tail -5 "$work/said" | sed 's/^/# /'
	fi
}

fault "an overwrite doesn't mark the lane that it replaced" splinter_write.h \
	'/^static spl_inline bool spl_swap/,/^}/ s/^\tspl_store_release\(&hit->lane->seq,.*/\t(void)0;/' --op overwrite
fault "an overwrite names the old lane its own before it is" splinter_write.h \
	'/^static spl_inline bool spl_swap/,/^}/ s/^\tspl_declare\(.*/&\n\tspl_store_release(\&cell->slots[f->slot], spl_lane_of(s, hit->word));/' \
	--op overwrite
fault "an overwrite declares nothing" splinter_write.h \
	'/^static spl_inline bool spl_swap/,/^}/ s/^\tspl_declare\(.*/\t(void)new_word;/' --op overwrite
fault "an overwrite is declared done before its slot is right" splinter_write.h \
	'/^static spl_inline bool spl_swap/,/^}/ s/^\tspl_store_release\(&hit->lane->seq,/\tspl_store_release(\&cell->op, SPL_OP_NONE);\n&/' \
	--op overwrite
fault "a delete empties the cell at once" splinter_write.h \
	's/spl_cas64\(spl_cell_at\(s, hit\.pos\), hit\.word, dead\)/spl_cas64(spl_cell_at(s, hit.pos), hit.word, SPL_CELL_EMPTY)/' \
	--op delete
fault "a delete doesn't raise the floor" splinter_write.h \
	's/if \(floor < epoch && /if (0 \&\& floor < epoch \&\& /' --op delete
fault "a delete leaves its overflow bits" splinter_write.h \
	's/^\t\tspl_overflow_clear\(s, hit\.home\);/\t\t;/' --op delete-displaced
fault "a lane that isn't needed is kept" splinter_write.h \
	's/^\t\tspl_pool_untake\(.*/\t\t;/' --op insert
fault "an insert is live at once" splinter_insert.h \
	's/^(\t\*word = SPL_CELL_)TENTATIVE/\1LIVE/' --op insert
fault "an insert doesn't look for twins after placing" splinter_insert.h \
	's/^\t\t\tr = spl_judge\(.*/\t\t\tr = SPL_CLEAR;/' --op insert
fault "an insert doesn't ask for its overflow bits" splinter_insert.h \
	's/if \(!d \|\| spl_overflow_set\(s, f->home, word\)\)/if (1)/' --op insert-displaced
fault "an insert asks for its overflow bits when it is over" splinter_insert.h \
	's/if \(!d \|\| spl_overflow_set\(s, f->home, word\)\)/if (1)/
	/^\tmine = spl_cas64/ s/$/\n\tif (d)\n\t\tspl_overflow_set(s, f->home, word);/' --op insert-displaced
fault "a late inserter leaves its overflow bits" splinter_insert.h \
	's/^\tif \(!mine && d\)/\tif (0)/' --op insert-displaced
fault "a full store is full though the key went" splinter_insert.h \
	's/tries\+\+ < 64\)/0)/' --share 40 --op insert-last
fault "a reader doesn't look at the generation again" splinter_read.h \
	'/^static spl_inline bool spl_hit_held/,/^}/ s/return .*/return true;/' --op get
fault "a giver forgets the lane too early" splinter_pool.h \
	'/^static inline void spl_pool_give_extra/,/^}/ s/^\tlane = spl_extra_lane/\tspl_store_release(\&cell->extra, 0);\n&/' \
	--op delete
fault "a taker says too late what it takes" splinter_pool.h \
	'/^static inline bool spl_pool_take_in/,/^}/ {
	/spl_store_release\(&w->cell->extra/d
	s/^\t\tspl_and64.*/&\n\t\tspl_store_release(\&w->cell->extra, spl_extra(seq, n, 0));/
	}' --op insert
fault "the reaper ignores who has seen the word" splinter_reap.h \
	's/^\t\tif \(i != idx && spl_load_acquire.*/\t\tif (0)/' --full --op overwrite --pair --partner set
fault "the reaper takes every swap for done" splinter_reap.h \
	's/^\t    !spl_reap_published\(.*/\t    0) {/' --op overwrite
fault "the reaper doesn't mark the lane" splinter_reap.h \
	'/^static inline void spl_reap_swap/,/^}/ s/^\t\tspl_store\(&old_lane->seq.*/\t\t;/' \
	--full --op overwrite --pair --partner set
fault "the reaper leaves overflow bits" splinter_reap.h \
	'/^static inline void spl_reap_overflow/,/^}/ s/if \(spl_dist_of\(word\)\)/if (0)/' --op insert-displaced
fault "the reaper forgets lanes on their way" splinter_reap.h \
	's/^\tspl_reap_extra\(s, idx, c\);/\t(void)c;/' --op insert
fault "the reaper says that all is done before it is" splinter_reap.h \
	'/^static inline int spl_reap_writer/,/^}/ s/^\tslot = .*/&\n\tspl_store_release(\&cell->op, SPL_OP_NONE);/' \
	--full --op insert --reaper
echo "1..$nr"
