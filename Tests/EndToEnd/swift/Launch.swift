// SPDX-License-Identifier: Apache-2.0

import CKVM
import CPUModelAPI
import CPUModelClient
import Glibc
import GuestCPU
import JSON
import X86CPU

/// A launcher in Swift: it makes a VM, has cpumodeld give its vCPUs a model, lets the daemon read them, and detaches.
///
///     cpumodel-launch-swift SOCKET MODEL [accept]
@main
struct Launch {
    static let vcpuCount: UInt32 = 3

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else { exit(2) }
        do throws(LauncherError) {
            try await launch(
                socket: arguments[1], model: arguments[2], accept: arguments.dropFirst(3).first == "accept")
        } catch {
            say([
                "error": [
                    "code": .integer(Int64(error.code)), "kind": .string(error.kind), "data": .object(error.data),
                ]
            ])
            exit(1)
        }
    }

    static func launch(socket: String, model: String, accept: Bool) async throws(LauncherError) {
        let vcpus = VCPUDescriptors(owning: makeVCPUs())
        let daemon = try await LauncherConnection.connect(path: socket)
        let request = VMRequest(name: "swift", model: model, altered: accept ? .accept : .fail)
        let tables = try await daemon.compute(request, vcpuCount: vcpus.count)
        let vm = try await daemon.apply(request, to: vcpus)
        let agent = try VMAgent(of: vm, vcpus: vcpus, path: socket)
        let state = await agent.settled(within: .seconds(30))
        let caps = try await daemon.call(.vmCaps, ["vm": .string(vm.name), "source": "kernel", "deadlineMs": 30000])
        _ = consume agent
        try await daemon.detach(from: vm)
        say([
            "model": .string(vm.model), "verdict": .string(vm.verdict.rawValue), "stamp": .string(vm.stamp),
            "apicIds": .array(vm.vcpus.map { .integer(Int64($0.apicID)) }),
            "executor": vm.document["executor"] ?? .null,
            "agent": .string("\(state)"),
            "sources": .array((caps["vcpus"]?.arrayValue ?? []).map { $0.objectValue?["source"] ?? .null }),
            "computed": .array(tables.vcpus.map { .integer(Int64($0.cpuid.entries.count)) }),
            "computedStamp": .string(tables.stamp),
        ])
    }

    static func makeVCPUs() -> [CInt] {
        let device = unsafe ckvm_open("/dev/kvm")
        let vm = ckvm_create_vm(device)
        guard vm >= 0, ckvm_create_irqchip(vm) == 0 else { exit(3) }
        return (0..<vcpuCount).map { ckvm_create_vcpu(vm, $0) }
    }

    static func say(_ object: JSONObject) {
        var writer = JSONWriter()
        object.write(to: &writer)
        print(String(decoding: writer.bytes, as: UTF8.self))
    }
}
