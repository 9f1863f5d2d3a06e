// SPDX-License-Identifier: Apache-2.0

import JSON
import X86CPU

extension CPUDump {
    /// Reads a fingerprint: a dump under `guest_cpu_config`, and members that tell of the host.
    init(fingerprint object: JSONObject, name: String) throws(JSONShapeError) {
        var reader = ObjectReader(object, path: "")
        let template = try reader.read("guest_cpu_config", as: FirecrackerTemplate.self)
        let kernel = try reader.optionalString("kernel_version") ?? ""
        let microcode = try reader.optionalHex32("microcode_version") ?? 0
        for key in ["firecracker_version", "bios_version", "bios_revision"] { _ = try reader.optionalString(key) }
        try reader.finish()
        try self.init(
            template, path: "guest_cpu_config", name: name, format: .fingerprint, kernel: kernel, microcode: microcode)
    }

    /// Reads what `cpu-template-helper template dump` wrote.
    init(templateDump object: JSONObject, name: String) throws(JSONShapeError) {
        try self.init(FirecrackerTemplate(reading: object, path: ""), path: "", name: name, format: .templateDump)
    }

    private init(
        _ template: FirecrackerTemplate, path: String, name: String, format: Format, kernel: String = "",
        microcode: UInt32 = 0
    ) throws(JSONShapeError) {
        guard template.isTotal else {
            throw JSONShapeError(
                path: path,
                message: "is a template, which changes a CPU, and not the dump of one: it does not say every bit")
        }
        guard template.leaves.count <= FormatLimits.rowsOfCPU else {
            throw JSONShapeError(path: path, message: "has more than \(FormatLimits.rowsOfCPU) leaves")
        }
        let entries = template.leaves.map { leaf in
            func register(_ register: CPUIDRegister) -> UInt32 {
                UInt32(truncatingIfNeeded: leaf.registers[register]?.value ?? 0)
            }
            return CPUIDEntry(
                leaf.leaf, leaf.match, eax: register(.eax), ebx: register(.ebx), ecx: register(.ecx),
                edx: register(.edx))
        }
        self.init(
            name: name, format: format, subject: .guest, cpus: [CPU(number: 0, table: CPUIDTable(entries))],
            msrs: template.applied(to: [:]), kernel: kernel, microcode: microcode)
    }
}
