// SPDX-License-Identifier: Apache-2.0

import UnitSyntax

// Each of these gives a catalog that has what the one at hand has, or throws and leaves that one in force. Files that are
// refused already may stay so, or come to be right by what is changed.
extension ModelCatalog {
    /// The catalog with one more file.
    ///
    /// - Throws: ``CatalogError`` when there is a file of that path already, or it is wrong, or makes others wrong.
    public func adding(_ file: ModelFile) throws(CatalogError) -> ModelCatalog {
        if let other = files.first(where: { $0.path == file.path }) {
            throw CatalogError(at: other.path, "the file is part of the catalog already")
        }
        return try changed(to: files + [ModelReader(file)], by: file.path)
    }

    /// The catalog with a file in place of the one of the same path.
    ///
    /// - Throws: ``CatalogError`` when there is none of that path, or it is wrong, or makes others wrong: perhaps a
    ///   model that other models extend is gone.
    public func replacing(_ file: ModelFile) throws(CatalogError) -> ModelCatalog {
        let position = try position(of: file.path)
        var changed = files
        changed[position] = ModelReader(file)
        return try self.changed(to: changed, by: file.path)
    }

    /// The catalog without a file.
    ///
    /// - Throws: ``CatalogError`` when there is none of that path, or models of other files need what it defines.
    public func removing(path: String) throws(CatalogError) -> ModelCatalog {
        let position = try position(of: path)
        var rest = files
        rest.remove(at: position)
        return try changed(to: rest, by: path)
    }

    /// The catalog of other files, of which one is the reason.
    private func changed(to files: [ModelReader], by path: String) throws(CatalogError) -> ModelCatalog {
        let sieve = CatalogSieve(files, unreadable: unreadable)
        let before = Set(refused.map(\.path))
        let new = sieve.faults.filter { files[$0.file].path == path || !before.contains(files[$0.file].path) }
        guard new.isEmpty else {
            let roots = new.filter { !$0.isConsequence }
            throw CatalogError(problems: (roots.isEmpty ? new : roots).map(\.problem))
        }
        return ModelCatalog(sieve, of: files, unreadable: unreadable)
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
