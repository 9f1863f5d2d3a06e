// SPDX-License-Identifier: Apache-2.0

/// The models that QEMU's manual advises against ("Recommendations for KVM CPU model configuration on x86 hosts",
/// sections "Default x86 CPU models" and "Other non-recommended x86 CPUs"): single products, and CPUs that never were,
/// from before there were models made for guests.
enum DiscouragedModels {
    private static let names: Set<String> = [
        "486", "athlon", "core2duo", "coreduo", "kvm32", "kvm64", "n270", "pentium", "pentium2", "pentium3", "phenom",
        "qemu32", "qemu64",
    ]

    /// Whether users are advised against the model.
    static func contains(_ version: CPUModelVersion) -> Bool { names.contains(version.modelName) }
}
