// SPDX-License-Identifier: Apache-2.0

import CPUModels
import UnitSyntax

/// A configuration with the models that it leads to, read whole and found right: what can be put in force.
public struct PreparedConfiguration: Sendable {
    /// The configuration.
    public let loaded: LoadedConfiguration
    let catalog: ModelCatalog

    /// Reads it all from where it comes from.
    ///
    /// - Throws: everything that is wrong with files of either kind.
    public init(reading source: ConfigurationSource) throws(ConfigurationError) {
        loaded = try source.load()
        do {
            catalog = try ModelCatalog(files: ModelFiles.inForce(loaded.configuration.modelSources))
        } catch let error as CatalogError {
            throw ConfigurationError(problems: error.problems.map(\.description))
        } catch {
            throw ConfigurationError(problems: ["\(error)"])
        }
    }
}
