// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Formats
import Glibc
import Testing
import X86CPU

/// What is written for libvirt, given to libvirt's QEMU driver, which `virsh` can run within itself.
@Suite(
    .enabled(
        if: RealLibvirt.isUsable,
        "ten minutes of virsh: set CPUMODELD_SLOW_TESTS where it can run its QEMU driver within itself"), .serialized)
struct RealLibvirtTests {
    @Test func everyElementIsValidAndComparable() throws {
        let catalog = try Conformance.catalog()
        let known = Set(
            try RealLibvirt.run(["cpu-models", "x86_64"]).output.split(whereSeparator: \.isWhitespace).map(String.init))
        var accepted = 0
        var unknown: Set<String> = []
        let versions = catalog.models.flatMap(\.versions)
        for version in versions {
            let model = try catalog.expand(ModelExpression(parsing: version.name), on: nil)
            let xml = try LibvirtCPU.exporting(model, catalog: catalog, knownModels: known).cpu.xml
            let (output, _) = try RealLibvirt.compare(xml)
            if output.contains("incompatible") || output.contains("superset") || output.contains("identical") {
                accepted += 1
            } else if let name = output.split(separator: "Unknown CPU feature ").dropFirst().first {
                // An installed libvirt may be older than the names.
                unknown.insert(String(name.prefix { !$0.isWhitespace }))
            } else {
                Issue.record("\(version.name): \(output)\n\(xml)")
            }
        }
        print(
            "libvirt: \(accepted) of \(versions.count) elements accepted; unknown to it in the others: \(unknown.sorted())"
        )
        #expect(accepted > 0)
    }

    @Test func whatTheHypervisorOffersIsReadBack() throws {
        let capabilities = try RealLibvirt.run(["domcapabilities"]).output
        let cpu = try LibvirtCPU.read(Array(capabilities.utf8), name: "domcapabilities")
        let (output, _) = try RealLibvirt.compare(cpu.xml)
        #expect(cpu.model != nil && output.contains("CPU"))
    }
}

enum RealLibvirt {
    /// The directory that stands for libvirt's own; the QEMU that it probes runs as who runs the tests.
    private static let root: String = {
        var template = Array("/tmp/formats-libvirt-XXXXXX".utf8CString)
        guard let path = unsafe mkdtemp(&template).map({ unsafe String(cString: $0) }) else { return "/nonexistent" }
        unsafe mkdir("\(path)/etc", 0o755)
        if let file = unsafe fopen("\(path)/etc/qemu.conf", "w") {
            unsafe fputs("user = \"+\(getuid())\"\ngroup = \"+\(getgid())\"\n", file)
            unsafe fclose(file)
        }
        return path
    }()

    static let isUsable =
        unsafe getenv("CPUMODELD_SLOW_TESTS") != nil && RealProgram.isPresent("virsh")
        && (try? run(["cpu-models", "x86_64"]).status) == 0

    static func run(_ arguments: [String]) throws -> (output: String, status: Int) {
        try RealProgram.run(["virsh", "-q", "-c", "qemu:///embed?root=\(root)"] + arguments)
    }

    static func compare(_ xml: String) throws -> (output: String, status: Int) {
        try RealProgram.run(
            ["virsh", "-q", "-c", "qemu:///embed?root=\(root)", "hypervisor-cpu-compare", "/dev/stdin", "--validate"],
            input: xml)
    }
}
