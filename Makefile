# SPDX-License-Identifier: MIT
#
# Makefile - what a user types. Each folder's own Makefile knows how to build it; selftests/run knows how to test it.
#
#	make			module for the running kernel, library, tools
#	make user		library and tools
#	make module		the module (KDIR= or KERNEL= for another kernel)
#	make install		all of it (DESTDIR=, PREFIX=); MODULE=no: library and tools, below PREFIX only
#	make uninstall		takes it away again; the same variables
#	make load, unload	the module into the running kernel, for development (PARAMS="lanes=4096 node=1")
#	make check		native tests, without module or root, in a minute or two
#	make style		checkpatch, sparse, kernel-doc, clang-format, shellcheck
#	make test		everything, set-up included (Debian 12, as root)
#	make linear		are histories linearizable, are reads whole: some minutes (SECONDS=60 of each part)
#	make storm		10 minutes of kills and stops on a store in use (SECONDS=600)
#	make torture		kills and stops at every instruction of every operation, one and two at a time (TORTURE="--op insert")
#	make fuzz		hostile bytes for 10 minutes (SECONDS=600)
#	make sanitize		the native tests under ASan, UBSan and TSan
#	make litmus		the barriers, on paper: each one's litmus test
#	make demo		the main job on real data in a guest, set-up included
#	make guest		a shell in a guest with the module, set-up included (KERNEL=, PARAMS=)
#	make bench		speed beside its floor and its peers (BENCH="--quick --report", BENCH=--help)
#	make bench-guest	the same for what the module does, as ratios in one guest (KERNEL=)
#	make setup		packages and kernels that make test needs, and nothing else
#	make clean		removes what was built
#
#	O=			where to build (build)
#	KDIR=			headers of the kernel to build for (the running one's)
#	KERNEL=			the same by name: 6.1, 6.12 (see tools/setup/kernel)
#	ONLY=			a pattern: the tests to run
#	V=1			shows the commands

ifneq ($(words $(CURDIR)),1)
$(error kbuild cannot build below a path with spaces: $(CURDIR))
endif

O ?= $(CURDIR)/build
PREFIX ?= /usr/local
DESTDIR ?=
KERNEL ?=
KDIR ?= $(if $(KERNEL),$(shell tools/setup/kernel $(KERNEL) build),/lib/modules/$(shell uname -r)/build)
PARAMS ?=
BENCH ?=
ONLY ?=

override O := $(abspath $(O))
# The name that the running kernel gives itself; include/config/kernel.release has another in Debian's 6.1.
KVER = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)
MDIR = $(O)/kmod-$(KVER)
KSFT = $(shell tools/setup/source ksft)

export O

include tools/setup/quiet.mk

# What to do without headers, wherever that is noticed.
define no_headers
echo "There are no kernel headers at $(KDIR)."; \
echo "Install the running kernel's (Debian: apt-get install linux-headers-$$(uname -r)), or name others: make KDIR=..."
endef

# What a failed build may lack: a folder to build in, or a package, whose name it tells.
define failed
{ { mkdir -p $(O) && test -w $(O); } 2>/dev/null || echo "$(O) can't be written; O= names another folder to build in" >&2; \
tools/setup/install user; exit 1; }
endef

.PHONY: all user lib tools module modules native device install uninstall load unload check style test fuzz sanitize litmus linear storm demo \
	torture torture-build guest bench bench-guest setup clean help

all: user
ifeq ($(wildcard $(KDIR)/include/generated/utsrelease.h),)
	@echo "The module was NOT built, all else was:"
	@$(no_headers)
else
	@$(MAKE) --no-print-directory module
endif

user: lib tools

lib:
	@$(if $(wildcard libsplinterk/Makefile),$(MAKE) --no-print-directory -C libsplinterk O=$(O) || $(failed))

tools: lib
	@for m in $(wildcard tools/*/Makefile); do \
		$(MAKE) --no-print-directory -C $$(dirname $$m) O=$(O) || $(failed); \
	done

# Without the kernel's vmlinux, which no headers package has, kbuild could only say so.
NO_BTF = $(if $(wildcard $(KDIR)/vmlinux),,CONFIG_DEBUG_INFO_BTF_MODULES=)

# kbuild writes its objects beside the sources, so each kernel has a tree of links of its own. Its O= is not ours.
module modules:
	@test -n "$(KVER)" || { { $(no_headers); } >&2; exit 1; }
	@mkdir -p $(MDIR) || $(failed)
	@cp -rsf $(CURDIR)/Kbuild $(CURDIR)/kmod $(CURDIR)/uapi $(MDIR)/
	@find $(MDIR) -xtype l -delete
	@$(MAKE) --no-print-directory -C $(KDIR) O= M=$(MDIR) $(NO_BTF) $(KFLAGS) modules
	@ln -sf kmod/splinter.ko $(MDIR)/splinter.ko

native: lib
	@$(MAKE) --no-print-directory -C selftests/native O=$(O)

device: lib
	@$(MAKE) --no-print-directory -C selftests/storm O=$(O)
	@$(MAKE) --no-print-directory -C selftests/device O=$(O) KSFT=$(KSFT)

check:
	@tools/setup/install check
	@selftests/run native cli --only '$(ONLY)'

style:
	@tools/setup/install style
	@selftests/run style --only '$(ONLY)'

test:
	@tools/setup/install test
	@selftests/run --only '$(ONLY)'

linear:
	@selftests/linear/run --seconds $(or $(SECONDS),60)

storm:
	@$(MAKE) --no-print-directory -C selftests/storm O=$(O) || $(failed)
	@$(O)/selftests/storm/storm --seconds $(or $(SECONDS),600)

torture-build: lib
	@$(MAKE) --no-print-directory -C selftests/torture O=$(O)

torture:
	@selftests/torture/run --full $(TORTURE)

fuzz:
	@tools/setup/install test
	@selftests/fuzz/run $(or $(SECONDS),600)

sanitize litmus:
	@tools/setup/install test
	@selftests/$@/run

# tools/demo/prepare, if there is one, fetches on the host what tools/demo/run works on in the guest; both get the folder
# that they share.
demo:
	@tools/setup/install demo
	@$(MAKE) --no-print-directory user
	@$(MAKE) --no-print-directory module KERNEL=6.1
	@mkdir -p $(O)/demo
	@! test -e tools/demo/prepare || tools/demo/prepare $(O)/demo
	@selftests/guest/boot --kernel 6.1 --share $(O)/demo --exec 'tools/demo/run $(O)/demo'

guest:
	@test -t 0 -a -t 1 || { echo "make guest needs a terminal; commands: selftests/guest/boot --exec COMMAND" >&2; exit 1; }
	@KERNEL=$(KERNEL) tools/setup/install guest
	@$(MAKE) --no-print-directory user
	@$(MAKE) --no-print-directory module KERNEL=$(or $(KERNEL),6.1)
	@selftests/guest/boot --kernel $(or $(KERNEL),6.1) $(addprefix --param ,$(PARAMS)) --shell

# Its help needs neither packages nor the library.
bench:
	@$(if $(filter --help,$(BENCH)),,tools/setup/install bench && $(MAKE) --no-print-directory lib)
	@tools/bench/run $(BENCH)

bench-guest:
	@tools/setup/install demo
	@$(MAKE) --no-print-directory user
	@$(MAKE) --no-print-directory module KERNEL=$(or $(KERNEL),6.1)
	@tools/bench/guest/run --kernel $(or $(KERNEL),6.1)

setup:
	@tools/setup/install test

load:
	@test $$(id -u) = 0 || { echo "make load needs root" >&2; exit 1; }
	@test -e $(O)/kmod-$$(uname -r)/splinter.ko || { exec >&2; echo "No module for $$(uname -r) in $(O)."; \
		$(if $(KVER),echo "Build it: make module",$(no_headers)); exit 1; }
	@! test -e /sys/module/splinter || rmmod splinter
	insmod $(O)/kmod-$$(uname -r)/splinter.ko $(PARAMS)

unload:
	@! test -e /sys/module/splinter || rmmod splinter

include tools/setup/install.mk

clean:
	rm -rf $(O)

help:
	@sed -n '/^#\tmake/,/^$$/s/^#[\t ]\?//p' Makefile
