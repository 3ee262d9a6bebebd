# SPDX-License-Identifier: MIT
#
# quiet.mk - one line for each file that is made; with V=1 the commands instead. Warnings are shown either way.
#
#	$(call say,CC,$@)		"  CC      name", below $(O) without that folder
#	$(Q)$(CC) ...

V ?= 0
ifeq ($(V),1)
Q =
say =
else
Q = @
say = @printf '  %-7s %s\n' '$(1)' '$(patsubst $(O)/%,%,$(2))'
endif
