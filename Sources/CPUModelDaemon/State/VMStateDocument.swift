// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import JSON
import X86CPU

/// A registered VM as it is kept over restarts of the daemon: a JSON document of a format with a number.
///
/// Whoever changes what is written gives the format the next number, and writes a reader that makes today's record of
/// the one before; earlier readers stay. A member that may be left out and has a meaning then needs no new number. A
/// document of a format that is not known, as after a downgrade, is left alone.
struct VMStateDocument: JSONWritable {
    /// The value of the member `format`.
    static let format = "cpumodeld-vm"
    /// The number of the format that is written.
    static let version: Int64 = 1
    /// Larger documents are damaged: the VM of the most vCPUs has half of it.
    static let maximumSize = 64 << 20

    /// What the VM was given.
    let record: VMRecord
    /// The boot of the machine in which it was registered: no VM outlives it.
    let bootID: String

    init(_ record: VMRecord, bootID: String) {
        self.record = record
        self.bootID = bootID
    }

    /// Reads a document of any format that is known.
    init(parsing bytes: [UInt8]) throws(KeptFile.Fault) {
        let value: JSONValue
        do throws(JSONSyntaxError) {
            value = try JSONValue(
                parsing: bytes, limits: JSONLimits(maxDepth: 16, maxBytes: Self.maximumSize, maxMembers: 1 << 22))
        } catch {
            throw .damaged("\(error)")
        }
        guard let object = value.objectValue, object["format"]?.stringValue == Self.format,
            let version = object["version"]?.intValue
        else { throw .damaged("it is not the state of a VM") }
        guard version <= Self.version else { throw .newer(version, known: Self.version) }
        do throws(JSONShapeError) {
            var reader = ObjectReader(object, path: "")
            _ = reader.value("format")
            _ = reader.value("version")
            bootID = try reader.string("bootId")
            record = try VMRecord(state: &reader)
            try reader.finish()
        } catch {
            throw .damaged("\(error)")
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("format", Self.format)
            writer.member("version", Self.version)
            writer.member("bootId", bootID)
            record.writeState(to: &writer)
        }
    }
}
