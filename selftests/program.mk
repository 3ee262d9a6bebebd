# SPDX-License-Identifier: MIT
#
# program.mk - builds every *.c of one area of tests into a program, linked with the static library.

TOP := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
O ?= $(TOP)/build
CFLAGS ?= -O2 -g -Wall -Wextra
OUT := $(O)/selftests/$(AREA)
PROGRAMS := $(patsubst %.c,$(OUT)/%,$(wildcard *.c))
LIB := $(wildcard $(O)/lib/libsplinterk.a)

include $(TOP)/tools/setup/quiet.mk

all: $(PROGRAMS)
	@:

$(OUT)/%: %.c $(LIB) $(MAKEFILE_LIST)
	@mkdir -p $(OUT)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(CPPFLAGS) -I $(TOP)/uapi -I $(TOP)/libsplinterk $(CFLAGS) -pthread \
		-MMD -MP -MF $@.d -o $@ $< $(LIB) $(LDFLAGS) $(LDLIBS)

-include $(wildcard $(OUT)/*.d)

.PHONY: all
