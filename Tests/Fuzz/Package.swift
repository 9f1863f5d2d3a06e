// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// A package of its own, so that building the main one never meets libFuzzer. The rooms under test are links to the main
// package's sources: it exports no library of them, and they must be compiled with coverage anyhow.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let strictC: [CSetting] = [.unsafeFlags(["-std=gnu23", "-Wall", "-Wextra", "-Werror"])]

/// As in the main package; rooms.py looks that they are the same.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "fuzz",
    targets: [
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .target(name: "CLinux", cSettings: strictC),
        .target(name: "CKVM", cSettings: strictC),
        .target(name: "CInject", cSettings: strictC),
        .target(name: "CFeatureRegistry", exclude: ["features.list"], cSettings: strictC),
        .target(name: "CCPUIDFields", exclude: ["fields.list"], cSettings: strictC),
        .target(name: "CLibvirtModels", exclude: ["models.list"], cSettings: strictC),
        room("Spelling"),
        room("JSON", ["Spelling"]),
        room("UnitSyntax", ["Spelling"]),
        room("X86CPU", ["CFeatureRegistry"]),
        room("CPUIDFields", ["CCPUIDFields", "X86CPU"]),
        room("CPUModels", ["Spelling", "UnitSyntax", "X86CPU"]),
        room("GuestCPU", ["CPUIDFields", "CPUModels", "X86CPU"]),
        room("Formats", ["CLibvirtModels", "CPUModels", "JSON", "UnitSyntax", "X86CPU"]),
        room("Descriptors", ["CLinux"]),
        room("KVM", ["CKVM", "CLinux", "Descriptors", "X86CPU"]),
        room("Reactor", ["CLinux", "Descriptors"]),
        room("JSONRPC", ["CLinux", "Descriptors", "JSON", "Reactor"]),
        room("Systemd", ["CLinux", "CSystemd"]),
        room("CPUModelAPI", ["CPUModels", "GuestCPU", "JSON", "UnitSyntax", "X86CPU"]),
        room(
            "CPUModelDaemon",
            [
                "CInject", "CLinux", "CPUModelAPI", "CPUModels", "Descriptors", "Formats", "GuestCPU", "JSON",
                "JSONRPC", "KVM", "Reactor", "Spelling", "Systemd", "UnitSyntax", "X86CPU",
            ]),
        room(
            "FuzzChecks",
            [
                "CLinux", "CPUModelAPI", "CPUModelDaemon", "CPUModels", "Descriptors", "Formats", "GuestCPU", "JSON",
                "JSONRPC", "KVM", "Reactor", "UnitSyntax", "X86CPU",
            ]),
        // libFuzzer brings `main`.
        .executableTarget(
            name: "Fuzz", dependencies: ["FuzzChecks", "Reactor"],
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
    ],
    cLanguageStandard: .gnu2x
)
