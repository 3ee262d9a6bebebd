# SPDX-License-Identifier: MIT
"""program.py - reads a litmus test and runs its threads, each for itself, with all values that its reads might find.

The language is the part of herd's C litmus tests that these need, with the kernel's names, as uapi/splinter_atomic.h has
them: READ_ONCE, WRITE_ONCE, smp_load_acquire, smp_store_release, smp_mb, smp_rmb, smp_wmb, smp_mb__after_atomic,
cmpxchg, atomic_fetch_or, atomic_fetch_andnot, if (register == constant) { }. A value may be the address of a variable.
What the model says of the events is axioms.py's.
"""

import itertools
import re
from collections import namedtuple

# kind: R, W, F; order: "" (relaxed), "A" (acquire), "Q" (acquire, only against what follows), "L" (release), or which fence.
# addr, data, ctrl: numbers of the thread's reads that the event depends on; rmw: number of the read of its own pair.
Event = namedtuple("Event", "thread nr kind loc value order addr data ctrl rmw")
Trace = namedtuple("Trace", "events registers")

STATEMENT = re.compile(
    r"\s*(?:(?:int|long|u64)\s+\w+(?:\s*,\s*\w+)*\s*;|(?P<if>if\s*\(\s*(?P<cond>\w+)\s*(?P<not>[!=])=\s*(?P<val>&?\w+)\s*\)\s*\{)"
    r"|(?P<end>\})|(?:(?:int\s+|u64\s+)?(?P<to>\w+)\s*=\s*)?(?P<call>\w+)\s*\((?P<args>[^;]*)\)\s*;)")


class Test:
    """A test: initial values, threads as lists of lines, and the outcome that it asks about."""

    def __init__(self, text):
        self.comment = " ".join(re.findall(r"\(\*(.*?)\*\)", text, re.S))
        text = re.sub(r"\(\*.*?\*\)", "", text, flags=re.S)
        self.name = re.match(r"\s*C\s+(\S+)", text)[1]
        init, rest = re.match(r"\s*C\s+\S+\s*\{(.*?)\}(.*)", text, re.S).groups()
        self.init = {m[0]: m[1] for m in re.findall(r"(\w+)\s*=\s*(&?\w+)\s*;", init)}
        body, self.exists = rest.split("exists")
        self.threads = [part.split("\n") for part in re.split(r"\n?P\d+\s*\([^)]*\)\s*\{", body)[1:]]
        for lines in self.threads:  # the brace that closes the thread
            last = max(i for i, line in enumerate(lines) if "}" in line)
            lines[last] = ""

    def outcome(self):
        """The outcome as a list of (thread or None, name, value)."""
        clauses = []
        for clause in re.split(r"/\\", self.exists.strip().strip("()")):
            thread, name, value = re.match(r"\s*(?:(\d+):)?(\w+)\s*=\s*(&?\w+)\s*$", clause.strip().strip("()")).groups()
            clauses.append((int(thread) if thread else None, name, value))
        return clauses

    def labels(self):
        """Barriers by letter: all lines that bear one go together."""
        found = {}
        for t, lines in enumerate(self.threads):
            for i, line in enumerate(lines):
                for label in re.findall(r"//\s*(\([A-Za-z0-9]+\))", line):
                    found.setdefault(label, []).append((t, i))
        return found

    def without(self, label):
        """The same test without that barrier; a read through a pointer is then one of a fixed place."""
        other = object.__new__(Test)
        other.__dict__.update(self.__dict__)
        other.threads = [list(lines) for lines in self.threads]
        for t, i in self.labels()[label]:
            other.threads[t][i] = weaken(other.threads[t][i])
        return other

    def values(self):
        """Whatever a variable may hold: what is written anywhere, and sets of bits."""
        text = "\n".join(strip(line) for lines in self.threads for line in lines)
        numbers = {v for v in re.findall(r"(?<![\w&])\d+\b", text)} | set(re.findall(r"&\w+", text)) | {"0"}
        numbers |= set(self.init.values())
        if "atomic_fetch" in text:
            bits = [int(n) for n in numbers if n.isdigit()]
            for a, b in itertools.product(bits, bits):
                numbers |= {str(a | b), str(a & ~b)}
        return sorted(numbers)


def strip(line):
    return re.sub(r"/\*.*?\*/", "", line.split("//")[0])


def weaken(line):
    code = strip(line)
    if re.search(r"smp_(mb|rmb|wmb|mb__after_atomic)\s*\(", code):
        return ""
    for strong, weak in (("smp_store_release(", "WEAK_STORE("), ("smp_load_acquire(", "WEAK_LOAD("),
                         ("cmpxchg(", "cmpxchg_relaxed("), ("atomic_fetch_or(", "atomic_fetch_or_relaxed("),
                         ("atomic_fetch_andnot(", "atomic_fetch_andnot_relaxed("), ("READ_ONCE(", "NO_ADDRESS(")):
        if strong in code:
            return code.replace(strong, weak)
    raise ValueError("no barrier in: " + line)


class Run:
    """One way through a thread, with values of its reads as they are asked for."""

    def __init__(self, thread, guesses):
        self.thread, self.guesses = thread, list(guesses)
        self.events, self.reg, self.dep, self.ctrl = [], {}, {}, frozenset()
        self.wants_more = False

    def add(self, kind, loc=None, value=None, order="", addr=frozenset(), data=frozenset(), rmw=None):
        self.events.append(Event(self.thread, len(self.events), kind, loc, value, order, addr, data, self.ctrl, rmw))
        return len(self.events) - 1

    def read(self, loc, order, addr=frozenset()):
        if not self.guesses:
            self.wants_more = True
            return None, None
        value = self.guesses.pop(0)
        return value, self.add("R", loc, value, order, addr)

    def place(self, text):
        """Where a pointer leads, and on which reads that depends."""
        name = text.strip().lstrip("*&")
        if name in self.reg:
            return self.reg[name].lstrip("&") if self.reg[name].startswith("&") else None, self.dep[name]
        return name, frozenset()

    def value(self, text):
        name = text.strip()
        return (self.reg[name], self.dep[name]) if name in self.reg else (name, frozenset())


def run_thread(thread, lines, guesses):
    """A trace; None if it needs another guess; False if the guesses can't be (a pointer that is none)."""
    run, skip, depth = Run(thread, guesses), 0, 0
    for line in lines:
        code = strip(line).strip()
        while code:
            m = STATEMENT.match(code)
            if not m:
                raise ValueError("not understood: " + code)
            code = code[m.end():].strip()
            if m["if"]:
                depth += 1
                value, dep = run.value(m["cond"])
                run.ctrl |= dep
                if not skip and (value == m["val"]) == (m["not"] == "!"):
                    skip = depth
            elif m["end"]:
                skip = 0 if skip == depth else skip
                depth -= 1
            elif m["call"] and not skip:
                if step(run, m["call"], [a.strip() for a in m["args"].split(",")], m["to"]) is False:
                    return False
                if run.wants_more:
                    return None
    return Trace(run.events, run.reg)


LOADS = {"READ_ONCE": "", "WEAK_LOAD": "", "NO_ADDRESS": "", "smp_load_acquire": "Q"}
STORES = {"WRITE_ONCE": "", "WEAK_STORE": "", "smp_store_release": "L"}
FENCES = {"smp_mb": "full", "smp_mb__after_atomic": "full", "smp_rmb": "ld", "smp_wmb": "st"}


def step(run, call, args, to):
    if call in FENCES:
        run.add("F", order=FENCES[call])
        return True
    rmw = call not in LOADS and call not in STORES
    loc, addr = run.place(args[1] if call.startswith("atomic") else args[0])
    if loc is None:
        return False
    if call == "NO_ADDRESS":
        addr = frozenset()
    if call in STORES:
        value, data = run.value(args[1])
        run.add("W", loc, value, STORES[call], addr, data)
        return True
    value, nr = run.read(loc, ("" if "relaxed" in call else "A") if rmw else LOADS[call], addr)
    if nr is None:
        return True
    if to:
        run.reg[to], run.dep[to] = value, frozenset([nr])
    if not rmw:
        return True
    # Load-exclusive and store-exclusive, the weakest that a compiler makes of it.
    order = "" if "relaxed" in call else "L"
    if call.startswith("cmpxchg"):
        was, now = run.value(args[1])[0], run.value(args[2])
        if value == was:
            run.add("W", loc, now[0], order, addr, now[1], rmw=nr)
        return True
    if not value.isdigit():
        return False
    bits = int(run.value(args[0])[0])
    new = int(value) | bits if "_or" in call else int(value) & ~bits
    run.add("W", loc, str(new), order, addr, frozenset([nr]), rmw=nr)
    return True


def traces(thread, lines, values):
    """All traces of a thread."""
    pending, done = [()], []
    while pending:
        guesses = pending.pop()
        trace = run_thread(thread, lines, guesses)
        if trace is None:
            pending += [guesses + (v,) for v in values]
        elif trace:
            done.append(trace)
    return done
