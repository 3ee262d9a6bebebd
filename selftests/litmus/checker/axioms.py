# SPDX-License-Identifier: MIT
"""axioms.py - may a machine have an outcome? All executions of a test, against the axioms of arm64 and of x86.

arm64: the ordered-before relation of Arm's aarch64.cat, without mixed sizes, instruction fetches and ISB; compare-and-swap
is a pair of exclusive instructions, an acquire load is LDAPR, a write barrier is DMB ISHST: of what compilers and kernel
use the weakest. x86: total store order. Tests are read and run by program.py.
"""

import itertools

from checker.program import traces


def has_cycle(edges, n):
    """Is there a cycle?"""
    after = [[] for _ in range(n)]
    for a, b in edges:
        after[a].append(b)
    state = [0] * n

    def visit(a):
        state[a] = 1
        for b in after[a]:
            if state[b] == 1 or (state[b] == 0 and visit(b)):
                return True
        state[a] = 2
        return False

    return any(state[a] == 0 and visit(a) for a in range(n))


class Execution:
    """Events of all threads and the initial writes, numbered; which read reads which write; order of writes."""

    def __init__(self, events):
        self.events = events
        self.n = len(events)
        self.by = {}
        for i, e in enumerate(events):
            self.by.setdefault(e.thread, []).append(i)
        self.po = [(a, b) for t, list_ in self.by.items() if t >= 0 for a, b in itertools.combinations(list_, 2)]
        self.id_of = {(e.thread, e.nr): i for i, e in enumerate(events)}
        self.rmw = [(self.id_of[e.thread, e.rmw], i) for i, e in enumerate(events) if e.rmw is not None]

    def deps(self, which):
        return [(self.id_of[e.thread, nr], i) for i, e in enumerate(self.events) for nr in getattr(e, which)]

    def relate(self, rf, co):
        self.rf = rf
        self.co = [(a, b) for order in co for a, b in itertools.combinations(order, 2)]
        writes = dict((r, w) for w, r in rf)
        self.fr = [(r, b) for r, w in writes.items() for a, b in self.co if a == w]

    def external(self, edges):
        return [(a, b) for a, b in edges if self.events[a].thread != self.events[b].thread]

    def consistent(self):
        """What holds on every machine: one location is sequential, nothing comes into an exclusive pair."""
        ev = self.events
        po_loc = [(a, b) for a, b in self.po if ev[a].loc is not None and ev[a].loc == ev[b].loc]
        if has_cycle(po_loc + self.rf + self.co + self.fr, self.n):
            return False
        between = {(r, b) for r, a in self.external(self.fr) for c, b in self.external(self.co) if a == c}
        return not any(pair in between for pair in self.rmw)

    def arm64(self):
        ev = self.events
        is_r, is_w = (lambda i: ev[i].kind == "R"), (lambda i: ev[i].kind == "W")
        order = [(e.order if e.kind != "F" else "") for e in ev]
        fence = [(e.order if e.kind == "F" else "") for e in ev]
        rfi = [(a, b) for a, b in self.rf if ev[a].thread == ev[b].thread]
        addr, data, ctrl = self.deps("addr"), self.deps("data"), self.deps("ctrl")
        po = set(self.po)
        ob = self.external(self.rf) + self.external(self.co) + self.external(self.fr)
        # dependencies
        ob += addr + data + [(a, b) for a, b in ctrl if is_w(b)]
        ob += [(a, c) for a, b in addr for d, c in self.po if b == d and is_w(c)]
        ob += [(a, c) for a, b in addr + data for d, c in rfi if b == d]
        # exclusive pairs
        ob += self.rmw + [(a, b) for a, b in rfi if order[b] in ("A", "Q") and any(a == w for _, w in self.rmw)]
        # barriers
        for f in range(self.n):
            if not fence[f]:
                continue
            before = [a for a in range(self.n) if (a, f) in po]
            behind = [b for b in range(self.n) if (f, b) in po]
            for a, b in itertools.product(before, behind):
                if fence[f] == "full" or (fence[f] == "ld" and is_r(a)) or (fence[f] == "st" and is_w(a) and is_w(b)):
                    ob.append((a, b))
        ob += [(a, b) for a, b in self.po if order[a] in ("A", "Q") or order[b] == "L" or
               (order[a] == "L" and order[b] == "A")]
        return not has_cycle(ob, self.n)

    def x86(self):
        ev = self.events
        locked = {i for pair in self.rmw for i in pair}
        ghb = self.external(self.rf) + self.co + self.fr
        for a, b in self.po:
            if ev[a].kind == "F" or ev[b].kind == "F":
                continue
            if not (ev[a].kind == "W" and ev[b].kind == "R") or a in locked or b in locked:
                ghb.append((a, b))
            elif any(ev[f].kind == "F" and ev[f].order == "full" and (a, f) in self.po and (f, b) in self.po
                     for f in range(self.n)):
                ghb.append((a, b))
        return not has_cycle(ghb, self.n)


def executions(test):
    """All consistent executions of a test, with the traces that they are made of."""
    values = test.values()
    per_thread = [traces(t, lines, values) for t, lines in enumerate(test.threads)]
    event = None
    for combo in itertools.product(*per_thread):
        events = [e for trace in combo for e in trace.events]
        locations = sorted({e.loc for e in events if e.loc})
        for loc in locations:
            event = events[0]._replace(thread=-1, nr=loc, kind="W", loc=loc, value=test.init.get(loc, "0"), order="",
                                       addr=frozenset(), data=frozenset(), ctrl=frozenset(), rmw=None)
            events.append(event)
        reads = [i for i, e in enumerate(events) if e.kind == "R"]
        sources = [[w for w, e in enumerate(events) if e.kind == "W" and e.loc == events[r].loc and
                    e.value == events[r].value] for r in reads]
        if not all(sources):
            continue
        orders = []
        for loc in locations:
            first = [i for i, e in enumerate(events) if e.kind == "W" and e.loc == loc and e.thread < 0]
            others = [i for i, e in enumerate(events) if e.kind == "W" and e.loc == loc and e.thread >= 0]
            orders.append([first + list(p) for p in itertools.permutations(others)])
        yield combo, Execution(events), reads, sources, orders, locations


def fits(test, combo, x, co, locations):
    final = {loc: x.events[order[-1]].value for loc, order in zip(locations, co)}
    for thread, name, value in test.outcome():
        have = final.get(name, test.init.get(name, "0")) if thread is None else combo[thread].registers.get(name)
        if have != value:
            return False
    return True


def allows(test, machine):
    """Can the outcome be?"""
    for combo, x, reads, sources, orders, locations in executions(test):
        registers = [c for c in test.outcome() if c[0] is not None]
        if any(combo[t].registers.get(name) != value for t, name, value in registers):
            continue
        for co in itertools.product(*orders):
            if not fits(test, combo, x, co, locations):
                continue
            for choice in itertools.product(*sources):
                x.relate(list(zip(choice, reads)), co)
                if x.consistent() and getattr(x, machine)():
                    return True
    return False
