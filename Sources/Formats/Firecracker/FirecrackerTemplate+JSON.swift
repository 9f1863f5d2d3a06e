// SPDX-License-Identifier: Apache-2.0

public import JSON
import X86CPU

extension FirecrackerTemplate: JSONReadable, JSONWritable {
    /// Reads a template from its JSON text.
    public static func read(_ bytes: [UInt8], name: String) throws(FormatError) -> FirecrackerTemplate {
        let object = try jsonObject(bytes, file: name, limit: FormatLimits.documentBytes)
        do throws(JSONShapeError) {
            return try FirecrackerTemplate(reading: object, path: "")
        } catch {
            throw FormatError(error, file: name)
        }
    }

    /// Reads the members of a template; those for ARM must be empty.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        for key in ["vcpu_features", "reg_modifiers"] {
            guard try reader.optionalArray(key)?.isEmpty ?? true else {
                throw reader.error(key, "is for ARM, and this is about x86")
            }
        }
        let capabilities = try reader.optionalStrings("kvm_capabilities") ?? []
        for (index, capability) in capabilities.enumerated() {
            let digits = capability.hasPrefix("!") ? String(capability.dropFirst()) : capability
            guard let _: UInt32 = number(digits), !digits.hasPrefix("0x") else {
                throw JSONShapeError(
                    path: "kvm_capabilities[\(index)]", message: "must be a number in decimal, or \"!\" and one")
            }
        }
        self.init(
            kvmCapabilities: capabilities, leaves: try reader.optionalReadArray("cpuid_modifiers") ?? [],
            msrs: try reader.optionalReadArray("msr_modifiers") ?? [])
        try refuseRepetition()
    }

    /// Writes the template as Firecracker reads it.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            if !kvmCapabilities.isEmpty { writer.member("kvm_capabilities", kvmCapabilities) }
            writer.member("cpuid_modifiers", leaves)
            writer.member("msr_modifiers", msrs)
        }
    }

    /// The template as text, indented for people.
    public var text: String {
        var writer = JSONWriter(pretty: true)
        write(to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self) + "\n"
    }

    /// Two modifiers of one register may contradict each other, and Firecracker refuses them.
    private func refuseRepetition() throws(JSONShapeError) {
        var seen: Set<UInt64> = []
        for (index, leaf) in leaves.enumerated()
        where !seen.insert(UInt64(leaf.leaf) << 32 | UInt64(leaf.subleaf)).inserted {
            throw JSONShapeError(
                path: "cpuid_modifiers[\(index)]", message: "is about a leaf that has a modifier already")
        }
        var indices: Set<UInt32> = []
        for (index, msr) in msrs.enumerated() where !indices.insert(msr.index).inserted {
            throw JSONShapeError(
                path: "msr_modifiers[\(index)]", message: "is about an MSR that has a modifier already")
        }
    }
}

extension FirecrackerTemplate.LeafModifier: JSONReadable, JSONWritable {
    /// Reads `leaf`, `subleaf`, `flags` and `modifiers`.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let leaf = try reader.firecrackerNumber("leaf")
        let subleaf = try reader.firecrackerNumber("subleaf")
        let flags = UInt32(try reader.integer("flags", in: 0...7))
        var registers: [CPUIDRegister: BitPattern] = [:]
        for modifier in try reader.readArray("modifiers", of: RegisterModifier.self) {
            guard registers.updateValue(modifier.pattern, forKey: modifier.register) == nil else {
                throw reader.error("modifiers", "have two bitmaps for \(modifier.register)")
            }
        }
        self.init(leaf: leaf, subleaf: subleaf, flags: flags, registers: registers)
    }

    /// Writes the same.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("leaf", hex: UInt64(leaf))
            writer.member("subleaf", hex: UInt64(subleaf))
            writer.member("flags", flags)
            writer.array("modifiers") { writer in
                for register in CPUIDRegister.allCases {
                    guard let pattern = registers[register] else { continue }
                    writer.object { writer in
                        writer.member("register", register.description)
                        writer.member("bitmap", pattern.text(width: 32))
                    }
                }
            }
        }
    }
}

extension FirecrackerTemplate.MSRModifier: JSONReadable, JSONWritable {
    /// Reads `addr` and `bitmap`.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let index = try reader.firecrackerNumber("addr")
        self.init(index: index, pattern: try reader.bitPattern("bitmap", width: 64))
    }

    /// Writes the same.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("addr", hex: UInt64(index))
            writer.member("bitmap", pattern.text(width: 64))
        }
    }
}

private struct RegisterModifier: JSONReadable {
    let register: CPUIDRegister
    let pattern: BitPattern

    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let name = try reader.string("register")
        guard let register = CPUIDRegister.allCases.first(where: { $0.description == name }) else {
            throw reader.error("register", "must be \"eax\", \"ebx\", \"ecx\" or \"edx\"")
        }
        self.register = register
        pattern = try reader.bitPattern("bitmap", width: 32)
    }
}

extension ObjectReader {
    /// A number of 32 bits in a string, in hexadecimal, binary or decimal.
    fileprivate mutating func firecrackerNumber(_ key: String) throws(JSONShapeError) -> UInt32 {
        let text = try string(key)
        let isBinary = text.hasPrefix("0b") && text.dropFirst(2).allSatisfy { "01".contains($0) }
        guard let value: UInt32 = isBinary ? UInt32(text.dropFirst(2), radix: 2) : number(text) else {
            throw error(key, "must be a string with a number of 32 bits, such as \"0x10a\"")
        }
        return value
    }

    fileprivate mutating func bitPattern(_ key: String, width: Int) throws(JSONShapeError) -> BitPattern {
        guard let pattern = BitPattern(parsing: try string(key), width: width) else {
            throw error(key, "must be \"0b\" and at most \(width) digits, each 0, 1 or x")
        }
        return pattern
    }
}
