// SPDX-License-Identifier: Apache-2.0

import UnitSyntax

/// Finds among model files as many as make a catalog that is right as a whole.
///
/// A file in which anything is wrong is left out whole: half a model would be another CPU than its author meant. Then the
/// rest is put together anew, as what is left may have stood on it, until nothing is wrong.
struct CatalogSieve {
    /// What is wrong with a file.
    struct Fault {
        let file: Int
        let problem: UnitSyntaxError
        /// Whether it is wrong only since another file is refused.
        let isConsequence: Bool
    }

    /// The catalog of what is right.
    private(set) var builder: CatalogBuilder
    /// Everything that is wrong, in the order of files and lines.
    private(set) var faults: [Fault] = []
    /// The files that are left out, in order.
    private(set) var refused: [RefusedModelFile]

    /// Sieves files, beside those that are refused as they cannot be read.
    init(_ files: [ModelReader], unreadable: [RefusedModelFile]) {
        var left = Array(files.indices)
        refused = unreadable
        builder = CatalogBuilder(files, refused: refused)
        builder.build()
        while !builder.faults.isEmpty {
            let found = builder.faults.map {
                Fault(file: left[$0.file], problem: $0.problem, isConsequence: $0.isConsequence)
            }
            let byFile = Dictionary(grouping: found, by: \.file)
            for (position, faults) in byFile.sorted(by: { $0.key < $1.key }) {
                refused.append(
                    RefusedModelFile(
                        files[position], faults.map(\.problem.description),
                        isConsequence: faults.allSatisfy(\.isConsequence)))
            }
            faults += found
            left.removeAll { byFile[$0] != nil }
            builder = CatalogBuilder(left.map { files[$0] }, refused: refused)
            builder.build()
        }
        faults.sort { ($0.file, $0.problem.location.line) < ($1.file, $1.problem.location.line) }
        refused.sort { $0.path < $1.path }
    }
}
