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

/// libFuzzer brings `main`.
func fuzzer(_ name: String, of rooms: [Target.Dependency]) -> Target {
    .executableTarget(
        name: "Fuzz\(name)", dependencies: rooms,
        swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "fuzz",
    targets: [
        .target(name: "Spelling", swiftSettings: strict),
        .target(name: "JSON", dependencies: ["Spelling"], swiftSettings: strict),
        .target(name: "UnitSyntax", dependencies: ["Spelling"], swiftSettings: strict),
        .target(name: "CFeatureRegistry", exclude: ["features.list"], cSettings: strictC),
        .target(name: "X86CPU", dependencies: ["CFeatureRegistry"], swiftSettings: strict),
        .target(name: "CPUModels", dependencies: ["Spelling", "UnitSyntax", "X86CPU"], swiftSettings: strict),
        .target(name: "CLibvirtModels", exclude: ["models.list"], cSettings: strictC),
        .target(
            name: "Formats", dependencies: ["CLibvirtModels", "CPUModels", "JSON", "UnitSyntax", "X86CPU"],
            swiftSettings: strict),
        fuzzer("JSON", of: ["JSON"]),
        fuzzer("UnitSyntax", of: ["UnitSyntax"]),
        fuzzer("Dumps", of: ["Formats", "X86CPU"]),
        fuzzer("Models", of: ["CPUModels", "Formats", "JSON", "X86CPU"]),
    ],
    cLanguageStandard: .gnu2x
)
