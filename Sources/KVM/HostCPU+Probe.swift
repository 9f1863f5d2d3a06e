// SPDX-License-Identifier: Apache-2.0

import CKVM
public import Descriptors
import Glibc
public import X86CPU

extension HostCPU {
    /// Asks this host's KVM, CPU and kernel.
    public static func probe(devicePath: String = "/dev/kvm") throws(SystemError) -> HostCPU {
        let device = try KVMDevice(path: devicePath)
        let native = nativeCPUID()
        let supported = try device.supportedCPUID()
        let identity = Identity(
            vendor: CPUVendor(table: supported) ?? CPUVendor(table: native) ?? .intel,
            signature: CPUSignature(eax: native.value(1, 0, .eax)), brand: brand(of: native),
            microcode: microcodeRevision(), kernel: kernelRelease(), module: vendorModule())
        return HostCPU(
            identity: identity, supported: supported, emulated: try device.emulatedCPUID(), native: native,
            hyperV: device.hyperVCPUID(), featureMSRs: try device.featureMSRs(), capabilities: device.capabilities())
    }

    /// What the CPUID instruction returns here: every leaf of every range, and the subleaves of those that have them.
    private static func nativeCPUID() -> CPUIDTable {
        var table = CPUIDTable()
        for range in [UInt32(0), 0x4000_0000, 0x8000_0000] {
            let highest = ckvm_native_cpuid(range, 0).eax
            guard highest >= range, highest - range < 0x100 else { continue }
            for leaf in range...highest { table.append(contentsOf: nativeEntries(of: leaf)) }
        }
        return table
    }

    private static func nativeEntries(of leaf: UInt32) -> [CPUIDEntry] {
        func entry(_ subleaf: SubleafMatch) -> CPUIDEntry {
            let registers = ckvm_native_cpuid(leaf, subleaf.index)
            return CPUIDEntry(
                leaf, subleaf, eax: registers.eax, ebx: registers.ebx, ecx: registers.ecx, edx: registers.edx)
        }
        let first = entry(.exact(0))
        switch leaf {
        case 4, 0x8000_001D:
            return Array((0..<16).map { entry(.exact($0)) }.prefix { $0.eax & 0x1F != 0 })
        case 7, 0x14, 0x17, 0x18, 0x1D, 0x1E, 0x20, 0x24:
            return (0...min(first.eax, 31)).map { entry(.exact($0)) }
        case 0xB, 0x1F, 0x8000_0026:
            return Array((0..<8).map { entry(.exact($0)) }.prefix { $0.ecx >> 8 & 0xFF != 0 })
        case 0xD:
            return [first, entry(.exact(1))] + (2..<63).map { entry(.exact($0)) }.filter { !$0.isZero }
        case 0xF, 0x10, 0x12:
            return (0..<4).map { entry(.exact($0)) }.filter { !$0.isZero || $0.subleaf == .exact(0) }
        default:
            return [entry(.any)]
        }
    }

    private static func brand(of table: CPUIDTable) -> String {
        let bytes = (UInt32(0x8000_0002)...0x8000_0004).flatMap { leaf in
            CPUIDRegister.allCases.flatMap { register in
                (0..<4).map { UInt8(truncatingIfNeeded: table.value(leaf, 0, register) >> ($0 * 8)) }
            }
        }
        let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        return text.split(separator: " ").joined(separator: " ")
    }

    private static func kernelRelease() -> String {
        firstLine(of: "/proc/sys/kernel/osrelease")
    }

    /// In a VM the revision is not in sysfs, so it is taken from /proc/cpuinfo.
    private static func microcodeRevision() -> UInt32 {
        let lines = contents(of: "/proc/cpuinfo", limit: 8192).split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("microcode") }),
            let digits = line.split(separator: "x").last
        else { return 0 }
        return UInt32(digits, radix: 16) ?? 0
    }

    private static func vendorModule() -> String {
        ["kvm_intel", "kvm_amd", "kvm_pvm"].first { unsafe access("/sys/module/\($0)", F_OK) == 0 } ?? ""
    }

    private static func firstLine(of path: String) -> String {
        contents(of: path, limit: 256).split(separator: "\n").first.map(String.init) ?? ""
    }

    private static func contents(of path: String, limit: Int) -> String {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = max(0, unsafe read(file, buffer.baseAddress, limit))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
