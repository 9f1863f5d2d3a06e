// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSON
import Testing

private let folder = URL(filePath: #filePath).deletingLastPathComponent()

/// A result from the folder Fixtures.
func fixture(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: Array(Data(contentsOf: folder.appending(path: "Fixtures/\(name).json"))))
}

/// Expects a text to be that in the folder Golden, or with `CPUMODELD_UPDATE_GOLDEN` puts it there.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let file = folder.appending(path: "Golden/\(name)")
    if ProcessInfo.processInfo.environment["CPUMODELD_UPDATE_GOLDEN"] != nil {
        #expect(throws: Never.self, sourceLocation: sourceLocation) { try Data(text.utf8).write(to: file) }
    }
    let golden = (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) }
    #expect(text == golden, sourceLocation: sourceLocation)
}
