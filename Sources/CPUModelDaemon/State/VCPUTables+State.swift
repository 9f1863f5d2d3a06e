// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import JSON
import X86CPU

extension VCPUTables {
    func writeState(to writer: inout JSONWriter) {
        writer.member("first", first)
        writer.array("others") { writer in
            for table in others {
                writer.object { writer in
                    switch table {
                    case .whole(let table): writer.member("whole", table)
                    case .changed(let changes):
                        // Entry, register and value of each: a few numbers for a vCPU's APIC id, and not a table.
                        writer.array("changes") { writer in
                            for change in changes {
                                writer.integer(change.entry)
                                writer.integer(change.register.rawValue)
                                writer.integer(change.value)
                            }
                        }
                    }
                }
            }
        }
    }

    init(state reader: inout ObjectReader) throws(JSONShapeError) {
        let first: [CPUIDEntry] = try reader.readArray("first")
        guard first.count <= CPUIDTable.maximumCount else { throw reader.error("first", "has too many entries") }
        self.init(
            first: CPUIDTable(first),
            others: try reader.states("others") { reader throws(JSONShapeError) in try Table(state: &reader) })
    }
}

extension VCPUTables.Table {
    fileprivate init(state reader: inout ObjectReader) throws(JSONShapeError) {
        if let whole: [CPUIDEntry] = try reader.optionalReadArray("whole") {
            self = .whole(CPUIDTable(whole))
            return
        }
        guard let words = try reader.optionalIntegers("changes", in: 0...Int64(UInt32.max)), words.count % 3 == 0 else {
            throw reader.error("changes", "must be an entry, a register and a value for each change")
        }
        var changes: [VCPUTables.Change] = []
        for start in stride(from: 0, to: words.count, by: 3) {
            guard let entry = UInt16(exactly: words[start]), let number = UInt8(exactly: words[start + 1]),
                let register = CPUIDRegister(rawValue: number)
            else { throw reader.error("changes", "must be an entry, a register and a value for each change") }
            changes.append(.init(entry: entry, register: register, value: UInt32(words[start + 2])))
        }
        self = .changed(changes)
    }
}
