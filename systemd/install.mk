# SPDX-License-Identifier: Apache-2.0
#
# `make release`, `make install`, `make uninstall`, `make deb`. To be included by the Makefile at the top.

.PHONY: release install install-strip uninstall deb deb-requirements

# ---- Installation -----------------------------------------------------------------------------------------------------
# "make release" builds and "make install" copies, so that who installs needs no Swift. Swift's runtime is inside the
# programs, and a host needs none; what is written in C is built without it.

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
# Where Debian's Python looks, below /usr and /usr/local.
PYTHONDIR ?= $(PREFIX)/lib/python3/dist-packages
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
# systemd's own directories under /usr, as it says; those below another prefix otherwise, where it looks as well.
systemd_directory = $(or $(and $(filter /usr,$(PREFIX)),$(shell pkg-config --variable=$1 systemd 2>/dev/null)),$(PREFIX)/lib/$2)
UNITDIR ?= $(call systemd_directory,systemdsystemunitdir,systemd/system)
SYSUSERSDIR ?= $(call systemd_directory,sysusersdir,sysusers.d)
CATALOGDIR ?= $(call systemd_directory,catalogdir,systemd/catalog)

SWIFT_PROGRAMS := cpumodeld cpumodelctl
C_PROGRAMS := cpumodel-exec cpumodel-launch cpumodeld-inject
SHELLS := bash zsh fish
PAGES := $(patsubst Sources/man/%.in,%,$(wildcard Sources/man/*.in))
UNITS := $(wildcard systemd/*.service systemd/*.socket)
OWN_DIRECTORIES = $(PREFIX)/lib/cpumodeld/models $(PREFIX)/lib/cpumodeld $(SYSCONFDIR)/cpumodeld

# kind:from:to
INSTALLED = \
    $(foreach name,$(SWIFT_PROGRAMS),program:$(RELEASE)/$(name):$(BINDIR)/$(name)) \
    $(foreach name,$(C_PROGRAMS),program:$(DELIVERY)/$(name):$(BINDIR)/$(name)) \
    library:$(DELIVERY)/libcpumodel-preload.so:$(PREFIX)/lib/cpumodeld/libcpumodel-preload.so \
    $(foreach file,$(wildcard config/models/*.cpumodel),data:$(file):$(PREFIX)/lib/cpumodeld/models/$(notdir $(file))) \
    data:$(LIB_HEADER):$(INCLUDEDIR)/$(notdir $(LIB_HEADER)) \
    data:$(DELIVERY)/$(notdir $(LIB_STATIC)):$(LIBDIR)/$(notdir $(LIB_STATIC)) \
    library:$(DELIVERY)/$(notdir $(LIB_SHARED)):$(LIBDIR)/$(notdir $(LIB_SHARED)) \
    $(foreach name,$(notdir $(LIB_LINKS)),link:$(DELIVERY)/$(name):$(LIBDIR)/$(name)) \
    data:$(DELIVERY)/$(notdir $(LIB_PC)):$(LIBDIR)/pkgconfig/$(notdir $(LIB_PC)) \
    data:Sources/python/cpumodel.py:$(PYTHONDIR)/cpumodel.py \
    config:config/cpumodeld.conf:$(SYSCONFDIR)/cpumodeld/cpumodeld.conf \
    $(foreach file,$(UNITS),unit:$(file):$(UNITDIR)/$(notdir $(file))) \
    data:systemd/cpumodeld-inject-filters.conf:$(PREFIX)/lib/cpumodeld/cpumodeld-inject-filters.conf \
    data:systemd/cpumodeld.sysusers:$(SYSUSERSDIR)/cpumodeld.conf \
    data:systemd/cpumodeld.catalog:$(CATALOGDIR)/cpumodeld.catalog \
    $(foreach file,$(PAGES),data:$(DELIVERY)/man/$(file):$(MANDIR)/man$(subst .,,$(suffix $(file)))/$(file)) \
    $(foreach name,$(SWIFT_PROGRAMS), \
        data:$(DELIVERY)/completions/$(name).bash:$(BASHDIR)/$(name) \
        data:$(DELIVERY)/completions/$(name).zsh:$(ZSHDIR)/_$(name) \
        data:$(DELIVERY)/completions/$(name).fish:$(FISHDIR)/$(name).fish)

release: $(RELEASE)/.complete $(addprefix $(DELIVERY)/,$(C_PROGRAMS) libcpumodel-preload.so) \
    $(foreach shell,$(SHELLS),$(SWIFT_PROGRAMS:%=$(DELIVERY)/completions/%.$(shell))) $(PAGES:%=$(DELIVERY)/man/%)
	@$(MAKE) --no-print-directory BIN=$(DELIVERY) lib

$(RELEASE)/.complete: Package.swift $(shell find Sources -name '*.swift' -o -name '*.[ch]' -o -name '*.list')
	@$(MAKE) --no-print-directory requirements
	for program in $(SWIFT_PROGRAMS); do \
	    $(SWIFT) build -c release --static-swift-stdlib --product $$program || exit; \
	done
	touch $@

HARDENED := -fPIE -pie -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wl,-z,relro,-z,now
$(addprefix $(DELIVERY)/,$(C_PROGRAMS)): $(DELIVERY)/%: $(CLIENT_C) $(CLIENT_H) $(wildcard $(C_PROGRAMS:%=Sources/%/*.[ch]) Sources/CInject/include/*.h)
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) $(HARDENED) -ISources/CCPUModelClient/include -ISources/CInject/include -o $@ \
	    $(wildcard Sources/$*/*.c) $(CLIENT_C)

$(foreach shell,$(SHELLS),$(SWIFT_PROGRAMS:%=$(DELIVERY)/completions/%.$(shell))): $(RELEASE)/.complete
	@mkdir -p $(@D)
	@# They are read by shells, and not run: a first line with a program's name does not belong there.
	$(RELEASE)/$(basename $(@F)) --generate-completion-script $(subst .,,$(suffix $@)) | sed '1{/^#!/d}' >$@.new
	mv $@.new $@

# Manual pages say what the programs, the configuration, the documents and the header say: see Sources/man/generate.py.
$(DELIVERY)/man/%: Sources/man/%.in $(wildcard Sources/man/*.py Sources/*/*.docc/*.md) config/cpumodeld.conf $(CLIENT_H) \
    $(RELEASE)/.complete $(addprefix $(DELIVERY)/,$(C_PROGRAMS))
	@mkdir -p $(@D)
	python3 -B Sources/man/generate.py $< $(DELIVERY) $(RELEASE) >$@.new
	mv $@.new $@

# Splits an entry of INSTALLED.
split_entry = kind=$${entry%%:*}; rest=$${entry\#*:}; from=$${rest%%:*}; to="$(DESTDIR)$${rest\#*:}"

install: release
	@set -e; for entry in $(INSTALLED); do $(split_entry); \
	    case $$kind in \
	    program) install -D -m 755 $(STRIP) "$$from" "$$to" ;; \
	    library) install -D -m 644 $(STRIP) "$$from" "$$to" ;; \
	    data) install -D -m 644 "$$from" "$$to" ;; \
	    link) cp -d "$$from" "$$to" ;; \
	    unit) install -d "$${to%/*}"; sed 's#/usr/bin/cpumodel#$(BINDIR)/cpumodel#g' "$$from" >"$$to"; chmod 644 "$$to" ;; \
	    config) if [ ! -e "$$to" ]; then install -D -m 644 "$$from" "$$to"; \
	        elif ! cmp -s "$$from" "$$to"; then echo "$$to is left as it is"; fi ;; \
	    esac; \
	done
	$(if $(DESTDIR),,@echo "installed; next: systemd-sysusers && journalctl --update-catalog && systemctl daemon-reload &&" \
	    "systemctl enable --now cpumodeld.socket cpumodeld-query.socket")

# Without the symbols that a debugger wants, a third of the size.
install-strip:
	$(MAKE) install STRIP='-s --strip-program=strip'

uninstall:
	@set -e; for entry in $(INSTALLED); do $(split_entry); \
	    if [ $$kind = config ] && [ -e "$$to" ] && ! cmp -s "$$from" "$$to"; then echo "$$to was changed, and is left"; \
	    else rm -f "$$to"; fi; \
	done
	@for directory in $(OWN_DIRECTORIES); do rmdir "$(DESTDIR)$$directory" 2>/dev/null || true; done

# ---- Debian's package -------------------------------------------------------------------------------------------------
# By Debian's own tools, in a tree of its own: what git has, with systemd/debian as debian/. The packages are in .build/deb.

DEB := .build/deb
# Of the package; one that is built again and differs has a higher one.
DEB_VERSION ?= $(shell sed -n '1s/.*(\(.*\)).*/\1/p' systemd/debian/changelog)

deb-requirements:
	@dpkg-checkbuilddeps systemd/debian/control 2>/dev/null && command -v dpkg-buildpackage >/dev/null || { \
	    echo "installing debhelper, dh-python and dpkg-dev"; \
	    $(APT) update -qq && DEBIAN_FRONTEND=noninteractive $(APT) install -y -qq --no-install-recommends \
	        debhelper dh-python dpkg-dev libsystemd-dev pkg-config python3; }

deb: deb-requirements release
	rm -rf $(DEB)
	mkdir -p $(DEB)/cpumodeld
	cp -a Makefile Package.swift LICENSE README.md Sources config systemd $(DEB)/cpumodeld
	mv $(DEB)/cpumodeld/systemd/debian $(DEB)/cpumodeld/debian
	sed -i '1s/(.*)/($(DEB_VERSION))/' $(DEB)/cpumodeld/debian/changelog
	cd $(DEB)/cpumodeld && MAKEFLAGS= RELEASE=$(abspath $(RELEASE)) DELIVERY=$(abspath $(DELIVERY)) \
	    dpkg-buildpackage --build=binary --no-sign
	@ls $(DEB)/*.deb
