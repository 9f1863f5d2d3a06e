// SPDX-License-Identifier: Apache-2.0

public import JSON
public import X86CPU

extension CPUDump {
    /// Reads what is known of cpumodeld's own host document; the type that does is not visible here.
    public typealias HostDocumentReader = (JSONObject) throws(JSONShapeError) -> HostCPU

    /// Reads a dump; its format is told by its content.
    ///
    /// - Parameters:
    ///   - name: what errors call the text, usually its path.
    ///   - hostDocument: reads a document whose `format` says that it is `host.describe`'s; without it such a document
    ///     is refused.
    /// - Throws: ``FormatError`` with line and column.
    public static func read(
        _ bytes: [UInt8], name: String, hostDocument: HostDocumentReader? = nil
    ) throws(FormatError) -> CPUDump {
        try checkSize(bytes, FormatLimits.dumpBytes, file: name)
        switch bytes.first(where: { !$0.isSpace && !byteOrderMark.contains($0) }) {
        case UInt8(ascii: "{"): return try read(json: bytes, name: name, hostDocument)
        case UInt8(ascii: "<"): return try read(cpudata: bytes, name: name)
        case nil: throw FormatError(.unrecognized, file: name, "the text is empty")
        default: return try read(text: bytes, name: name)
        }
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private static func read(
        json bytes: [UInt8], name: String, _ hostDocument: HostDocumentReader?
    ) throws(FormatError) -> CPUDump {
        let object = try jsonObject(bytes, file: name, limit: FormatLimits.dumpBytes)
        do throws(JSONShapeError) {
            if object["format"] != nil {
                guard let hostDocument else {
                    throw JSONShapeError(path: "format", message: "says a document that is not read here")
                }
                return CPUDump(host: try hostDocument(object), name: name, format: .hostDocument)
            }
            if object["supported_cpuid"] != nil { return try CPUDump(kvmAnswers: object, name: name) }
            if object["guest_cpu_config"] != nil { return try CPUDump(fingerprint: object, name: name) }
            if object["cpuid_modifiers"] != nil { return try CPUDump(templateDump: object, name: name) }
        } catch {
            throw FormatError(error, file: name)
        }
        throw FormatError(
            .unrecognized, file: name,
            "the JSON object has none of the members \"format\", \"supported_cpuid\", \"guest_cpu_config\" and "
                + "\"cpuid_modifiers\" that tell what it is")
    }

    /// A dump of a host about which everything is known.
    init(host: HostCPU, name: String, format: Format) {
        self.init(
            name: name, format: format, subject: .supported, cpus: [CPU(number: 0, table: host.supported)],
            msrs: host.featureMSRs, kernel: host.identity.kernel, microcode: host.identity.microcode, host: host)
    }
}

/// The object that a JSON text is.
func jsonObject(_ bytes: [UInt8], file: String, limit: Int) throws(FormatError) -> JSONObject {
    let value: JSONValue
    do throws(JSONSyntaxError) {
        value = try JSONValue(parsing: bytes, limits: JSONLimits(maxDepth: 16, maxBytes: limit))
    } catch {
        throw FormatError(error, file: file, bytes: bytes)
    }
    guard case .object(let object) = value else {
        throw FormatError(
            .unrecognized, file: file, line: 1, column: 1, "the text must be an object, not \(value.kindName)")
    }
    return object
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == 0x20 || (0x9...0xD).contains(self) }
}
