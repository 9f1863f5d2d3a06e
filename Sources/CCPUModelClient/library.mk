# SPDX-License-Identifier: Apache-2.0
#
# `make lib`: libcpumodel for launchers that SwiftPM does not build. To be included by the Makefile at the top.
#
# What an installation has of it: LIB_HEADER, LIB_STATIC, LIB_SHARED (the file), LIB_LINKS (the symbolic links to it), and LIB_PC,
# which is made anew for each PREFIX, LIBDIR and INCLUDEDIR.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include

LIB_DIR := Sources/CCPUModelClient
LIB_VERSION := $(shell sed -n 's/.*static let version = "\(.*\)"/\1/p' Sources/CPUModelDaemon/Daemon.swift)
LIB_SONAME := libcpumodel.so.$(firstword $(subst ., ,$(LIB_VERSION)))
LIB_HEADER := $(LIB_DIR)/include/cpumodel.h
LIB_STATIC := $(BIN)/libcpumodel.a
LIB_SHARED := $(BIN)/libcpumodel.so.$(LIB_VERSION)
LIB_LINKS := $(BIN)/$(LIB_SONAME) $(BIN)/libcpumodel.so
LIB_PC := $(BIN)/libcpumodel.pc

LIB_C_FLAGS := -std=gnu2x -Wall -Wextra -Werror -O2 -g -fPIC -fvisibility=hidden -pthread $(CFLAGS)
LIB_OBJECTS_DIR := $(BIN)/libcpumodel.build
LIB_OBJECTS := $(patsubst $(LIB_DIR)/%.c,$(LIB_OBJECTS_DIR)/%.o,$(wildcard $(LIB_DIR)/*.c))

.PHONY: lib always

lib: $(LIB_STATIC) $(LIB_SHARED) $(LIB_LINKS) $(LIB_PC)

$(LIB_OBJECTS_DIR)/%.o: $(LIB_DIR)/%.c
	@mkdir -p $(@D)
	$(CC) $(LIB_C_FLAGS) -MMD -I$(LIB_DIR)/include -c -o $@ $<

-include $(LIB_OBJECTS:.o=.d)

# One object with the public names only: what is the library's own must not meet a launcher's names.
$(LIB_STATIC): $(LIB_OBJECTS)
	$(CC) -r -nostdlib -o $(LIB_OBJECTS_DIR)/all $(LIB_OBJECTS)
	$(OBJCOPY) --localize-hidden $(LIB_OBJECTS_DIR)/all $(LIB_OBJECTS_DIR)/libcpumodel.o
	$(RM) $@
	$(AR) rcs $@ $(LIB_OBJECTS_DIR)/libcpumodel.o

OBJCOPY ?= objcopy

$(LIB_SHARED): $(LIB_OBJECTS) $(LIB_DIR)/cpumodel.map
	$(CC) $(LIB_C_FLAGS) $(LDFLAGS) -shared -o $@ $(LIB_OBJECTS) -Wl,-soname,$(LIB_SONAME) -Wl,-z,now,-z,relro,-z,defs \
	    -Wl,--version-script=$(LIB_DIR)/cpumodel.map

$(LIB_LINKS): $(LIB_SHARED)
	ln -sf $(<F) $@

# A directory below the prefix is written so that pkg-config can move it.
LIB_BELOW = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))

$(LIB_PC): always
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(call LIB_BELOW,$(LIBDIR))|' -e 's|@VERSION@|$(LIB_VERSION)|' \
	    -e 's|@INCLUDEDIR@|$(call LIB_BELOW,$(INCLUDEDIR))|' $(LIB_DIR)/libcpumodel.pc.in >$@.new
	@if cmp -s $@.new $@; then $(RM) $@.new; else mv $@.new $@; fi
