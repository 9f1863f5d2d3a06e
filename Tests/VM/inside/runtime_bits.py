# SPDX-License-Identifier: Apache-2.0
"""What CPUID must say after a guest has changed CR4, XCR0 and its APIC base.

Worked out here anew, from the state that the launcher reports, so that neither the daemon's
arithmetic nor KVM's is held against itself.
"""

REGISTERS = ("eax", "ebx", "ecx", "edx")
LEGACY_SIZE = 576  # the legacy region and the XSAVE header (Intel SDM volume 1, 13.4)


def with_bit(value, bit, on):
    return value & ~(1 << bit) | on << bit


class XSaveArea:
    """Sizes of XSAVE's area on this host, from the entries of KVM's leaf 0xD."""

    def __init__(self, entries):
        self.components = {entry.subleaf: entry for entry in entries if entry.leaf == 0xD and entry.subleaf >= 2}

    def standard(self, xcr0):
        ends = [entry.eax + entry.ebx for index, entry in self.components.items() if xcr0 >> index & 1]
        return max([LEGACY_SIZE, *ends])

    def compacted(self, xcr0):
        size = LEGACY_SIZE
        for index, entry in sorted(self.components.items()):
            if xcr0 >> index & 1:
                if entry.ecx & 2:  # the component begins at a multiple of 64
                    size = (size + 63) & ~63
                size += entry.eax
        return size


def answers(standing, source):
    """Four registers of each of the leaves: what the `guest` saw, or what the `table` says."""
    return {
        (int(one["leaf"], 16), int(one["subleaf"], 16)): {name: int(one[source][name], 16) for name in REGISTERS}
        for one in standing["cpuid"]
    }


def predict(first, standing, area, present):
    """The answers after a step, from those before the first and the state after it.

    Only leaves that the vCPU's table has are `present`. Another is answered by KVM's rule for leaves that are not
    there, which the launcher follows.
    """
    expected = {leaf: dict(registers) for leaf, registers in first.items()}
    cr4, xcr0, apic_base = (int(standing[name], 16) for name in ("cr4", "xcr0", "apicBase"))
    if (0x1, 0) in present:
        leaf = expected[0x1, 0]
        leaf["ecx"] = with_bit(leaf["ecx"], 27, cr4 >> 18 & 1)
        leaf["edx"] = with_bit(leaf["edx"], 9, apic_base >> 11 & 1)
    if (0x7, 0) in present:
        leaf = expected[0x7, 0]
        leaf["ecx"] = with_bit(leaf["ecx"], 4, cr4 >> 22 & 1)
    if (0xD, 0) in present:
        expected[0xD, 0]["ebx"] = area.standard(xcr0)
    if (0xD, 1) in present and expected[0xD, 1]["eax"] & 0b1010:  # XSAVEC or XSAVES
        expected[0xD, 1]["ebx"] = area.compacted(xcr0)
    return expected


def faults(standings, area):
    """Every way in which the steps of a guest did not end as predicted."""
    found = []
    if not standings:
        return ["the guest took no step"]
    first = answers(standings[0], "guest")
    present = {(int(one["leaf"], 16), int(one["subleaf"], 16)) for one in standings[0]["cpuid"] if one["present"]}
    for standing in standings:
        step = standing["step"]
        if standing["failure"]:
            found.append(f"{step}: {standing['failure']}")
            continue
        expected = predict(first, standing, area, present)
        for source in ("guest", "table"):
            for leaf, registers in answers(standing, source).items():
                if leaf not in present:
                    continue
                for name in REGISTERS:
                    if registers[name] != expected[leaf][name]:
                        found.append(
                            f"{step}: {leaf[0]:#x}.{leaf[1]} {name}: predicted {expected[leaf][name]:#010x}, "
                            f"the {source} has {registers[name]:#010x}"
                        )
    return found
