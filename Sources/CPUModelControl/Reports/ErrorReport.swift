// SPDX-License-Identifier: Apache-2.0

public import CPUModelClient
import JSON

/// An error of the daemon for people: its sentence, and of its data what helps.
public enum ErrorReport {
    /// The text for standard error.
    ///
    /// - Parameter program: who says it; stands before the sentence.
    public static func render(_ error: DaemonError, program: String, style: OutputStyle) -> String {
        var page = Page(style: style)
        // In one line however long, so that it can be searched for and copied.
        page.line("\(program): \(error.message.printable)")
        let data = error.data.printable
        if let suggestion = data["suggestion"]?.stringValue, !error.message.contains(suggestion) {
            page.sentence("Did you mean \(suggestion)?", indent: 2)
        }
        var reader = ObjectReader(data, path: "error.data")
        // What cannot be read is left out: the sentence has been told.
        if data["features"] != nil, let features = try? UnavailableFeatures("features", &reader) {
            features.write(to: &page)
        }
        return page.text
    }
}
