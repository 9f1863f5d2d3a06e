// SPDX-License-Identifier: Apache-2.0

import CPUModels

extension FormatError {
    /// A model that a text names and that is not there: nobody knows it, or its file is wrong.
    init(unknownModel name: String, in catalog: ModelCatalog, file: String) {
        if let refused = catalog.refusedFile(of: name) {
            let message = "the model \(quoted(name)) is left out, as its file is wrong: \(refused.summary)"
            self.init(.unknownName, file: file, message)
        } else {
            let suggestion = catalog.nearestName(to: name).map { "; did you mean \"\($0)\"?" } ?? ""
            self.init(.unknownName, file: file, "there is no model \(quoted(name))\(suggestion)")
        }
    }
}
