#!/bin/bash
# SPDX-License-Identifier: MIT
# selftest-timeout: 300
#
# ring_faults.sh - the test of the ring finds what it is there for: each fault is put into a copy of the header, and the
# point named must fail, or the program hang or die.
set -u

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nr=0

# NAME @ TEST @ SED SCRIPT @ POINT THAT FAILS (a pattern; or the program dies)
faults() {
	cat <<-'END'
	the line behind a message is left as it is @ ring @ s/^\t\tspl_store(&spl_message_at(t->data, t->mask, t->next)->word, 0ULL);/\t\t;/ @ never taken for messages
	a long message leaves no trace @ ring @ s/^\t\tspl_tx_soil(t, t->next + t->mask + 1);/\t\t;/ @ never taken for messages
	room that was taken back leaves no trace @ ring @ /^static spl_inline bool spl_tx_flush/,/^}/s/^\t\tspl_tx_soil.*/\t\t;/ @ room that was taken back
	room is known as dirty too late @ ring @ /^static spl_inline bool spl_tx_flush/,/^}/{s/^\t\tspl_tx_soil.*/\t\t;/;s/^\tt->head = t->next;/&\n\tif (!spl_channel_reached(t->next, t->end)) spl_tx_soil(t, t->end);/} @ beyond the bytes that were committed
	a rollback of commits leaves no trace @ ring @ /^static inline void spl_tx_rollback/,/^}/s/^\tspl_tx_soil(t, t->next).*/\t;/ @ what was taken back never comes
	bytes beyond those committed leave no trace @ ring @ /^static spl_inline bool spl_tx_flush/,/^}/s/^\t\tspl_tx_soil.*/\t\t;/ @ beyond the bytes that were committed
	a new producer trusts what the last one left @ ring @ s/^\tt->dirty = head + map->capacity;/\tt->dirty = head;/ @ where another ended
	the line at the limit is emptied too @ ring @ s/ && t->next != t->limit)/)/ @ there is space or there isn't
	the exact position is not looked at @ ring @ s/^\tt->limit = read + capacity;/\t;/ @ there is space or there isn't
	an empty ring is not told of @ ring @ s/^\t\tif (r->tail != r->read)/\t\tif (0)/; s/^\tt->limit = read + capacity;/\t;/ @ there is space or there isn't
	a batch is published message by message @ ring @ /^static spl_inline void spl_tx_commit/,/^}/s/^\tif (!t->nr_batch)$/\tspl_store(\&m->word, word); if (!t->nr_batch)/ @ isn't there before it is published
	a new consumer begins at the tail told @ ring @ s/^\tr->next = read;/\tr->next = tail;/ @ receive to move on
	a length is not bounded @ ring_hostile @ s/bytes > r->message_max ||/0 \&\&/ @ stays within the ring
	what the consumer tells is not bounded @ ring_hostile @ s/^\tif (!spl_position_within.*/\tif (0)/ @ no more space than there is
	END
}

# Does the test, built with the copy, find it?
finds() {
	local test=$1 script=$2 want=$3 status

	rm -rf "$work/uapi" && cp -r "$top/uapi" "$work/uapi" && sed -i "$script" "$work/uapi/splinter_ring.h"
	if cmp -s "$top/uapi/splinter_ring.h" "$work/uapi/splinter_ring.h"; then
		echo "the fault is not in splinter_ring.h any more: mend the list"
		return 1
	fi
	gcc -std=gnu11 -D_GNU_SOURCE -O2 -w -I "$work/uapi" -I "$here" -o "$work/test" "$here/$test.c" -pthread || return 1
	timeout 20 "$work/test" >"$work/said" 2>&1
	status=$?
	((status > 1)) && return
	grep -E "^(not ok|Bail out).*$want" "$work/said" >"$work/found" || { cat "$work/said"; return 1; }
}

while IFS='@' read -r name test script want; do
	nr=$((nr + 1))
	read -r name <<<"$name"
	read -r test <<<"$test"
	read -r want <<<"$want"
	if said=$(finds "$test" "$script" "$want"); then
		echo "ok $nr - a fault is found: $name"
	else
		echo "not ok $nr - a fault is found: $name"
		# shellcheck disable=SC2001
		sed 's/^/# /' <<<"$said"
	fi
done < <(faults)
echo "1..$nr"
