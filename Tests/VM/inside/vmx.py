#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives VMs the VMX capability MSRs of models, and reads them back as the VM's owner.

    vmx.py [MODEL]...

For each model: this process makes a VM and has the model applied, and then once more with one feature of VMX less. The verdict must be `exact` or `runtime`; each MSR, read by KVM_GET_MSRS from the vCPUs, must be
what the daemon computes for the model on this host, lie within what KVM offers, and have for each feature of VMX in the
model its bit, and none for those that it has not.
"""

import fcntl
import json
import pathlib
import re
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "EndToEnd"))

import kvm  # noqa: E402
import trials  # noqa: E402

MODELS = ("host", "Nehalem", "Haswell-noTSX-IBRS", "Skylake-Client-v3")
LESS = "vmx-vpid"
KVM_GET_MSRS = 0xC008AE88
GOOD = ("exact", "runtime")
# Those that KVM lets be written; the others it derives from them (Linux, vmx_set_vmx_msr).
WRITTEN = (0x480, 0x485, *range(0x48A, 0x492))
CONTROLS = (0x48B, 0x48D, 0x48E, 0x48F, 0x490)  # low half: must be 1; high half: may be 1
CAPABILITIES = (0x48C, 0x491)
# Memory types of EPT are the host's.
OF_THE_HOST = {"vmx-ept-uc", "vmx-ept-wb"}
LOW_HALF = 0xFFFF_FFFF
FEATURES = pathlib.Path(__file__).resolve().parents[3] / "Sources/CFeatureRegistry/features.list"


def feature_bits(path=FEATURES):
    """MSR and bit of each feature of VMX."""
    found, msr, high = {}, None, 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = re.match(r"\[msr (0x[0-9A-F]+)( high)?\]", line)
            msr, high = (int(section[1], 16), 32 if section[2] else 0) if section else (None, 0)
        entry = re.match(r" *(\d+) +(vmx-\S+)", line)
        if entry and msr is not None:
            found[entry[2]] = (msr, int(entry[1]) + high)
    return found


def read_msrs(vcpu, indices):
    """Values by index, of those that KVM gives."""
    values = {}
    for index in indices:
        msrs = bytearray(struct.pack("<IIIIQ", 1, 0, index, 0, 0))
        if fcntl.ioctl(vcpu, KVM_GET_MSRS, msrs, True) == 1:
            values[index] = struct.unpack_from("<Q", msrs, 16)[0]
    return values


def numbers(msrs):
    return {int(index, 16): int(value, 16) for index, value in msrs.items()}


class Trial:
    """A model on a VM of two vCPUs that this process owns."""

    def __init__(self, daemon, expression, vm):
        self.expression, self.faults = expression, []
        with daemon.connect() as client:
            self.expanded = client.call("model.expand", {"model": expression})
            self.offered = numbers(client.call("host.describe")["featureMSRs"])
            request = {"name": "vmx", "model": expression, "unavailable": "drop", "replace": True}
            self.result = client.call("vm.apply", request, vm.vcpus)
        self.values = [read_msrs(vcpu, WRITTEN) for vcpu in vm.vcpus]
        self.check()

    def fault(self, text):
        self.faults.append(f"{self.expression}: {text}")

    def check(self):
        if self.result["verdict"] not in GOOD:
            self.fault(f"verdict {self.result['verdict']}: {json.dumps(self.result['differenceSets'])}")
        computed = numbers(self.expanded["featureMSRs"])
        if not set(computed) & set(WRITTEN):
            self.fault("the daemon computes no VMX capability MSR")
        for vcpu, values in enumerate(self.values):
            for index, value in values.items():
                if index in computed and value != computed[index]:
                    self.fault(f"vCPU {vcpu}: MSR {index:#x} is {value:#018x}; computed is {computed[index]:#018x}")
                if not self.is_offered(index, value):
                    self.fault(f"vCPU {vcpu}: MSR {index:#x} is {value:#018x}; KVM offers {self.offered[index]:#018x}")
        self.check_features()

    def is_offered(self, index, value):
        offered = self.offered[index]
        if index in CONTROLS:
            return not (value >> 32 & ~(offered >> 32) or offered & LOW_HALF & ~value)
        return index not in CAPABILITIES or not value & ~offered

    def check_features(self):
        features = set(self.expanded["features"])
        for name, (msr, bit) in feature_bits().items():
            value = self.values[0].get(msr)
            if value is None:
                continue
            has, wanted = bool(value >> bit & 1), name in features
            if wanted and not has:
                self.fault(f"MSR {msr:#x} lacks bit {bit}, {name}, which the model has")
            if has and not wanted and name not in OF_THE_HOST and not self.is_fixed(msr, bit):
                self.fault(f"MSR {msr:#x} has bit {bit}, {name}, which the model has not")

    def is_fixed(self, msr, bit):
        """Whether it is a control that must be 1: it may be 1 too then, whatever the model says."""
        return msr in CONTROLS and bool(self.values[0][msr] >> (bit - 32) & 1)

    def summary(self):
        kinds = sum(name in feature_bits() for name in self.expanded["features"])
        return f"{self.result['verdict']}, {len(self.values[0])} MSRs read back, {kinds} features of VMX"


def try_model(daemon, model):
    """The model, and the model with less: the faults of both, and what there is to say."""
    with kvm.VM(2) as vm:
        untouched = read_msrs(vm.vcpus[0], WRITTEN)
        whole = Trial(daemon, f"{model},+vmx", vm)
        less = Trial(daemon, f"{model},+vmx,-{LESS}", vm)
        faults = whole.faults + less.faults
        if whole.values == less.values:
            faults.append(f"without {LESS} the MSRs are the same")
        if model != "host" and whole.values[0] == untouched:
            faults.append("the MSRs are those that KVM gives every vCPU: nothing shows that they were written")
    msrs = {f"{index:#x}": f"{value:#018x}" for index, value in whole.values[0].items()}
    return trials.Outcome(model, faults, whole.summary(), {"model": f"vmx {model}", "msrs": msrs})


def all_models(daemon):
    for model in sys.argv[1:] or MODELS:
        yield try_model(daemon, model)


if __name__ == "__main__":
    sys.exit(trials.run(all_models))
