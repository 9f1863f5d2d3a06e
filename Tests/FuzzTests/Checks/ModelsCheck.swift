// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Formats
import JSON
import X86CPU

/// Reads whatever comes as a CPU in everyone's words. What can be written again must read the same.
func checkModels(_ bytes: [UInt8]) {
    read(libvirt: bytes)
    read(firecracker: bytes)
    read(qemu: String(decoding: bytes, as: UTF8.self))
    if let flags = attempt({ () throws(FormatError) in try CPUInfoFlags.read(bytes, name: "fuzz") }) {
        let text = CPUInfoFlags.text(of: flags.features)
        if let again = try? CPUInfoFlags.read(Array(text.utf8), name: "fuzz") {
            precondition(CPUInfoFlags.text(of: again.features) == text, "the flags read differently")
        }
    }
}

private let catalog = try? ModelCatalog(files: [
    (
        name: "fuzz.cpumodel",
        bytes: Array(
            "[Model]\nName=EPYC\nVendor=AuthenticAMD\nFamily=23\nModel=1\nStepping=2\nDescription=F\nFeatures=fpu sse\n"
                .utf8)
    )
])

private func read(libvirt bytes: [UInt8]) {
    guard let cpu = attempt({ () throws(FormatError) in try LibvirtCPU.read(bytes, name: "fuzz") }) else { return }
    if let catalog { _ = attempt { () throws(FormatError) in try cpu.imported(into: catalog, name: "fuzz") } }
    guard let again = try? LibvirtCPU.read(Array(cpu.xml.utf8), name: "fuzz") else {
        preconditionFailure("what was written cannot be read")
    }
    precondition(again.features == cpu.features && again.model == cpu.model && again.mode == cpu.mode)
}

private func read(firecracker bytes: [UInt8]) {
    guard let template = attempt({ () throws(FormatError) in try FirecrackerTemplate.read(bytes, name: "fuzz") })
    else { return }
    _ = attempt { () throws(FormatError) in try template.imported(name: "fuzz") }
    precondition((try? FirecrackerTemplate.read(Array(template.text.utf8), name: "fuzz")) == template)
}

private func read(qemu text: String) {
    guard let cpu = attempt({ () throws(FormatError) in try QEMUCPU(parsing: text, name: "fuzz") }) else { return }
    if let catalog { _ = attempt { () throws(FormatError) in try cpu.imported(into: catalog, name: "fuzz") } }
    precondition((try? QEMUCPU(parsing: cpu.description, name: "fuzz")) == cpu, "what was written reads differently")
}

/// The value, or nil after a look at the error.
private func attempt<T>(_ read: () throws(FormatError) -> T) -> T? {
    do throws(FormatError) {
        return try read()
    } catch {
        precondition(!error.description.contains("\n"), "a message must stay on its line")
        return nil
    }
}
