// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON

/// What was applied to a VM, as it was read back.
public struct AppliedVM: Sendable {
    /// One vCPU.
    public struct VCPU: Sendable {
        /// The id given to KVM_CREATE_VCPU.
        public let vcpuID: UInt32
        /// Its x2APIC id.
        public let apicID: UInt32
        /// What KVM did with its table.
        public let verdict: Verdict
        /// Hash of what the guest can see of it.
        public let stamp: String
    }

    /// Name of the VM.
    public let name: String
    /// The model with its version, as resolved.
    public let model: String
    /// The worst verdict of the vCPUs.
    public let verdict: Verdict
    /// Hash of what the guest can see: guests with equal stamps are interchangeable.
    public let stamp: String
    /// Which request this is the result of: ``VMAgent`` and ``LauncherConnection/detach(from:)`` tell by it which VM is
    /// meant.
    public let requestID: String
    /// The vCPUs in topology order.
    public let vcpus: [VCPU]
    /// All of it as the daemon said it: the article Protocol of CPUModelAPI, `vm.apply`. The differences between what was
    /// asked for and what KVM has are in `differenceSets`.
    public let document: JSONObject

    init(reading document: JSONObject) throws(JSONShapeError) {
        var reader = ObjectReader(document, path: "result")
        name = try reader.string("vm")
        model = try reader.string("model")
        verdict = try reader.enumeration("verdict")
        stamp = try reader.string("stamp")
        requestID = try reader.string("requestId")
        vcpus = try reader.openObjects("vcpus") { vcpu throws(JSONShapeError) in try VCPU(reading: &vcpu) }
        self.document = document
    }
}

extension AppliedVM.VCPU {
    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        vcpuID = UInt32(try reader.integer("vcpuId", in: 0...Int64(UInt32.max)))
        apicID = UInt32(try reader.integer("apicId", in: 0...Int64(UInt32.max)))
        verdict = try reader.enumeration("verdict")
        stamp = try reader.string("stamp")
    }
}
