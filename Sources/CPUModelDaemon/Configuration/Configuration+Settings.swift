// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// Every key of cpumodeld.conf, in the order in which config/cpumodeld.conf explains them.
    static let settings: [Setting] = [
        Setting(.daemon, "Socket", \.socketPath, .path, effect: .onRestart),
        Setting(.daemon, "QuerySocket", \.querySocketPath, .path, effect: .onRestart),
        Setting(.daemon, "SocketMode", \.socketMode, .mode, effect: .onRestart),
        Setting(.daemon, "Models", \.modelDirectories, .paths),
        Setting(.daemon, "DefinedModels", \.definedModelsDirectory, .optionalPath, effect: .onRestart),
        Setting(.daemon, "State", \.stateDirectory, .optionalPath, effect: .onRestart),
        Setting(.daemon, "History", \.historyDirectory, .optionalPath, effect: .onRestart),
        Setting(.daemon, "OwnerDeadlineSec", \.ownerDeadline, .duration(in: .milliseconds(1) ... .seconds(3600))),
        Setting(.daemon, "Log", \.logTarget, .word),
        Setting(.daemon, "MetricsFile", \.metricsFile, .optionalPath),
        Setting(.daemon, "MetricsIntervalSec", \.metricsInterval, .duration(in: .seconds(1) ... .seconds(3600))),
        Setting(.daemon, "FeaturesFile", \.featuresFile, .optionalPath),

        Setting(.access, "Query", \.queryCallers, .callers),
        Setting(.access, "Apply", \.applyCallers, .callers),
        Setting(.access, "Define", \.defineCallers, .callers),
        Setting(.access, "Forget", \.forgetCallers, .callers),

        Setting(.executors, "Owner", \.ownerCallers, .callers),
        Setting(.executors, "Inject", \.injectCallers, .callers),
        Setting(.executors, "InjectSocket", \.injectSocketPath, .path),
        Setting(.executors, "InjectDeadlineSec", \.injectDeadline, .duration(in: .milliseconds(1) ... .seconds(60))),

        Setting(.limits, "Connections", \.maximumConnections, .count(in: 1...100_000)),
        Setting(.limits, "MessageSize", \.maximumMessageSize, .size(in: 4096...(64 << 20))),
        Setting(.limits, "QueuedBytes", \.maximumQueuedBytes, .size(in: (1 << 20)...(64 << 30))),
        Setting(.limits, "ConnectionsPerUser", \.maximumConnectionsPerUser, .count(in: 1...100_000)),
        Setting(.limits, "QueuedBytesPerUser", \.maximumQueuedBytesPerUser, .size(in: (1 << 20)...(64 << 30))),
        Setting(.limits, "DescriptorsPerUser", \.maximumDescriptorsPerUser, .count(in: 1...(1 << 30))),
        Setting(.limits, "VMsPerUser", \.maximumVMsPerUser, .count(in: 1...1_000_000)),
    ]
}
