// SPDX-License-Identifier: Apache-2.0

import Glibc
import GuestCPU
import KVM
import KVMTestSupport
import Testing
import X86CPU

/// The KVM under test: what it is, and what of the assertions holds for it.
enum TestHost {
    static let isUsable = TestVM.isPossible
    static let unusable: Comment = "/dev/kvm cannot be opened"

    /// nil where /dev/kvm cannot be used, and no test here runs.
    private static let probed = isUsable ? try? HostCPU.probe() : nil

    static func cpu() throws -> HostCPU { try #require(probed) }
    static func rules() throws -> KVMRules { KVMRules(host: try cpu()) }

    /// Whether the vendor module is Linux's own. Only of those it is known that they keep a table as it was set.
    static let isMainline = isUsable && ["kvm_amd", "kvm_intel"].contains(probed?.identity.module)
    static let notMainline: Comment = "neither kvm_amd nor kvm_intel is loaded"

    static func module() throws -> String { try cpu().identity.module }

    /// Whether the kernel is that version or a later one, by its name alone.
    static func isLinux(_ major: Int, _ minor: Int) throws -> Bool {
        let numbers = try cpu().identity.kernel.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        try #require(numbers.count == 2)
        return (numbers[0], numbers[1]) >= (major, minor)
    }

    /// Whether feature MSRs are a matter of the guest's table: since the quirk STUFF_FEATURE_MSRS, of Linux 6.12.
    static func looksUpFeatureMSRs() throws -> Bool {
        try cpu().capabilities["DISABLE_QUIRKS2", default: 0] & 1 << 8 != 0
    }

    /// CPUID of this CPU itself.
    static func native(_ leaf: UInt32, _ subleaf: UInt32 = 0, _ register: CPUIDRegister) throws -> UInt32 {
        try cpu().native.value(leaf, subleaf, register)
    }

    /// A module's parameter, as sysfs has it; nil where there is none.
    static func parameter(_ name: String, of module: String) -> String? {
        line(of: "/sys/module/\(module)/parameters/\(name)")
    }

    static func line(of path: String) -> String? {
        let text = contents(of: path)
        return text.split(separator: "\n").first.map(String.init)
    }

    /// The whole of a file; empty where it cannot be read.
    static func contents(of path: String) -> String {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = unsafe read(file, &chunk, chunk.count), count > 0 { bytes += chunk.prefix(count) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Where a link leads; empty where it cannot be read.
    static func link(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = unsafe readlink(path, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
}

/// Waits until something has happened in another thread or process. The deadline only guards against hanging.
func wait(until condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(300)
    while try !condition() {
        try #require(ContinuousClock.now < deadline, "it has not happened in five minutes")
        usleep(1000)
    }
}
