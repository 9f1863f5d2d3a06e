// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelDaemon

struct ControlGroupTests {
    @Test(arguments: [
        (
            "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator\n", "machine-qemu\\x2d1\\x2dweb.scope",
            "qemu-1-web"
        ),
        ("0::/system.slice/firecracker@web-1.service\n", "firecracker@web-1.service", nil),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n", "user@1000.service", nil),
        ("12:pids:/x\n1:name=systemd:/system.slice/vmm.service\n", "vmm.service", nil),
        ("12:pids:/x\n1:name=systemd:/system.slice/vmm.service\n0::/\n", "vmm.service", nil),
        ("0::/\n", nil, nil),
        ("0::/docker/0123abcd\n", nil, nil),
        ("0::/system.slice/machine-web.scope\n", "machine-web.scope", nil),
    ])
    func aProcessIsFoundAmongUnits(file: String, unit: String?, machine: String?) throws {
        let group = try #require(ControlGroup(procFile: file))
        #expect(group.unit == unit)
        #expect(group.machine == machine)
    }

    @Test(arguments: ["", "nonsense", "12:pids:/x\n"])
    func whereSystemdIsNotThereIsNoGroup(file: String) {
        #expect(ControlGroup(procFile: file) == nil)
    }

    @Test func aPathMayHaveColons() {
        #expect(ControlGroup(procFile: "0::/system.slice/a:b.service")?.unit == "a:b.service")
    }
}
