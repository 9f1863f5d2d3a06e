// SPDX-License-Identifier: Apache-2.0

import UnitSyntax

// A catalog with an error is none: each of these gives a catalog that is right as a whole, or throws and leaves the
// one at hand in force.
extension ModelCatalog {
    /// The catalog with one more file.
    ///
    /// - Throws: ``CatalogError`` when there is a file of that path already, or the whole would not be right.
    public func adding(_ file: ModelFile) throws(CatalogError) -> ModelCatalog {
        if let other = files.first(where: { $0.path == file.path }) {
            throw CatalogError(at: other.path, "the file is part of the catalog already")
        }
        return try ModelCatalog(reading: files + [ModelReader(file)])
    }

    /// The catalog with a file in place of the one of the same path.
    ///
    /// - Throws: ``CatalogError`` when there is none of that path, or the whole would not be right: perhaps a model that
    ///   other models extend is gone.
    public func replacing(_ file: ModelFile) throws(CatalogError) -> ModelCatalog {
        let position = try position(of: file.path)
        var changed = files
        changed[position] = ModelReader(file)
        return try ModelCatalog(reading: changed)
    }

    /// The catalog without a file.
    ///
    /// - Throws: ``CatalogError`` when there is none of that path, or models of other files need what it defines.
    public func removing(path: String) throws(CatalogError) -> ModelCatalog {
        let position = try position(of: path)
        var rest = files
        rest.remove(at: position)
        return try ModelCatalog(reading: rest)
    }

    private func position(of path: String) throws(CatalogError) -> Int {
        if let position = files.firstIndex(where: { $0.path == path }) { return position }
        throw CatalogError(at: path, "the file is no part of the catalog")
    }
}

extension CatalogError {
    fileprivate init(at path: String, _ message: String) {
        self.init(problems: [UnitSyntaxError(SourceLocation(file: path, line: 1), message)])
    }
}
