// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import JSON
import X86CPU

extension UnavailableFeature: JSONWritable {
    /// Writes the feature's name, the reason as a sentence, and the feature's place.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("feature", FeatureRegistry.shared.name(of: feature))
            writer.member("reason", reasonText)
            writer.writePlace(of: feature)
        }
    }

    static let schema = Schema.object(
        [.required("feature", .string("")), .required("reason", .string(""))] + Schema.optionalPlace, "")
}
