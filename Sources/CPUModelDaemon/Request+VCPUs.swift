// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSON
import JSONRPC
import KVM
import Reactor

extension Request {
    /// The descriptors as vCPUs, each once.
    @ReactorActor
    func vcpus() throws(APIError) -> [VCPUDescriptor] {
        var vcpus: [VCPUDescriptor] = []
        vcpus.reserveCapacity(descriptors.count)
        for (index, descriptor) in descriptors.enumerated() {
            do throws(NotAVCPU) {
                vcpus.append(try VCPUDescriptor(identifying: descriptor))
            } catch {
                throw APIError(
                    .badDescriptor, "Descriptor \(index) is not a KVM vCPU: it is \(error.found).",
                    data: ["index": .integer(Int64(index)), "found": .string(error.found)])
            }
        }
        var indices: [UInt32: Int] = [:]
        for (index, vcpu) in vcpus.enumerated() {
            if let earlier = indices.updateValue(index, forKey: vcpu.id) {
                let found = "vCPU \(vcpu.id), as descriptor \(earlier)"
                throw APIError(
                    .badDescriptor,
                    "Descriptors \(earlier) and \(index) are both vCPU \(vcpu.id): "
                        + "the same one twice, or those of two VMs.",
                    data: ["index": .integer(Int64(index)), "found": .string(found)])
            }
        }
        return vcpus
    }
}
