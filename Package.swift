// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

/// `#embed` needs C23; the registry and nothing else is embedded.
let strictC: [CSetting] = [.unsafeFlags(["-std=gnu23", "-Wall", "-Wextra", "-Werror"])]

/// A room of the house: one Swift module and what it may see.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func roomTests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, swiftSettings: strict)
}

let package = Package(
    name: "cpumodeld",
    products: [
        .executable(name: "cpumodeld", targets: ["cpumodeld"]),
        .executable(name: "cpumodelctl", targets: ["cpumodelctl"]),
        .executable(name: "cpumodel-launch", targets: ["cpumodel-launch"]),
        .executable(name: "cpumodel-exec", targets: ["cpumodel-exec"]),
        .executable(name: "cpumodeld-inject", targets: ["cpumodeld-inject"]),
        .library(name: "CCPUModelClient", targets: ["CCPUModelClient"]),
        .library(name: "CPUModelClient", targets: ["CPUModelClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
    ],
    targets: [
        // The system, in C.
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .target(name: "CLinux", cSettings: strictC),
        .target(name: "CKVM", cSettings: strictC),
        .target(name: "CInject", cSettings: strictC),
        .target(name: "CFeatureRegistry", exclude: ["features.list"], cSettings: strictC),
        .target(name: "CCPUIDFields", exclude: ["fields.list"], cSettings: strictC),
        .target(name: "CLibvirtModels", exclude: ["models.list"], cSettings: strictC),

        // The pure rooms: no I/O, no KVM, no Foundation.
        room("Spelling"),
        room("JSON", ["Spelling"]),
        room("UnitSyntax", ["Spelling"]),
        room("X86CPU", ["CFeatureRegistry"]),
        room("CPUIDFields", ["CCPUIDFields", "X86CPU"]),
        room("CPUModels", ["Spelling", "UnitSyntax", "X86CPU"]),
        room("GuestCPU", ["CPUIDFields", "CPUModels", "X86CPU"]),
        room("Formats", ["CLibvirtModels", "CPUModels", "JSON", "UnitSyntax", "X86CPU"]),

        // The machine.
        room("Descriptors", ["CLinux"]),
        room("KVM", ["CKVM", "CLinux", "Descriptors", "X86CPU"]),
        room("Reactor", ["CLinux", "Descriptors"]),
        room("JSONRPC", ["CLinux", "Descriptors", "JSON", "Reactor"]),

        room("Systemd", ["CLinux", "CSystemd"]),

        // The service.
        room("CPUModelAPI", ["CPUModels", "GuestCPU", "JSON", "UnitSyntax", "X86CPU"]),
        room(
            "CPUModelDaemon",
            [
                "CInject", "CLinux", "CPUModelAPI", "CPUModels", "Descriptors", "Formats", "GuestCPU", "JSON",
                "JSONRPC", "KVM", "Reactor", "Spelling", "Systemd", "UnitSyntax", "X86CPU",
            ]),
        room(
            "CPUModelClient", ["CCPUModelClient", "CLinux", "CPUModelAPI", "Descriptors", "GuestCPU", "JSON", "X86CPU"]),
        room("CPUModelControl", ["CPUModelAPI", "CPUModelClient", "JSON", "Spelling", "X86CPU"]),
        .target(
            name: "CCPUModelClient", exclude: ["cpumodel.map", "examples", "libcpumodel.pc.in", "library.mk"],
            cSettings: strictC),
        .executableTarget(
            name: "cpumodeld",
            dependencies: [
                "CPUModelDaemon", "Reactor", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "cpumodelctl",
            dependencies: [
                "CLinux", "CPUModelAPI", "CPUModelClient", "CPUModelControl", "Formats", "GuestCPU", "JSON", "Spelling",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(name: "cpumodel-launch", dependencies: ["CCPUModelClient"], cSettings: strictC),
        .executableTarget(name: "cpumodel-exec", dependencies: ["CCPUModelClient"], cSettings: strictC),
        .executableTarget(name: "cpumodeld-inject", dependencies: ["CCPUModelClient", "CInject"], cSettings: strictC),

        .executableTarget(
            name: "cpumodel-launch-swift",
            dependencies: ["CKVM", "CPUModelAPI", "CPUModelClient", "GuestCPU", "JSON", "X86CPU"],
            path: "Tests/EndToEnd/swift", swiftSettings: strict),
        .executableTarget(
            name: "growth-bench", dependencies: ["CPUModels", "GuestCPU", "KVM", "X86CPU"],
            path: "Tests/Benchmarks/Growth", swiftSettings: strict),
        .target(
            name: "ConformanceSupport", dependencies: ["CPUModels", "JSON", "X86CPU"], path: "Tests/ConformanceSupport",
            swiftSettings: strict),
        .target(name: "KVMTestSupport", path: "Tests/KVMTestSupport", cSettings: strictC),
        .executableTarget(
            name: "kvm-test-process", dependencies: ["KVMTestSupport"], path: "Tests/KVMTestProcess", cSettings: strictC
        ),
        roomTests("Spelling"),
        roomTests("JSON"),
        roomTests("UnitSyntax"),
        roomTests("X86CPU"),
        roomTests("CPUIDFields", ["X86CPU"]),
        roomTests("CPUModels", ["X86CPU", "UnitSyntax"]),
        roomTests("GuestCPU", ["X86CPU", "CPUModels", "JSON", "ConformanceSupport"]),
        .testTarget(
            name: "CPUAlgebraTests", dependencies: ["CPUModels", "ConformanceSupport", "JSON", "X86CPU"],
            swiftSettings: strict),
        roomTests("Formats", ["CPUModels", "ConformanceSupport", "JSON", "KVM", "X86CPU"]),
        roomTests("KVM", ["CKVM", "CLinux", "Descriptors", "GuestCPU", "KVMTestSupport", "X86CPU"]),
        roomTests("JSONRPC", ["CLinux", "Descriptors", "JSON", "Reactor"]),
        roomTests("CPUModelAPI", ["GuestCPU", "JSON", "X86CPU"]),
        .testTarget(
            name: "CPUModelDaemonTests",
            dependencies: ["CPUModelDaemon", "CPUModelAPI", "CPUModels", "GuestCPU", "JSON", "X86CPU"],
            exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "CLinux", "CPUModelAPI", "CPUModelDaemon", "CPUModels", "Descriptors", "Formats", "GuestCPU", "JSON",
                "JSONRPC", "KVM", "Reactor", "UnitSyntax", "X86CPU",
            ], swiftSettings: strict),
        roomTests("Reactor", ["CLinux", "Descriptors"]),
        roomTests("CPUModelClient", ["CLinux", "CPUModelAPI", "JSON"]),
        .testTarget(
            name: "CPUModelControlTests",
            dependencies: ["CPUModelAPI", "CPUModelClient", "CPUModelControl", "JSON"],
            exclude: ["Fixtures", "Golden"],
            swiftSettings: strict),
        .testTarget(name: "cpumodelctlTests", dependencies: ["CLinux", "cpumodelctl"], swiftSettings: strict),
    ],
    cLanguageStandard: .gnu2x
)
