// SPDX-License-Identifier: Apache-2.0

import CPUModels

/// A configuration with the models that it leads to, read whole: what can be put in force.
///
/// The daemon starts with it even if some files of models are wrong, and goes without those: a mistake in one must not keep
/// the VMs of all others from being started. A reload takes it only when all of it is right (``checked()``), as what is in
/// force is better than what has a mistake in it.
public struct PreparedConfiguration: Sendable {
    /// The configuration.
    public let loaded: LoadedConfiguration
    /// The models of all files that are right.
    let catalog: ModelCatalog

    /// Reads it all from where it comes from.
    ///
    /// - Throws: everything that is wrong with the configuration. What is wrong with models the catalog tells.
    public init(reading source: ConfigurationSource) throws(ConfigurationError) {
        loaded = try source.load()
        catalog = ModelFiles.catalog(of: loaded.configuration.modelSources)
    }

    /// The same, if all files of models are right.
    ///
    /// - Throws: everything that is wrong with them.
    public func checked() throws(ConfigurationError) -> PreparedConfiguration {
        let problems = catalog.refused.filter { !$0.isConsequence }.flatMap(\.problems)
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        return self
    }
}
