// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.forget` for people.
public struct ForgottenReport: Report {
    private let name: String

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        name = try reader.string("forgotten")
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.sentence("cpumodeld has forgotten \(name). The VM itself is left alone.")
    }
}
