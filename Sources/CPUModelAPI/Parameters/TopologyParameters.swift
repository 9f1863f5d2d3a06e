// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON

/// The parameter `topology`.
public struct TopologyParameters: JSONReadable, Sendable {
    /// The topology.
    public let topology: Topology

    /// Reads the counts, each 1 when left out.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        func count(_ key: String) throws(JSONShapeError) -> UInt32 {
            UInt32(try reader.optionalInteger(key, in: 1...Int64(Topology.maximumVCPUs)) ?? 1)
        }
        let sockets = try count("sockets")
        let dies = try count("dies")
        let modules = try count("modules")
        let cores = try count("cores")
        let threads = try count("threads")
        do throws(TopologyError) {
            topology = try Topology(sockets: sockets, dies: dies, modules: modules, cores: cores, threads: threads)
        } catch {
            throw JSONShapeError(path: reader.path, message: "is not possible: \(error)")
        }
    }

    static let schema = Schema.object(
        ["sockets", "dies", "modules", "cores", "threads"].map {
            .optional($0, .integer(1...Int64(Topology.maximumVCPUs), "1 when left out"))
        }, "sockets x dies x modules x cores x threads, each count per unit of the next larger level")
}

extension Topology: JSONWritable {
    /// Writes the five counts.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("sockets", sockets)
            writer.member("dies", dies)
            writer.member("modules", modules)
            writer.member("cores", cores)
            writer.member("threads", threads)
        }
    }

    static let schema = Schema.object(
        ["sockets", "dies", "modules", "cores", "threads"].map { .required($0, .integer(1...(.max), "")) }, "")
}
