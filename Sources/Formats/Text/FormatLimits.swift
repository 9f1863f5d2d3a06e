// SPDX-License-Identifier: Apache-2.0

/// The most that a text may ask of its reader. All are far beyond what real machines and programs write.
public enum FormatLimits {
    /// Bytes of a dump: a machine with 2048 CPUs, each dumped whole, has some 12 MiB.
    public static let dumpBytes = 16 << 20
    /// Bytes of a document that describes one CPU, or one virtual machine.
    public static let documentBytes = 4 << 20
    /// Bytes of a line.
    public static let lineBytes = 64 << 10
    /// CPUs in one dump.
    public static let cpus = 8192
    /// Rows of one CPU.
    public static let rowsOfCPU = 1024
    /// How deep XML elements may nest.
    public static let xmlDepth = 64
    /// How many elements and attributes an XML document may have.
    public static let xmlNodes = 1 << 18
}

/// Makes sure that a text is not larger than its reader takes, before any of it is looked at.
func checkSize(_ bytes: [UInt8], _ limit: Int, file: String) throws(FormatError) {
    guard bytes.count <= limit else {
        throw FormatError(.limit, file: file, "the text has \(bytes.count) bytes, more than the \(limit) that are read")
    }
}

/// Makes sure that a text is UTF-8 and has no NUL, as every format here demands.
func checkText(_ bytes: [UInt8], file: String) throws(FormatError) {
    if let offset = bytes.firstIndex(of: 0) {
        throw FormatError(.syntax, file: file, bytes: bytes, offset: offset, "the text contains a NUL byte")
    }
    do throws(UTF8.ValidationError) {
        _ = try UTF8Span(validating: bytes.span)
    } catch {
        throw FormatError(
            .syntax, file: file, bytes: bytes, offset: error.byteOffsets.lowerBound, "the text is not UTF-8")
    }
}
