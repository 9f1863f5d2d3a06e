#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has models applied with feature MSRs that KVM refuses on the second of two vCPUs, and takes on the first.

This process owns the VM. The verdict must name each MSR that was refused, on that vCPU alone. By the
policy "fail" every vCPU must then have the table and the MSRs that it had before, by "accept" those that
KVM took.

That vCPU is in VMX operation, where it keeps its VMX capability MSRs (Linux, vmx_set_vmx_msr), while others
can be written.
"""

import fcntl
import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "EndToEnd"))

import cpumodel  # noqa: E402
import kvm  # noqa: E402
import trials  # noqa: E402
from vmx import GOOD, WRITTEN, numbers, read_msrs  # noqa: E402

MODEL = "Haswell-noTSX-IBRS,+vmx,+arch-capabilities,+rdctl-no"
TAKEN = (0x10A,)  # IA32_ARCH_CAPABILITIES
KVM_SET_NESTED_STATE, NESTED_STATE_SIZE = 0x4080AEBF, 128
ALTERED = -32011
NONE = (1 << 64) - 1
VMXON_AT = 0x2000  # nothing is there: only the vCPU's state says so
REFUSING = 1  # this vCPU


def enter_vmx_operation(vcpu):
    """As a VMM does that gives a vCPU the state of one whose guest has executed VMXON."""
    state = bytearray(struct.pack("<HHIQQ", 0, 0, NESTED_STATE_SIZE, VMXON_AT, NONE).ljust(NESTED_STATE_SIZE, b"\0"))
    fcntl.ioctl(vcpu, KVM_SET_NESTED_STATE, state, True)


class Trial:
    """One policy on a VM of its own."""

    def __init__(self, daemon, policy):
        self.faults, self.named = [], {}
        with kvm.VM(2) as vm, daemon.connect() as connection:
            for vcpu in vm.vcpus:  # without a table that has VMX its MSRs are not there
                kvm.set_cpuid2(vcpu, kvm.supported_cpuid())
            enter_vmx_operation(vm.vcpus[REFUSING])
            self.wanted = numbers(connection.call("model.expand", {"model": MODEL})["featureMSRs"])
            tables, untouched = vm.tables(), self.msrs(vm)
            request = {"name": "refused", "model": MODEL, "unavailable": "drop", "altered": policy}
            try:
                result = connection.call("vm.apply", request, vm.vcpus)
            except cpumodel.RPCError as error:
                result = self.error(error, policy)
            else:
                self.need(policy == "accept", "it was applied")
            self.check_report(result)
            if policy == "fail":
                self.need(vm.tables() == tables, "the tables are not those from before")
                self.need(self.msrs(vm) == untouched, f"the MSRs are not those from before: {self.msrs(vm)}")
                self.need(not connection.call("vm.list")["vms"], "the VM is listed")
            else:
                self.check_values(self.msrs(vm), untouched)
                self.check_record(connection, daemon, vm, result)
        self.result = result

    def need(self, condition, text):
        if not condition:
            self.faults.append(text)

    def msrs(self, vm):
        """Of each vCPU, what can be read of the model's MSRs."""
        return [read_msrs(vcpu, self.wanted) for vcpu in vm.vcpus]

    def error(self, error, policy):
        self.need(policy == "fail", f"it was not applied: {error}")
        self.need(error.code == ALTERED, f"the error is {error}")
        self.need((error.data or {}).get("restored") is True, f"not everything is said to be restored: {error}")
        return error.data or {}

    def check_report(self, report):
        """The vCPU that refuses is named, with exactly the MSRs that it has otherwise than they should be."""
        vcpus, sets = report.get("vcpus", []), report.get("differenceSets", [])
        if len(vcpus) != 2:
            return self.faults.append(f"the report has not two vCPUs: {json.dumps(report)}")
        self.need(vcpus[0]["verdict"] in GOOD, f"vCPU 0 is {vcpus[0]['verdict']}: {json.dumps(sets)}")
        self.need(vcpus[REFUSING]["verdict"] == "altered", f"vCPU {REFUSING} is {vcpus[REFUSING]['verdict']}")
        differences = sets[vcpus[REFUSING]["differenceSet"]] if vcpus[REFUSING]["differenceSet"] is not None else []
        refused = [one for one in differences if "msr" in one]
        named = {int(one["msr"], 16): (int(one["want"], 16), int(one["got"], 16)) for one in refused}
        self.need(named and set(named) <= set(WRITTEN), f"the MSRs named are {sorted(map(hex, named))}")
        others = [one for one in differences if "msr" not in one and one["class"] != "runtime"]
        self.need(not others, f"the table is said to differ: {json.dumps(others)}")
        self.named = named
        for index, (want, got) in named.items():
            self.need(want == self.wanted[index] != got, f"MSR {index:#x}: asked for {want:#x}, and it is {got:#x}")

    def check_values(self, after, untouched):
        """What was taken is there, and what was refused is as it is said to be.

        That need not be what it was before: a table decides on bits of 0x48B too (Linux,
        vmx_adjust_secondary_exec_control).
        """
        for index, value in self.wanted.items():
            self.need(after[0].get(index) == value, f"vCPU 0: MSR {index:#x} is {after[0].get(index)}, not {value}")
        for index in TAKEN:
            value = after[REFUSING].get(index)
            self.need(value == self.wanted[index], f"MSR {index:#x} was not taken: {value}")
            self.need(value != untouched[REFUSING].get(index), f"MSR {index:#x} was {value} before: nothing shows")
        for index, (want, got) in self.named.items():
            value = after[REFUSING].get(index)
            self.need(value == got != want, f"MSR {index:#x} was refused, and is {value}")

    def check_record(self, connection, daemon, vm, result):
        """What was accepted is no drift, though the vCPUs have not the same."""
        agent = cpumodel.Agent(result, vm.vcpus, daemon.socket_path)
        try:
            self.need(agent.wait(60), "the agent was not attached")
            found = connection.call("vm.verify", {"vm": "refused"})
            self.need(found["asRecorded"] == 1, f"it is said to have drifted: {json.dumps(found)}")
        finally:
            agent.close()


def all_policies(daemon):
    for policy in ("fail", "accept"):
        trial = Trial(daemon, policy)
        named = ", ".join(f"{index:#x}" for index in sorted(trial.named))
        summary = f"{named} refused and named, {len(trial.wanted)} taken by the other vCPU"
        record = {"model": f"refused {policy}", "report": trial.result}
        yield trials.Outcome(policy, trial.faults, summary, record)


if __name__ == "__main__":
    sys.exit(trials.run(all_policies))
