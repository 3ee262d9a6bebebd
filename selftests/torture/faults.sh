#!/bin/bash
# SPDX-License-Identifier: MIT
# selftest-timeout: 600
#
# faults.sh - does torture.c find what it is there to find? Each fault is put into a copy of the sources, and one operation
# that suffers from it is led through: torture.c must say that something failed, and fail again when it is run as it
# says. At last a change that is no fault: were that found, or a fault not, the point would fail.
#
#	FIRST=N			number of the points before
#	ONLY_FAULT=WORDS	only the faults whose names have these words
set -u

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
O=${O:-$top/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nr=${FIRST:-0}

compile() {
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -I "$work/uapi" -I "$work/libsplinterk" -O1 -w "$@" >"$work/said" 2>&1
}

# The library's objects, but those of some sources.
unchanged() {
	local object name

	for object in "$O"/libsplinterk/*.o; do
		name=${object##*/}
		[[ $name == *.pic.o || $name == libsplinterk.o || " $* " == *" ${name%.o}.c "* ]] || echo "$object"
	done
}

# Makes $work/torture of the headers, or of the library's sources for channels and waiting, with a fault. What is wrong with
# that goes to $work/said.
build() {
	local file=$1 script=$2 tree=uapi main=$here/torture.c
	local -a with=() objects=("$O/lib/libsplinterk.a")

	[[ $file == *.h ]] || tree=libsplinterk
	rm -rf "$work/uapi" "$work/libsplinterk" "$work/torture"
	cp -r "$top/uapi" "$top/libsplinterk" "$work"
	case $file in
	*.c) with=("$work/libsplinterk/$file") ;;
	splinter_ring.h) with=("$work"/libsplinterk/channel{,_io,_embed}.c) ;;
	esac
	# What leads the victims has nothing of what has the fault, nor have the other objects of the library.
	if ((${#with[@]})); then
		mapfile -t objects < <(unchanged "${with[@]##*/}")
		main=$work/torture.o
		[[ -e $main ]] || compile -c -o "$main" "$here/torture.c" || return
	fi
	sed -i -E "$script" "$work/$tree/$file"
	if cmp -s "$top/$tree/$file" "$work/$tree/$file"; then
		echo "$file has changed: this fault needs another sed script" >"$work/said"
		return 1
	fi
	compile -o "$work/torture" "$main" "${with[@]}" "${objects[@]}" -pthread -Wl,-z,now
}

# A failure is told, and told by a failed exit: a crash of torture.c itself or a bail-out is neither.
failed() {
	timeout 120 "$work/torture" --one "$@" >"$work/said" 2>&1
	(($? == 1)) && grep -q '^# FAILED\|somebody waits' "$work/said" && grep -q '^not ok' "$work/said"
}

# Is it found again where torture.c says that it was? The count up to a second stop isn't the same in every run: the
# clock's code in the vDSO takes another turn when the clock moves meanwhile. So it is tried some times.
found_again() {
	local i then=-1 by
	local -a at=("$@")

	for ((i = 0; i + 1 < $#; i++)); do
		[[ ${at[i]} != --then ]] || then=$((i + 1))
	done
	for by in 0 0 0 -1 1 0 0; do
		((then < 0)) || at[then]=$((${*:then+1:1} + by))
		failed "${at[@]}" && return
		((then >= 0)) || break
	done
	echo "not found again by $*" >>"$work/said"
	return 1
}

# Is the fault found, and found again?
found() {
	local header=$1 script=$2
	local -a again
	shift 2

	build "$header" "$script" && failed "$@" || return 1
	grep -m1 '^# FAILED' "$work/said" >"$work/why"
	read -ra again < <(sed -n 's/^# again: torture //p' "$work/said")
	((${#again[@]} == 0)) || found_again "${again[@]}"
}

wanted() {
	[[ -z ${ONLY_FAULT:-} || $1 == *$ONLY_FAULT* ]] && return
	echo "ok $nr - $1 # SKIP not asked for"
	return 1
}

# fault NAME FILE SED-SCRIPT TORTURE-ARGUMENT...
fault() {
	local name=$1
	shift

	nr=$((nr + 1))
	wanted "$name" || return
	if found "$@"; then
		echo "ok $nr - $name"
		cat "$work/why"
	else
		echo "not ok $nr - $name"
		tail -5 "$work/said" | sed 's/^/# /'
	fi
}

# The same for what must not be found: a program that was built, did its work, and failed nowhere.
harmless() {
	local name=$1
	shift

	nr=$((nr + 1))
	wanted "$name" || return
	if ! found "$@" && grep -q '^torture: 1 operations, [1-9].* 0 failures$' "$work/said"; then
		echo "ok $nr - $name"
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
fault "an insert passes over a tentative twin before it" splinter_insert.h \
	's/^\t\t\treturn SPL_LOWER;/\t\t\tcontinue;/' --twins --op insert --partner set-before
fault "an insert passes over a tentative twin behind it" splinter_insert.h \
	'/^static spl_noinline int spl_judge/,/^}/ s/^\t\tif \(\(twin\.word & SPL_CELL_STATE\) == SPL_CELL_LIVE\)/\t\tif (order > self)\n\t\t\tcontinue;\n&/' \
	--twins --op insert
fault "a twin that was aborted is believed to be" splinter_insert.h \
	's/^\t\tif \(\(seq & SPL_LANE_STATE\) != SPL_LANE_ABORTED\)/\t\tif (0)/' --twins --op insert
fault "an insert believes in its own verdict" splinter_insert.h \
	's/^\tseq = spl_load_acquire\(&f->lane->seq\);/\tseq = (f->seq \& ~SPL_LANE_STATE) | state;/' --twins --op insert
fault "a helper leaves its overflow bits" splinter_insert.h \
	'/The insert may have ended before/,/^\t}/ s/^\t\tspl_overflow_clear.*/\t\t;/' --twins --op insert-displaced
fault "an insert doesn't look at the floor again" splinter_insert.h \
	's/^\treturn epoch > spl_load\(&s->attrs\[f->home\]\.epoch_floor\) \? SPL_CLEAR : SPL_TWIN;/\treturn SPL_CLEAR;/' --share 40 --op insert
fault "a delete takes what it hasn't seen" splinter_write.h \
	's/if \(spl_cas64\(spl_cell_at\(s, hit\.pos\), hit\.word, dead\)\)/if (spl_cas64(spl_cell_at(s, hit.pos), spl_load(spl_cell_at(s, hit.pos)), dead))/' \
	--twins --op delete
fault "a compare-and-set looks at the epoch too early" splinter_write.h \
	's/^\t\t\tepoch = spl_load\(&hit\.lane->epoch\);/&\n\t\t\tif (c->want_epoch \&\& tries > 1)\n\t\t\t\tc->operand = epoch;/' \
	--twins --op cas --partner set
fault "the reaper looks at the lane once only" splinter_reap.h \
	's/^\treturn !spl_reap_untouched\(s, idx, word, lane\);/\treturn false;/' --op overwrite --twins --partner reaper --first 1 --every 1
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
	's/^\t\tif \(i != idx && spl_load_acquire.*/\t\tif (0)/' --full --op overwrite --deaths --partner set
fault "the reaper takes every swap for done" splinter_reap.h \
	's/^\t    !spl_reap_published\(.*/\t    0) {/' --op overwrite
fault "the reaper doesn't mark the lane" splinter_reap.h \
	'/^static inline void spl_reap_swap/,/^}/ s/^\t\tspl_store\(&old_lane->seq.*/\t\t;/' \
	--full --op overwrite --deaths --partner set
fault "the reaper leaves overflow bits" splinter_reap.h \
	'/^static inline void spl_reap_overflow/,/^}/ s/if \(spl_dist_of\(word\)\)/if (0)/' --op insert-displaced
fault "the reaper forgets lanes on their way" splinter_reap.h \
	's/^\tspl_reap_extra\(s, idx, c\);/\t(void)c;/' --op insert
fault "the reaper says that all is done before it is" splinter_reap.h \
	'/^static inline int spl_reap_writer/,/^}/ s/^\tslot = .*/&\n\tspl_store_release(\&cell->op, SPL_OP_NONE);/' \
	--full --op insert --reaper
fault "an overwrite is declared done before it tells" splinter_write.h \
	'/^static spl_inline bool spl_swap/,/^}/ s/^\tif \(spl_notice_wanted/\tspl_store_release(\&cell->op, SPL_OP_NONE);\n&/' \
	--share 1000000 --op overwrite-bound
fault "a watch mask is foreseen and not pulsed" splinter_notice.h \
	'/^static spl_inline void spl_notice_set/,/^}/ s/^\t\tspl_pulse_each\(.*/\t\t;/' --op overwrite-watched
fault "a label's change isn't declared" splinter_attr.h \
	's/^\t\tspl_declare\(w, SPL_OP_ATTR,.*/\t\t;/' --op label-bound
fault "the reaper of an overwrite tells nobody" splinter_reap.h \
	'/^static inline void spl_reap_swap/,/^}/ s/^\tspl_reap_notice\(.*/\t;/' --op overwrite-bound
fault "the reaper of an insert tells no birth" splinter_reap.h \
	's/^(\tspl_reap_notice\(s, idx, pos, SPL_FEED_SET, 0, )true/\1false/' --op insert-awaited
fault "a message is published before the line behind it is emptied" splinter_ring.h \
	'/^static spl_inline bool spl_tx_flush/,/^}/ {
	s/^\t\tspl_store\(&spl_message_at\(t->data, t->mask, t->next\)->word, 0ULL\);/\t\t;/
	s/^\tspl_store_release\(.*\(P\).*/&\n\tif (!spl_channel_reached(t->next, t->dirty) \&\& t->next != t->limit)\n\t\tspl_store(\&spl_message_at(t->data, t->mask, t->next)->word, 0ULL);/
	}' --op tx-rollback
fault "a rollback leaves no trace" splinter_ring.h \
	'/^static inline void spl_tx_rollback/,/^}/ s/^\tspl_tx_soil.*/\t;/' --op tx-rollback-batch
fault "room that was acquired leaves no trace" splinter_ring.h \
	'/^static spl_inline bool spl_tx_flush/,/^}/ s/^\t\tspl_tx_soil.*/\t\t;/' --op tx-send-less
fault "a new producer begins where the consumer is" splinter_ring.h \
	's/^\tfor \(head = read; head - read < map->capacity;/\tfor (head = read; 0;/' --op tx-send
fault "a new producer trusts what the last one left" splinter_ring.h \
	's/^\tt->dirty = head \+ map->capacity;.*/\tt->dirty = head;/' --op tx-send-long
fault "a new consumer begins at the tail told" splinter_ring.h \
	'/^static inline int spl_rx_attach/,/^}/ s/^\tr->(read|next) = read;/\tr->\1 = tail;/' --op rx-batch
fault "a batch is published message by message" splinter_ring.h \
	'/^static spl_inline void spl_tx_commit/,/^}/ s/^\tif \(!t->nr_batch\)$/\tspl_store_release(\&m->word, word);\n&/' --op tx-batch
fault "a message is published before it is written" channel_io.c \
	'/^int splk_channel_send\(/,/^}/ {
	s/^\tspl_copy\(payload.*/\t;/
	s/^\tflush\(ch\);/&\n\tspl_copy(payload, buf, (uint32_t)bytes);/
	}' --op tx-send-long
fault "a message is given back before it is read" channel_io.c \
	'/^ssize_t splk_channel_recv/,/^}/ {
	s/^\tspl_copy\(buf.*/\tgive_back(ch);\n&/
	s/^\tgive_back\(ch\);$/\t;/
	}' --op rx-receive-long
fault "a consumer doesn't look again before it sleeps" channel_embed.c \
	'/^static int wait/,/^}/ s/^\t\tif \(channel_there\(ch, position\)\)/\t\tif (0)/' --limit 2 --op rx-sleep
fault "a new end wakes nobody for the last one" channel_embed.c \
	'/^static void taken/,/^}/ s/^\t\(void\)futex\(.*/\t;/' --limit 2 --op rx-wake
fault "a waiter loads the bell after it has looked" signal_embed.c \
	's/FUTEX_WAIT_BITSET, bed->bell\[0\]/FUTEX_WAIT_BITSET, spl_load(\&bed->at[0]->bell)/' --limit 2 --op wait-group
fault "a waiter marks the key before it says that it sleeps" signal_embed.c \
	'/^int embed_wait_key/,/^}/ {
	s/^\t\t\tlie_down\(&bed\);/\t\t\t;/
	s/^\t\tr = key_moved\(.*/&\n\t\tif (!r \&\& !err)\n\t\t\tlie_down(\&bed);/
	}' --limit 2 --op wait-key
harmless "no fault" splinter_write.h 's/^\thash = spl_hash\(s, key, klen\);/\t;\n&/' --op delete
harmless "no fault between twins" splinter_write.h 's/^\thash = spl_hash\(s, key, klen\);/\t;\n&/' --twins --op insert
echo "1..$nr"
