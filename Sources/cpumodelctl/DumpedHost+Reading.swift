// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Formats
import JSON

extension DumpedHost {
    /// The host that a file describes: what `cpumodelctl host --json` printed, or a dump in any format.
    static func read(_ contents: [UInt8], name: String) throws(FormatError) -> DumpedHost {
        try CPUDump.read(contents, name: name) { (document) throws(JSONShapeError) in
            var reader = ObjectReader(document, path: "the document")
            return try HostDocument(reading: &reader).host
        }.hostCPU()
    }
}
