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

/// libFuzzer brings `main`.
func fuzzer(_ room: String) -> Target {
    .executableTarget(
        name: "Fuzz\(room)", dependencies: [.target(name: room)],
        swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "fuzz",
    targets: [
        .target(name: "Spelling", swiftSettings: strict),
        .target(name: "JSON", dependencies: ["Spelling"], swiftSettings: strict),
        .target(name: "UnitSyntax", dependencies: ["Spelling"], swiftSettings: strict),
        fuzzer("JSON"),
        fuzzer("UnitSyntax"),
    ]
)
