// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// The flags of Linux' `/proc/cpuinfo`.
///
/// Most flags are CPUID bits under the kernel's names. Some are not: the kernel makes `ibrs` and its like of either
/// vendor's bits, and others tell what the kernel does, not what the CPU can.
public struct CPUInfoFlags: Sendable, Hashable {
    /// The features that the flags tell.
    public var features: FeatureSet
    /// Flags that are no features: the kernel's own, or unknown.
    public var others: [String]
    /// The vendor, where the text is more than the flags.
    public var vendor: CPUVendor?
    /// Family, model and stepping, where the text is more than the flags.
    public var signature: CPUSignature?
    /// The brand string, where the text is more than the flags.
    public var brand: String?
    /// The microcode's revision, where the text is more than the flags.
    public var microcode: UInt32?
}

extension CPUInfoFlags {
    /// Reads a flags line, with or without `flags :` before it, or all of `/proc/cpuinfo`, of which the first CPU
    /// counts.
    ///
    /// - Throws: ``FormatError`` when there is no flag in it that is a feature.
    public static func read(_ bytes: [UInt8], name: String) throws(FormatError) -> CPUInfoFlags {
        try checkSize(bytes, FormatLimits.dumpBytes, file: name)
        try checkText(bytes, file: name)
        var info = CPUInfoFlags(features: [], others: [])
        var numbers: [String: UInt32] = [:]
        var words: [String]?
        for line in TextLines(bytes) {
            guard line.bytes.count <= FormatLimits.lineBytes else {
                throw FormatError(
                    .limit, file: name, line: line.number, "the line is longer than /proc/cpuinfo has any")
            }
            let text = String(decoding: line.bytes, as: UTF8.self)
            // The next CPU begins: they are the same as far as this goes.
            if words != nil, text.hasPrefix("processor") { break }
            guard let colon = text.firstIndex(of: ":") else {
                if words == nil, !text.allSatisfy(\.isWhitespace) { words = split(text) }
                continue
            }
            let key = text[..<colon].split(whereSeparator: \.isWhitespace).joined(separator: " ")
            let value = text[text.index(after: colon)...].drop { $0 == " " }
            switch key {
            case "flags": words = split(value)
            case "vendor_id": info.vendor = CPUVendor(String(value))
            case "model name": info.brand = String(value)
            case "cpu family", "model", "stepping", "microcode": numbers[key] = number(String(value))
            default: break
            }
        }
        info.microcode = numbers["microcode"]
        if let family = numbers["cpu family"], let model = numbers["model"] {
            info.signature = CPUSignature(family: family, model: model, stepping: numbers["stepping"] ?? 0)
        }
        info.takeIn(words ?? [])
        guard !info.features.isEmpty else {
            throw FormatError(.unrecognized, file: name, "there is no flag in the text that is a CPU's feature")
        }
        return info
    }

    private static func split(_ text: some StringProtocol) -> [String] {
        text.split(whereSeparator: \.isWhitespace).map { String($0) }
    }

    private mutating func takeIn(_ words: [String]) {
        // Intel's one bit is both flags; who has one without the other has AMD's bits.
        let isAMD =
            vendor?.isAMDLike ?? words.contains { ["mmxext", "cmp_legacy", "svm", "sse4a"].contains($0) }
            || words.contains("ibrs") != words.contains("ibpb")
        for word in words {
            if let names = Self.combined(word, isAMD: isAMD) {
                features = features.union(FeatureSet(named: names))
            } else if let feature = Self.byFlag[word] {
                features.insert(feature)
            } else if !others.contains(word), others.count < 512 {
                others.append(word)
            }
        }
    }

    /// The features behind flags that the kernel sets for either vendor's bits.
    private static func combined(_ flag: String, isAMD: Bool) -> String? {
        switch flag {
        case "ibrs": isAMD ? "ibrs" : "spec-ctrl"
        case "ibpb": isAMD ? "ibpb" : "spec-ctrl"
        case "stibp": isAMD ? "amd-stibp" : "stibp"
        case "ssbd": isAMD ? "amd-ssbd" : "ssbd"
        default: nil
        }
    }

    /// The features by the kernel's names.
    private static let byFlag: [String: Feature] = {
        var flags: [String: Feature] = [:]
        for info in FeatureRegistry.shared.all {
            for (project, name) in info.spellings where project == .linux { flags[name] = info.feature }
        }
        return flags
    }()
}

extension CPUInfoFlags {
    /// The flags line of a CPU with these features, without `flags :`, in the kernel's order.
    ///
    /// What the kernel makes of several bits is in it; what tells of the kernel or of other registers (`rep_good`,
    /// `pti`, `ept`, ...) is not, for the features do not decide it.
    public static func text(of features: FeatureSet) -> String {
        var flags: [String] = []
        for word in order {
            if word == .leaf1_ecx { flags += synthetic(features) }
            for feature in features where feature.word == word {
                if let flag = FeatureRegistry.shared.info(of: feature)?.name(in: .linux) { flags.append(flag) }
            }
        }
        return flags.joined(separator: " ")
    }

    private static func synthetic(_ features: FeatureSet) -> [String] {
        func has(_ names: String...) -> Bool {
            names.contains { FeatureSet(named: $0).isSubset(of: features) }
        }
        return [
            ("ssbd", has("ssbd", "amd-ssbd")), ("ibrs", has("spec-ctrl", "ibrs")),
            ("ibpb", has("spec-ctrl", "ibpb")), ("stibp", has("stibp", "amd-stibp")),
        ].compactMap { $0.1 ? $0.0 : nil }
    }

    /// The order of the kernel's words (Linux, arch/x86/include/asm/cpufeatures.h); the others follow.
    private static let order: [FeatureWord] = {
        let first: [FeatureWord] = [
            .leaf1_edx, .leaf80000001_edx, .leaf1_ecx, .leafC0000001_edx, .leaf80000001_ecx, .leaf7_0_ebx,
            .leafD_1_eax, .leafF_0_edx, .leafF_1_edx, .leaf80000008_ebx, .leaf6_eax, .leaf8000000A_edx, .leaf7_0_ecx,
            .leaf80000007_ebx, .leaf7_0_edx, .leaf8000001F_eax, .leaf80000021_eax,
        ]
        return first + FeatureWord.allCases.filter { !first.contains($0) }
    }()
}
