# SPDX-License-Identifier: Apache-2.0
"""The tests' own judgement of a read-back, made without the daemon's help."""

REGISTERS = ("eax", "ebx", "ecx", "edx")
KVM_SIGNATURE = (0x4B4D564B, 0x564B4D56, 0x4D)
SIGNIFICANT_INDEX = 1

# What KVM keeps up to date while the guest runs, as (leaf, subleaf, register): mask.
RUNTIME = {
    (0x1, 0, "ecx"): 1 << 27 | 1 << 3,  # OSXSAVE, MWAIT
    (0x1, 0, "edx"): 1 << 9,  # APIC
    (0x7, 0, "ecx"): 1 << 4,  # OSPKE
    (0xD, 0, "ebx"): 0xFFFFFFFF,  # size of the XSAVE area for XCR0
    (0xD, 1, "ebx"): 0xFFFFFFFF,  # the same, compacted, with XSS
}
PV_UNHALT = 1 << 7


def find(table, leaf, subleaf=0):
    """The entry that answers (leaf, subleaf), as KVM looks it up: the first that matches."""
    for entry in table:
        if entry.leaf == leaf and (entry.subleaf == subleaf or not entry.flags & SIGNIFICANT_INDEX):
            return entry
    return None


def differences(want, got):
    """{(leaf, subleaf, register): (want, got)}; register is None where a whole entry came or went."""
    result = {}
    wanted, gotten = _by_index(want), _by_index(got)
    for index, entry in wanted.items():
        other = gotten.get(index)
        if other is None:
            result[*index, None] = ("present", "absent")
            continue
        for register in REGISTERS:
            a, b = getattr(entry, register), getattr(other, register)
            if a != b:
                result[*index, register] = (a, b)
    for index in gotten.keys() - wanted.keys():
        result[*index, None] = ("absent", "present")
    return result


def verdict(want, got):
    found = differences(want, got)
    if not found:
        return "exact"
    runtime = dict(RUNTIME)
    for entry in want:
        if entry.leaf & 0xFFFF00FF == 0x40000000 and (entry.ebx, entry.ecx, entry.edx) == KVM_SIGNATURE:
            runtime[entry.leaf | 1, 0, "eax"] = PV_UNHALT
    for place, (a, b) in found.items():
        if place[2] is None or (a ^ b) & ~runtime.get(place, 0):
            return "altered"
    return "runtime"


def described(difference_set):
    """A difference set of vm.apply in the form of `differences`; AssertionError if it contradicts itself."""
    result = {}
    for item in difference_set:
        leaf, subleaf = int(item["leaf"], 16), int(item["subleaf"], 16)
        if item["class"] in ("droppedLeaf", "addedLeaf"):
            gone = item["class"] == "droppedLeaf"
            result[leaf, subleaf, None] = ("present", "absent") if gone else ("absent", "present")
            continue
        a, b = int(item["want"], 16), int(item["got"], 16)
        for bit in (named["bit"] for named in item.get("bits", ())):
            if (a ^ b) >> bit & 1 == 0:
                raise AssertionError(f"bit {bit} is named but does not differ: {item}")
        place = leaf, subleaf, item["register"]
        # Where KVM also forced bits of a register that follows the state, those items begin with what was predicted.
        if place not in result or item["class"] == "runtime":
            result[place] = (a, b)
    return result


def _by_index(table):
    entries = {}
    for entry in table:
        entries.setdefault((entry.leaf, entry.subleaf), entry)
    return entries
