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
PRIVATE_HEADERS = $(wildcard libsplinterk/internal.h libsplinterk/channel.h)
MANPAGES = $(wildcard libsplinterk/man/*.[1-9] tools/*/*.[1-9] Documentation/man/*.[1-9])
COMPLETION = $(wildcard tools/splinterctl/splinterctl.bash)
RULES = tools/setup/60-splinter.rules
OPTIONS = tools/setup/splinter.conf

# A distribution's headers ask for signatures and keep the key.
NO_SIGNING = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

# In file lists: each file's place below a directory.
below = $(addprefix $(DESTDIR)$(1)/,$(notdir $(2)))

# MODULE=no installs what programs need, below PREFIX and nowhere else: what udev and modprobe read is the module's. The
# dynamic linker's cache knows system folders only.
WITH_MODULE = $(filter-out no,$(or $(MODULE),yes))
REFRESH_LIBS = $(if $(DESTDIR),,$(if $(filter /usr/% /lib/%,$(libdir)),ldconfig,))

install: $(if $(WITH_MODULE),all,user)
ifneq ($(WITH_MODULE),)
	@test -e $(MDIR)/splinter.ko || \
		{ echo "no module to install (see above); make install MODULE=no leaves it out" >&2; exit 1; }
endif
	$(call say,INSTALL,$(DESTDIR)$(includedir))
	$(Q)install -d $(DESTDIR)$(bindir) $(DESTDIR)$(libdir)/pkgconfig $(DESTDIR)$(includedir)
	$(Q)install -m 644 $(filter-out $(PRIVATE_HEADERS),$(HEADERS)) $(DESTDIR)$(includedir)
	$(call say,INSTALL,$(DESTDIR)$(libdir)/libsplinterk.*)
	$(Q)cp -d $(O)/lib/libsplinterk.a $(O)/lib/libsplinterk.so* $(DESTDIR)$(libdir)
	$(Q)sed 's|^prefix=.*|prefix=$(PREFIX)|' $(O)/lib/libsplinterk.pc > $(DESTDIR)$(libdir)/pkgconfig/libsplinterk.pc
	$(call say,INSTALL,$(DESTDIR)$(bindir)/splinterctl)
	$(Q)install -m 755 $(O)/bin/splinterctl $(DESTDIR)$(bindir)
	$(call say,INSTALL,$(DESTDIR)$(mandir))
	$(Q)for page in $(MANPAGES); do \
		install -D -m 644 $$page $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/} || exit 1; \
	done
	$(Q)$(if $(COMPLETION),install -D -m 644 $(COMPLETION) $(DESTDIR)$(completiondir)/splinterctl)
ifneq ($(WITH_MODULE),)
	$(call say,INSTALL,$(DESTDIR)$(udevdir)/$(notdir $(RULES)))
	$(Q)install -D -m 644 $(RULES) $(DESTDIR)$(udevdir)/$(notdir $(RULES))
	$(call say,INSTALL,$(DESTDIR)$(modprobedir)/$(notdir $(OPTIONS)))
	$(Q)test -e $(DESTDIR)$(modprobedir)/$(notdir $(OPTIONS)) || \
		install -D -m 644 $(OPTIONS) $(DESTDIR)$(modprobedir)/$(notdir $(OPTIONS))
	$(Q)$(MAKE) --no-print-directory -C $(KDIR) O= M=$(MDIR) INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates \
		$(NO_SIGNING) modules_install
	$(Q)$(if $(DESTDIR),,depmod $(KVER))
endif
	$(Q)$(REFRESH_LIBS)

# The same variables as for install; modprobe's options stay if they were changed.
uninstall:
	$(call say,REMOVE,below $(DESTDIR)$(PREFIX)$(if $(WITH_MODULE), and the module))
	$(Q)rm -f $(call below,$(includedir),$(HEADERS))
	$(Q)rmdir $(DESTDIR)$(includedir) 2>/dev/null || true
	$(Q)rm -f $(DESTDIR)$(libdir)/libsplinterk.a $(DESTDIR)$(libdir)/libsplinterk.so* \
		$(DESTDIR)$(libdir)/pkgconfig/libsplinterk.pc $(DESTDIR)$(bindir)/splinterctl
	$(Q)for page in $(MANPAGES); do rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}; done
	$(Q)rm -f $(DESTDIR)$(completiondir)/splinterctl
ifneq ($(WITH_MODULE),)
	$(Q)rm -f $(DESTDIR)$(udevdir)/$(notdir $(RULES))
	$(Q)! cmp -s $(OPTIONS) $(DESTDIR)$(modprobedir)/$(notdir $(OPTIONS)) || rm $(DESTDIR)$(modprobedir)/$(notdir $(OPTIONS))
	$(Q)find $(DESTDIR)/lib/modules -path '*/updates/*' -name 'splinter.ko*' -delete 2>/dev/null || true
	$(Q)$(if $(DESTDIR),,depmod)
endif
	$(Q)$(REFRESH_LIBS)
