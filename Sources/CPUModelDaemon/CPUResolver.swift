// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import Formats
import JSON
import Reactor
import X86CPU

/// Turns what a request names into a CPU that can be compared, pooled and named.
@ReactorActor
struct CPUResolver {
    let models: ModelService
    let registry: VMRegistry
    let host: HostState

    /// What a reference is to be taken for.
    enum View {
        /// What guests can be given: of a dump of a machine, what its KVM offers.
        case offered
        /// The table as it is.
        case table
    }

    /// The CPU that a reference names.
    func cpu(_ reference: CPUReference, as view: View) throws -> CPUDescription {
        switch reference.subject {
        case .model(let expression):
            return renamed(try models.describeAnywhere(expression), reference)
        case .host(let document):
            return renamed(try document.map { CPUDescription($0, name: "the host") } ?? host.described(), reference)
        case .dump(let text):
            return renamed(try cpu(dump: text, name: reference.name ?? "the dump", as: view), reference)
        case .vm(let name):
            guard let record = registry.vm(named: name) else {
                throw APIError(unknownVM: name, among: registry.names)
            }
            return renamed(CPUDescription(record.table, msrs: record.featureMSRs, name: name), reference)
        }
    }

    private func cpu(dump text: String, name: String, as view: View) throws(APIError) -> CPUDescription {
        try answeringFormatErrors { () throws(FormatError) in
            let dump = try CPUDump.read(Array(text.utf8), name: name) { (object) throws(JSONShapeError) in
                try HostDocument(reading: object, path: "").host
            }
            switch view {
            case .table: return CPUDescription(dump.table, msrs: dump.msrs, name: name)
            case .offered: return CPUDescription(try dump.hostCPU().host, name: name)
            }
        }
    }

    private func renamed(_ cpu: CPUDescription, _ reference: CPUReference) -> CPUDescription {
        var cpu = cpu
        if let name = reference.name { cpu.name = name }
        return cpu
    }
}
