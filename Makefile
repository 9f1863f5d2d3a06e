# SPDX-License-Identifier: Apache-2.0
#
# The front door. `make test` and `make run` are the two commands of the README.

SWIFT ?= swift
CONFIGURATION ?= debug
BIN := .build/$(CONFIGURATION)
# What is installed: Swift's part and the rest of it.
RELEASE ?= .build/release
DELIVERY ?= .build/delivery
APT := $(if $(filter 0,$(shell id -u)),apt-get,sudo apt-get)

.PHONY: all build test unit end-to-end test-vm test-vm-amd test-vm-intel test-vm-all test-system test-system-vm vm-programs build-tests lint format run bench soak fuzz sanitize clean requirements swift-present

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
	@$(MAKE) --no-print-directory $(BIN)/libcpumodel-preload.so lib

# What is loaded into a VMM must bring no Swift runtime along, so it is not SwiftPM that builds it.
CC := cc
C_FLAGS := -std=gnu2x -Wall -Wextra -Werror -O2 -g -fPIC -fvisibility=hidden
CLIENT_C := $(wildcard Sources/CCPUModelClient/*.c)
CLIENT_H := $(wildcard Sources/CCPUModelClient/*.h Sources/CCPUModelClient/include/*.h)
PRELOAD_C := $(wildcard Sources/cpumodel-preload/*.c)
PRELOAD := $(PRELOAD_C) $(CLIENT_C) $(CLIENT_H) $(wildcard Sources/cpumodel-preload/*.h) Sources/cpumodel-preload/preload.map

$(sort $(BIN)/libcpumodel-preload.so $(DELIVERY)/libcpumodel-preload.so): $(PRELOAD)
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -ftls-model=initial-exec -shared -Wl,-z,now,--version-script=Sources/cpumodel-preload/preload.map \
	    -ISources/CCPUModelClient -ISources/CCPUModelClient/include -o $@ $(PRELOAD_C) $(CLIENT_C) -ldl

include Sources/CCPUModelClient/library.mk

# Everything that must hold: format, unit and conformance tests, then whole programs against the real /dev/kvm.
test: requirements lint unit end-to-end

unit: requirements
	$(SWIFT) test
	$(MAKE) -C Tests/Fuzz rooms short-c

end-to-end: build
	CPUMODELD_BIN_DIR=$(BIN) python3 Tests/EndToEnd/run.py

# Real kvm_amd and kvm_intel on emulated hosts; Tests/VM/README.md says what of. No /dev/kvm is needed.
VM_RUN = python3 Tests/VM/run.py --bin $(BIN)

build-tests: requirements
	$(SWIFT) build -c $(CONFIGURATION) --build-tests

vm-programs: build-tests $(BIN)/libcpumodel-preload.so

VM_SUITES = --suite models --suite unit --suite unnested
VM_CAPS = --suite "end-to-end -k test_caps"
# A guest that spins starves the rest of Bochs' one CPU.
BOCHS_CAPS = --suite "end-to-end -k test_caps.Kernel -k TogglingGuest"

test-vm: test-vm-amd test-vm-intel

test-vm-amd: vm-programs
	$(VM_RUN) $(VM_SUITES) $(VM_CAPS) --suite qemu epyc-milan

test-vm-intel: vm-programs
	$(VM_RUN) $(VM_SUITES) $(BOCHS_CAPS) --suite vmx --suite refused skylake-x

test-vm-all: test-vm-intel
	$(VM_RUN) $(VM_SUITES) haswell penryn
	$(VM_RUN) $(VM_SUITES) $(VM_CAPS) --suite qemu opteron-g3
	$(VM_RUN) $(VM_SUITES) --suite end-to-end --suite qemu epyc-milan

# The package on a whole Debian with a systemd of its own; Tests/System/README.md says what is done. Needs root.
test-system: deb
	$(SYSTEM_RUN) container

# The same with Debian's kernel and real kvm_amd, on an emulated host; needs no /dev/kvm, and some minutes.
test-system-vm: deb
	$(SYSTEM_RUN) vm

SYSTEM_RUN = $(if $(filter 0,$(shell id -u)),,sudo) python3 Tests/System/run.py --deb "$$(ls $(DEB)/cpumodeld_*.deb)"

lint: swift-present
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

format: swift-present
	$(SWIFT) format format --in-place --recursive --parallel Package.swift Sources Tests

run: build
	@Tests/Demo/run $(BIN)

# As it is installed, or the next installation would have to link anew.
bench: requirements
	$(SWIFT) build -c release --static-swift-stdlib
	@python3 Tests/Benchmarks/run.py .build/release --json .build/figures.json

# What `make test` does for seconds, for as long as it takes to believe it: ten minutes of load over a thousand connections,
# ten million notifications, and a thousand kills of each kind. Another number of seconds: make soak SOAK_SECONDS=60.
SOAK_SECONDS ?= 600
SOAK_KILLS ?= 1000

soak: requirements
	$(SWIFT) build -c release --static-swift-stdlib
	CPUMODELD_BIN_DIR=.build/release CPUMODELD_TEST_TIMEOUT=36000 \
	    CPUMODELD_LOAD_SECONDS=$(SOAK_SECONDS) CPUMODELD_LOAD_CONNECTIONS=1000 \
	    CPUMODELD_NOTIFICATIONS=10000000 CPUMODELD_KILLS=$(SOAK_KILLS) \
	    python3 Tests/EndToEnd/run.py -k test_load -k test_fault -k test_kill

# Not part of `make test`, which checks the fuzzers' corpora: every input that was ever a find. Tests/Fuzz/README.md has more.
fuzz:
	$(MAKE) -C Tests/Fuzz run

# All unit tests, and whole programs, where data races, memory errors, leaks and (in C) undefined behaviour are fatal. Each
# sanitizer is a build of its own.
SANITIZERS ?= thread address

sanitize: $(SANITIZERS:%=sanitize-%)

sanitize-%: export LSAN_OPTIONS := suppressions=$(CURDIR)/Tests/LeakSanitizer.supp:print_suppressions=0
sanitize-%: export TSAN_OPTIONS := suppressions=$(CURDIR)/Tests/ThreadSanitizer.supp
# In Swift, overflow and bounds are checked anyway.
UNDEFINED := -Xcc -fsanitize=undefined -Xcc -fno-sanitize-recover=undefined

# Without K29, whose other process shares this one's memory: ThreadSanitizer's does not live through that. And without the largest
# texts, which take a quarter of an hour then, and no other thread takes part in.
sanitize-%: requirements
	$(SWIFT) test --skip '\bk29|repetitionIsNotRead|linesMayBeLarge' --sanitize=$* $(if $(filter address,$*),$(UNDEFINED)) --scratch-path .build/$*
	$(MAKE) --no-print-directory BIN=.build/$*/debug .build/$*/debug/libcpumodel-preload.so lib
	CPUMODELD_SANITIZER=$* CPUMODELD_BIN_DIR=.build/$*/debug CPUMODELD_TEST_PATIENCE=4 CPUMODELD_TEST_TIMEOUT=600 \
	    python3 Tests/EndToEnd/run.py

clean:
	$(SWIFT) package clean
	rm -rf $(DELIVERY)

include systemd/install.mk
