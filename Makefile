# SPDX-License-Identifier: Apache-2.0
#
# The front door. `make test` and `make run` are the two commands of the README.

SWIFT ?= swift
CONFIGURATION ?= debug
BIN := .build/$(CONFIGURATION)
# What is installed: Swift's part and the rest of it.
RELEASE := .build/release
DELIVERY := .build/delivery
APT := $(if $(filter 0,$(shell id -u)),apt-get,sudo apt-get)

.PHONY: all build test unit end-to-end test-vm test-vm-amd test-vm-intel test-vm-all vm-programs build-tests lint format run bench fuzz clean requirements swift-present
.PHONY: release install install-strip uninstall

all: build

# What the build needs beside Swift. Nothing is installed that is there already.
requirements: swift-present
	@missing=; \
	for package in libsystemd-dev pkg-config python3; do \
	    dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "installing$$missing"; \
	    $(APT) update -qq && DEBIAN_FRONTEND=noninteractive $(APT) install -y -qq --no-install-recommends $$missing; \
	fi

swift-present:
	@command -v $(SWIFT) >/dev/null || { \
	    echo "Swift 6.2 or later is missing: get it from https://www.swift.org/install/linux/ and put its usr/bin into PATH." >&2; \
	    exit 1; }

build: requirements
	$(SWIFT) build -c $(CONFIGURATION)
	@$(MAKE) --no-print-directory $(BIN)/libcpumodel-preload.so

# What is loaded into a VMM must bring no Swift runtime along, so it is not SwiftPM that builds it.
CC := cc
C_FLAGS := -std=gnu2x -Wall -Wextra -Werror -O2 -g -fPIC -fvisibility=hidden
CLIENT_C := $(wildcard Sources/CCPUModelClient/*.c)
CLIENT_H := $(wildcard Sources/CCPUModelClient/*.h Sources/CCPUModelClient/include/*.h)
PRELOAD_C := $(wildcard Sources/cpumodel-preload/*.c)
PRELOAD := $(PRELOAD_C) $(CLIENT_C) $(CLIENT_H) $(wildcard Sources/cpumodel-preload/*.h) Sources/cpumodel-preload/preload.map

$(BIN)/libcpumodel-preload.so $(DELIVERY)/libcpumodel-preload.so: $(PRELOAD)
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -ftls-model=initial-exec -shared -Wl,-z,now,--version-script=Sources/cpumodel-preload/preload.map \
	    -ISources/CCPUModelClient -ISources/CCPUModelClient/include -o $@ $(PRELOAD_C) $(CLIENT_C) -ldl

# Everything that must hold: format, unit and conformance tests, then whole programs against the real /dev/kvm.
test: requirements lint unit end-to-end

unit: requirements
	$(SWIFT) test

end-to-end: build
	CPUMODELD_BIN_DIR=$(BIN) python3 Tests/EndToEnd/run.py

# Real kvm_amd and kvm_intel on emulated hosts; Tests/VM/README.md says what of. No /dev/kvm is needed.
VM_RUN = python3 Tests/VM/run.py --bin $(BIN)

build-tests: requirements
	$(SWIFT) build -c $(CONFIGURATION) --build-tests

vm-programs: build-tests $(BIN)/libcpumodel-preload.so

VM_SUITES = --suite models --suite unit
VM_CAPS = --suite "end-to-end -k test_caps"

test-vm: test-vm-amd test-vm-intel

test-vm-amd: vm-programs
	$(VM_RUN) $(VM_SUITES) $(VM_CAPS) --suite qemu epyc-milan

test-vm-intel: vm-programs
	$(VM_RUN) $(VM_SUITES) skylake-x

test-vm-all: test-vm-intel
	$(VM_RUN) $(VM_SUITES) haswell penryn
	$(VM_RUN) $(VM_SUITES) --suite qemu opteron-g3
	$(VM_RUN) $(VM_SUITES) --suite end-to-end --suite qemu epyc-milan

lint: swift-present
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

format: swift-present
	$(SWIFT) format format --in-place --recursive --parallel Package.swift Sources Tests

run: build
	@Tests/Demo/run $(BIN)

# As it is installed, or the next installation would have to link anew.
bench: requirements
	$(SWIFT) build -c release --static-swift-stdlib
	@Tests/Benchmarks/run .build/release

fuzz:
	$(MAKE) -C Tests/Fuzz run

clean:
	$(SWIFT) package clean
	rm -rf $(DELIVERY)

# ---- Installation -----------------------------------------------------------------------------------------------------
# "make release" builds and "make install" copies, so that who installs needs no Swift. Swift's runtime is inside the
# programs, and a host needs none; what is written in C is built without it.

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
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
    config:config/cpumodeld.conf:$(SYSCONFDIR)/cpumodeld/cpumodeld.conf \
    $(foreach file,$(UNITS),unit:$(file):$(UNITDIR)/$(notdir $(file))) \
    data:systemd/cpumodeld.sysusers:$(SYSUSERSDIR)/cpumodeld.conf \
    data:systemd/cpumodeld.catalog:$(CATALOGDIR)/cpumodeld.catalog \
    $(foreach file,$(PAGES),data:$(DELIVERY)/man/$(file):$(MANDIR)/man$(subst .,,$(suffix $(file)))/$(file)) \
    $(foreach name,$(SWIFT_PROGRAMS), \
        data:$(DELIVERY)/completions/$(name).bash:$(BASHDIR)/$(name) \
        data:$(DELIVERY)/completions/$(name).zsh:$(ZSHDIR)/_$(name) \
        data:$(DELIVERY)/completions/$(name).fish:$(FISHDIR)/$(name).fish)

release: $(RELEASE)/.complete $(addprefix $(DELIVERY)/,$(C_PROGRAMS) libcpumodel-preload.so) \
    $(foreach shell,$(SHELLS),$(SWIFT_PROGRAMS:%=$(DELIVERY)/completions/%.$(shell))) $(PAGES:%=$(DELIVERY)/man/%)

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
	$(RELEASE)/$(basename $(@F)) --generate-completion-script $(subst .,,$(suffix $@)) >$@.new
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
