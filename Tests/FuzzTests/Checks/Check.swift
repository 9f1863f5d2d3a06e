// SPDX-License-Identifier: Apache-2.0

import Reactor

/// What readers of strangers' bytes must do with whatever comes. The fuzzer finds inputs, and every test run checks those in
/// `Tests/Fuzz/Corpus`, in a directory of the check's name.
///
/// A check ends the program when something is not as it must be: that is what a fuzzer takes for a find.
public enum Check: String, CaseIterable, Sendable {
    /// The JSON reader and writer.
    case json = "JSON"
    /// The reader of configuration and model files.
    case unitSyntax = "UnitSyntax"
    /// The readers of CPU dumps.
    case dumps = "Dumps"
    /// The readers of everyone else's CPU models.
    case models = "Models"
    /// A client's bytes and descriptors.
    case connection = "Connection"
    /// The results of a job.
    case job = "Job"
    /// The state of a VM.
    case state = "State"
    /// What the host was like.
    case history = "History"
    /// The daemon's configuration.
    case configuration = "Configuration"

    /// How it is run.
    public enum Body: Sendable {
        /// On whichever thread.
        case anywhere(@Sendable ([UInt8]) -> Void)
        /// On the reactor's.
        case onReactor(@Sendable @ReactorActor ([UInt8]) -> Void)
    }

    /// The check itself.
    public var body: Body {
        switch self {
        case .json: .anywhere(checkJSON)
        case .unitSyntax: .anywhere(checkUnitSyntax)
        case .dumps: .anywhere(checkDumps)
        case .models: .anywhere(checkModels)
        case .connection: .onReactor(checkConnection)
        case .job: .anywhere(checkJob)
        case .state: .anywhere(checkState)
        case .history: .anywhere(checkHistory)
        case .configuration: .anywhere(checkConfiguration)
        }
    }
}
