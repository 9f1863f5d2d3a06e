// SPDX-License-Identifier: Apache-2.0

/// What a JSON text may ask of its reader.
public struct JSONLimits: Sendable, Hashable {
    /// The deepest nesting that any reader accepts, whatever ``maxDepth`` says: the reader recurses, and so does
    /// everything that walks a tree.
    public static let depthCeiling = 512

    /// How deep arrays and objects may nest: `[]` is 1 deep. Values above ``depthCeiling`` count as that.
    public var maxDepth: Int

    /// How many bytes the text may have, spaces included.
    public var maxBytes: Int

    /// How many members and elements all objects and arrays of the text may have together. It bounds memory: the
    /// shortest member takes 2 bytes of text and some 24 of memory.
    public var maxMembers: Int

    /// Limits; what is left out is what suits one message on a socket.
    public init(maxDepth: Int = 64, maxBytes: Int = 1 << 20, maxMembers: Int = 1 << 18) {
        self.maxDepth = maxDepth
        self.maxBytes = maxBytes
        self.maxMembers = maxMembers
    }
}
