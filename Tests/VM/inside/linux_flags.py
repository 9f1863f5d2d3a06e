# SPDX-License-Identifier: Apache-2.0
"""What a Linux guest writes behind `flags` in /proc/cpuinfo, worked out from the features of its CPU.

Which bit has which flag is in the list of features, where `linux` means the flag, and so is which feature Linux takes
away with which (`needs=...:linux`). Linux then adds flags that are no bit of CPUID, and some for bits that are not
there. Each of these is a rule of its own here, with its place in Linux' sources, below arch/x86/kernel.
"""

import dataclasses
import pathlib
import re

FEATURES = pathlib.Path(__file__).resolve().parents[3] / "Sources/CFeatureRegistry/features.list"
THE_MODEL = "the model has it"


@dataclasses.dataclass(frozen=True)
class Feature:
    """A bit of CPUID: its flag, if it has one, and what Linux says it needs; one of each tuple is enough."""

    flag: str | None
    needs: tuple[tuple[str, ...], ...]


def features(path=FEATURES):
    """Every feature by its name."""
    found, in_cpuid = {}, False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            in_cpuid = line.startswith("[cpuid ")
        entry = re.match(r" *\d+ +(\S+)(.*)", line)
        if entry and in_cpuid:
            found[entry[1]] = Feature(flag(entry[1], entry[2].split()), tuple(needs(entry[2].split())))
    return found


def flag(name, items):
    for item in items:
        if item == "linux" or item.startswith("linux="):
            return item.partition("=")[2].split(",")[0] or name
    return None


def needs(items):
    for item in items:
        kind, _, value = item.partition("=")
        alternatives, _, sources = value.partition(":")
        if kind == "needs" and "linux" in sources.split(","):
            yield tuple(alternatives.split("|"))


def without(lost, names, known):
    """These features without one, and without what Linux takes away with it (cpu/cpuid-deps.c)."""
    left = set(names) - {lost}
    while True:
        orphans = {name for name in left for some in known[name].needs if not left & set(some)}
        if not orphans:
            return left
        left -= orphans


@dataclasses.dataclass(frozen=True)
class Guest:
    """What the rules depend on: CPUID's vendor, family, highest leaf and features, and the guest's kernel."""

    vendor: str
    family: int
    level: int
    features: frozenset[str]
    kernel: tuple[int, int]

    @property
    def amd(self):
        return self.vendor in ("AuthenticAMD", "HygonGenuine")

    @property
    def intel(self):
        return self.vendor == "GenuineIntel"

    def has(self, *names):
        return any(name in self.features for name in names)


def always(_):
    return True


def on_amd(guest):
    return guest.amd


def has_amd_apic(guest):
    # Before family 0x17 a bit of a PCI device says it; where there is no such device, as in a VM, all its bits are set.
    return guest.amd and guest.has("apic")


def tells_topology(guest):
    # QEMU always gives leaf 0xB. Of AMD's CPUs Linux reads it so since 6.9.
    return guest.level >= 0xB and (guest.intel or guest.kernel >= (6, 9))


def has_any(*names):
    return lambda guest: guest.has(*names)


ADDED = (
    ("cpuid", always, "cpu/common.c, early_identify_cpu: there is CPUID"),
    ("nopl", always, "cpu/common.c, early_identify_cpu: every 64-bit CPU has NOPL"),
    ("rep_good", lambda guest: guest.amd and guest.family >= 0x10, "cpu/amd.c, early_init_amd"),
    ("rep_good", lambda guest: guest.intel and guest.family == 6, "cpu/intel.c, init_intel"),
    ("vmmcall", on_amd, "cpu/amd.c, early_init_amd: which of the two hypercall instructions there is"),
    ("extd_apicid", has_amd_apic, "cpu/amd.c, early_init_amd: APIC ids have eight bits"),
    ("3dnowprefetch", lambda guest: guest.amd and guest.has("lm", "3dnow"), "cpu/amd.c, init_amd: LM implies it"),
    ("xtopology", tells_topology, "cpu/topology.c, since 6.9 cpu/topology_ext.c: leaf 0xB is there"),
    ("tsc_known_freq", has_any("kvmclock", "kvmclock2"), "kvmclock.c, kvm_get_tsc_khz: KVM tells the frequency"),
    ("constant_tsc", has_any("invtsc"), "cpu/amd.c, cpu/intel.c: 0x80000007.EDX[8]"),
    ("nonstop_tsc", has_any("invtsc"), "cpu/amd.c, cpu/intel.c: 0x80000007.EDX[8]"),
    ("ospke", has_any("pku"), "cpu/common.c, setup_pku: CR4.PKE is set"),
    # Intel's bits and AMD's, which have no flags of their own, are one flag.
    ("ibrs", has_any("spec-ctrl", "ibrs"), "cpu/common.c, init_speculation_control"),
    ("ibpb", has_any("spec-ctrl", "ibpb"), "cpu/common.c, init_speculation_control"),
    ("stibp", has_any("stibp", "amd-stibp"), "cpu/common.c, init_speculation_control"),
    ("ssbd", has_any("ssbd", "amd-ssbd", "virt-ssbd"), "cpu/common.c, init_speculation_control"),
)  # fmt: skip


def predict(guest, lost=None):
    """The guest's flags, each with the reason for it.

    `lost` is a feature that the guest's kernel has said it does without.
    """
    known = features()
    left = without(lost, guest.features, known) if lost else guest.features
    flags = {known[name].flag: THE_MODEL for name in left if name in known and known[name].flag}
    for name, when, why in ADDED:
        if when(guest):
            flags.setdefault(name, why)
    return flags
