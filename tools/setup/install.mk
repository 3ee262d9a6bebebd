# SPDX-License-Identifier: MIT
#
# install.mk - which file goes where. Headers, manual pages and the like are found by their place in the tree; nothing here
# builds.

bindir ?= $(PREFIX)/bin
libdir ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include/splinter
mandir ?= $(PREFIX)/share/man
completiondir ?= $(PREFIX)/share/bash-completion/completions
# Where udev and modprobe look, whatever the prefix.
udevdir ?= /usr/lib/udev/rules.d
modprobedir ?= /etc/modprobe.d

HEADERS = $(wildcard uapi/*.h libsplinterk/*.h)
PRIVATE_HEADERS = $(wildcard libsplinterk/internal.h libsplinterk/private.h)
MANPAGES = $(wildcard libsplinterk/man/*.[1-9] tools/*/*.[1-9] Documentation/man/*.[1-9])
COMPLETION = $(wildcard tools/splinterctl/splinterctl.bash)
RULES = tools/setup/60-splinter.rules
OPTIONS = tools/setup/splinter.conf

# A distribution's headers ask for signatures and keep the key.
NO_SIGNING = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

# In file lists: each file's place below a directory.
below = $(addprefix $(DESTDIR)$(1)/,$(notdir $(2)))

install: all
	@test -e $(MDIR)/splinter.ko || test "$(MODULE)" = no || \
		{ echo "no module to install (see above); make install MODULE=no leaves it out" >&2; exit 1; }
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(libdir)/pkgconfig $(DESTDIR)$(includedir)
	install -m 644 $(filter-out $(PRIVATE_HEADERS),$(HEADERS)) $(DESTDIR)$(includedir)
	cp -d $(O)/lib/libsplinterk.a $(O)/lib/libsplinterk.so* $(DESTDIR)$(libdir)
	sed 's|^prefix=.*|prefix=$(PREFIX)|' $(O)/lib/libsplinterk.pc > $(DESTDIR)$(libdir)/pkgconfig/libsplinterk.pc
	install -m 755 $(O)/bin/splinterctl $(DESTDIR)$(bindir)
	for page in $(MANPAGES); do \
		install -D -m 644 $$page $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/} || exit 1; \
	done
	$(if $(COMPLETION),install -D -m 644 $(COMPLETION) $(DESTDIR)$(completiondir)/splinterctl)
	install -D -m 644 $(RULES) $(DESTDIR)$(udevdir)/$(notdir $(RULES))
	test -e $(DESTDIR)$(modprobedir)/$(notdir $(OPTIONS)) || \
		install -D -m 644 $(OPTIONS) $(DESTDIR)$(modprobedir)/$(notdir $(OPTIONS))
ifneq ($(MODULE),no)
	$(MAKE) --no-print-directory -C $(KDIR) O= M=$(MDIR) INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates $(NO_SIGNING) \
		modules_install
	$(if $(DESTDIR),,depmod $(KVER))
endif
	$(if $(DESTDIR),,ldconfig)

uninstall:
	rm -f $(call below,$(includedir),$(HEADERS))
	rmdir $(DESTDIR)$(includedir) 2>/dev/null || true
	rm -f $(DESTDIR)$(libdir)/libsplinterk.a $(DESTDIR)$(libdir)/libsplinterk.so* \
		$(DESTDIR)$(libdir)/pkgconfig/libsplinterk.pc $(DESTDIR)$(bindir)/splinterctl
	for page in $(MANPAGES); do rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}; done
	rm -f $(DESTDIR)$(completiondir)/splinterctl $(DESTDIR)$(udevdir)/$(notdir $(RULES))
	! cmp -s $(OPTIONS) $(DESTDIR)$(modprobedir)/$(notdir $(OPTIONS)) || rm $(DESTDIR)$(modprobedir)/$(notdir $(OPTIONS))
	find $(DESTDIR)/lib/modules -path '*/updates/*' -name 'splinter.ko*' -delete 2>/dev/null || true
	$(if $(DESTDIR),,depmod; ldconfig)
