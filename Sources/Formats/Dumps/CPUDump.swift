// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What another program wrote down of a machine's CPUs, or of what its KVM offers.
public struct CPUDump: Sendable {
    /// The format that a dump is written in.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// `cpuid -r` of Todd Allen's program.
        case cpuid = "cpuid -r"
        /// Text with lines `CPUID 00000000: 00000016-756E6547-...`, as AIDA64, CPU-Z and InstLatx64 write it.
        case aida = "AIDA64"
        /// Text with lines `basic_cpuid[0]=...`, as libcpuid writes it.
        case libcpuid = "libcpuid"
        /// libvirt's `<cpudata>`.
        case cpudata = "libvirt cpudata"
        /// A Firecracker fingerprint: a template dump with what was known of the host around it.
        case fingerprint = "Firecracker fingerprint"
        /// What `cpu-template-helper template dump` writes: all of a guest's CPUID and MSRs.
        case templateDump = "cpu-template-helper dump"
        /// KVM's answers in JSON: `supported_cpuid`, `host_cpuid`, `feature_msrs`.
        case kvmAnswers = "KVM answers"
        /// The HostCPU document of `host.describe`.
        case hostDocument = "cpumodeld host document"
    }

    /// Whose CPUID the tables are.
    public enum Subject: String, Sendable, Hashable, CaseIterable {
        /// The CPUID instruction's answers on a machine.
        case native
        /// What a host's KVM offers to guests.
        case supported
        /// What a guest of KVM was given.
        case guest
    }

    /// One CPU of a dump.
    public struct CPU: Sendable, Hashable {
        /// The number that the dump gives the CPU, or its place when it gives none.
        public let number: Int
        /// Its CPUID.
        public let table: CPUIDTable

        /// A CPU and its table.
        public init(number: Int, table: CPUIDTable) {
            self.number = number
            self.table = table
        }
    }

    /// The name under which the dump was read: a file's path, or what the caller called it.
    public let name: String
    /// The format it is written in.
    public let format: Format
    /// Whose CPUID the tables are.
    public let subject: Subject
    /// The CPUs, at least one, in the order of the dump.
    public let cpus: [CPU]
    /// The MSRs that the dump has, by index; those of the first CPU where there are several.
    public let msrs: [UInt32: UInt64]
    /// The kernel's release, or empty.
    public let kernel: String
    /// The microcode revision, 0 where unknown.
    public let microcode: UInt32
    /// What was remarkable on reading, as sentences.
    public let notes: [String]

    /// The whole host, in formats that tell everything KVM answered.
    let host: HostCPU?

    init(
        name: String, format: Format, subject: Subject, cpus: [CPU], msrs: [UInt32: UInt64] = [:], kernel: String = "",
        microcode: UInt32 = 0, notes: [String] = [], host: HostCPU? = nil
    ) {
        self.name = name
        self.format = format
        self.subject = subject
        self.cpus = cpus
        self.msrs = msrs
        self.kernel = kernel
        self.microcode = microcode
        self.notes = notes
        self.host = host
    }

    /// The CPUID of the machine: the first CPU's.
    public var table: CPUIDTable { cpus.first?.table ?? CPUIDTable() }

    /// The vendor in leaf 0; nil when the dump has none.
    public var vendor: CPUVendor? { CPUVendor(table: table) }

    /// Family, model and stepping.
    public var signature: CPUSignature { CPUSignature(eax: table.value(1, 0, .eax)) }

    /// The brand string of leaves 0x80000002...4, without the space around it.
    public var brand: String { table.brand }

    /// All feature bits of the first CPU, those of the dump's MSRs among them.
    public var features: FeatureSet { FeatureSet(table: table, msrs: msrs) }
}

extension CPUIDTable {
    /// The brand string of leaves 0x80000002...4 up to its NUL, without the space around it; not all of it is ASCII on
    /// every machine.
    var brand: String {
        let words = (UInt32(0x8000_0002)...0x8000_0004).flatMap { leaf in
            CPUIDRegister.allCases.map { value(leaf, 0, $0) }
        }
        let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        let text = bytes.prefix { $0 != 0 }.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        let trimmed = text.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed()
        return String(decoding: trimmed, as: UTF8.self)
    }
}
