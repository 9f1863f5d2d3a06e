// SPDX-License-Identifier: Apache-2.0

/// What a file may ask of its reader.
public struct UnitLimits: Sendable, Hashable {
    /// How many bytes the file may have. More are refused before any is looked at.
    public var maxBytes: Int

    /// How many lines the file may have.
    public var maxLines: Int

    /// How many bytes a line may have, together with those that continue it.
    public var maxLineBytes: Int

    /// Limits; what is left out is far beyond what anybody writes by hand.
    public init(maxBytes: Int = 1 << 20, maxLines: Int = 1 << 15, maxLineBytes: Int = 1 << 16) {
        self.maxBytes = maxBytes
        self.maxLines = maxLines
        self.maxLineBytes = maxLineBytes
    }
}
