// SPDX-License-Identifier: Apache-2.0

import JSON

/// What is to be known beside a guest's features: `notes` and `requirements` of a result.
struct GuestRemarks {
    private let notes: [String]
    private let requirements: [String]

    init(_ reader: inout ObjectReader) throws(JSONShapeError) {
        notes = try reader.strings("notes")
        requirements = try reader.objects("requirements") { (requirement) throws(JSONShapeError) in
            let call = try requirement.string("how")
            switch try requirement.string("kind") {
            case "xstatePermission":
                let component = try requirement.integer("component")
                return "Ask the kernel for permission for state component \(component) in guests: \(call)."
            default: return "\(call)."
            }
        }
    }

    /// Writes what the launcher must do, and what is odd; nothing where there is neither.
    func write(to page: inout Page) {
        if !requirements.isEmpty {
            page.title("What the launcher must do before it creates its first vCPU")
            for requirement in requirements { page.sentence(requirement, indent: 2) }
        }
        if !notes.isEmpty {
            page.title("Notes")
            for note in notes { page.sentence(note, indent: 2) }
        }
    }
}
