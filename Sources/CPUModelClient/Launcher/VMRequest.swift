// SPDX-License-Identifier: Apache-2.0

import CCPUModelClient
public import CPUModelAPI
public import GuestCPU
public import JSON

/// Which CPU the vCPUs of a VM are to get. What is left at its default is left to the daemon.
public struct VMRequest: Sendable {
    /// Name of the VM, unique on this host.
    public var name: String
    /// Model expression: `EPYC-Milan-v2,-svm,+invtsc`, or `host`, or `max`.
    public var model: String
    /// nil: one socket, and a core a vCPU.
    public var topology: Topology?
    /// x2APIC id of each vCPU. nil: the ids given to KVM_CREATE_VCPU.
    public var apicIDs: [UInt32]?
    /// Guest physical address width. nil: the host's.
    public var physicalAddressBits: UInt32?
    /// What to do about features that the model names and this host cannot give.
    public var unavailable: UnavailablePolicy
    /// What to do when KVM changed the table.
    public var altered: AlteredPolicy
    /// Whether to take the name over from a VM of the same user.
    public var replace: Bool
    /// Whether the vCPUs come to those of a VM that this process has registered by that name.
    public var join: Bool
    /// Further parameters of `vm.apply`, such as `["pmu": true]`. One that a property above gives as well is an error.
    public var parameters: JSONObject

    /// A request for this model.
    public init(
        name: String, model: String, topology: Topology? = nil, apicIDs: [UInt32]? = nil,
        physicalAddressBits: UInt32? = nil, unavailable: UnavailablePolicy = .fail, altered: AlteredPolicy = .fail,
        replace: Bool = false, join: Bool = false, parameters: JSONObject = JSONObject()
    ) {
        self.name = name
        self.model = model
        self.topology = topology
        self.apicIDs = apicIDs
        self.physicalAddressBits = physicalAddressBits
        self.unavailable = unavailable
        self.altered = altered
        self.replace = replace
        self.join = join
        self.parameters = parameters
    }

    /// Lends the request out as libcpumodel has it.
    @unsafe func withVM<Result>(
        vcpus: [CInt], count: Int, _ body: (UnsafePointer<cpumodel_vm>) -> Result
    ) -> Result {
        unsafe name.withCString { name in
            unsafe model.withCString { model in
                unsafe parametersText.withCString { parameters in
                    unsafe vcpus.withUnsafeBufferPointer { vcpus in
                        unsafe (apicIDs ?? []).withUnsafeBufferPointer { ids in
                            var vm = unsafe cpumodel_vm()
                            unsafe vm.name = name
                            unsafe vm.model = model
                            unsafe vm.parameters = parameters
                            unsafe vm.vcpu_fds = vcpus.baseAddress
                            unsafe vm.vcpu_count = UInt32(clamping: count)
                            unsafe vm.apic_ids = apicIDs == nil ? nil : ids.baseAddress
                            unsafe fill(&vm)
                            return unsafe body(&vm)
                        }
                    }
                }
            }
        }
    }

    private var parametersText: String {
        var writer = JSONWriter()
        parameters.write(to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func fill(_ vm: inout cpumodel_vm) {
        if let topology {
            unsafe vm.topology = cpumodel_topology(
                sockets: topology.sockets, dies: topology.dies, modules: topology.modules, cores: topology.cores,
                threads: topology.threads)
        }
        unsafe vm.physical_address_bits = physicalAddressBits ?? 0
        unsafe vm.drop_unavailable = unavailable == .drop
        unsafe vm.accept_altered = altered == .accept
        unsafe vm.replace = replace
        unsafe vm.join = join
    }
}
