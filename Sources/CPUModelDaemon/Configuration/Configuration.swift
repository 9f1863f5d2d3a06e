// SPDX-License-Identifier: Apache-2.0

import CPUModels

/// What an administrator may choose: the files of ``ConfigurationFiles``, overridden by the command line.
///
/// What each is called there, and how it is written, is in `Configuration+Settings.swift`.
public struct Configuration: Sendable {
    /// Where events go.
    public enum LogTarget: String, Sendable, CaseIterable {
        /// The journal where there is one, else standard error.
        case auto
        /// The journal.
        case journal
        /// Standard error.
        case stderr
    }

    /// The socket for launchers.
    public var socketPath = "/run/cpumodeld/cpumodeld.sock"
    /// The socket for queries.
    public var querySocketPath = "/run/cpumodeld/cpumodeld-query.sock"
    /// Permission bits of both sockets.
    public var socketMode: UInt32 = 0o660
    /// Directories of model files. A file hides those of the same name in later directories.
    public var modelDirectories = [
        "/etc/cpumodeld/models", "/run/cpumodeld/models", "/usr/local/lib/cpumodeld/models",
        "/usr/lib/cpumodeld/models",
    ]
    /// The directory of models that are defined at run time, read before the others; nil where none can be.
    public var definedModelsDirectory: String? = "/var/lib/cpumodeld/models"
    /// The directory of the registered VMs, by which they are known again after a restart; nil where they are not. What
    /// is in it is worth nothing after the machine has been started anew.
    public var stateDirectory: String? = "/run/cpumodeld/vms"
    /// The directory in which the daemon keeps what the host was like, over boots too; nil where it does not.
    public var historyDirectory: String? = "/var/lib/cpumodeld"
    /// How long an owner may take to run a job.
    public var ownerDeadline: Duration = .seconds(10)
    /// Who may have jobs run by the process that owns the VM.
    public var ownerCallers = CallerSet.everybody
    /// Who may ask about models, hosts and VMs.
    public var queryCallers = CallerSet(default: "root", "self", "group:cpumodel", "group:cpumodel-query")
    /// Who may give VMs their CPU.
    public var applyCallers = CallerSet(default: "root", "self", "group:cpumodel")
    /// Who may define and remove models.
    public var defineCallers = CallerSet(default: "root", "self")
    /// Who may drop VMs of others from the registry.
    public var forgetCallers = CallerSet(default: "root", "self")
    /// Who may have jobs run by cpumodeld-inject, where it is enabled.
    public var injectCallers = CallerSet.everybody
    /// The socket of cpumodeld-inject.
    public var injectSocketPath = "/run/cpumodeld-inject.sock"
    /// How long cpumodeld-inject may stop a process.
    public var injectDeadline: Duration = .seconds(5)
    /// Where events go.
    public var logTarget = LogTarget.auto
    /// The file for node_exporter's textfile collector; nil for none.
    public var metricsFile: String?
    /// How often it is written.
    public var metricsInterval: Duration = .seconds(15)
    /// The file for node-feature-discovery; nil for none.
    public var featuresFile: String?
    /// Most connections at one time.
    public var maximumConnections = 1024
    /// Most connections of one user.
    public var maximumConnectionsPerUser = 256
    /// Most bytes of all users that wait to be read, or for the end of a request.
    public var maximumQueuedBytes = 256 << 20
    /// Most bytes of one user that do.
    public var maximumQueuedBytesPerUser = 128 << 20
    /// Most descriptors of one user that are held, and most that are on their way.
    public var maximumDescriptorsPerUser = 1 << 17
    /// Most VMs of one user.
    public var maximumVMsPerUser = 4096
    /// Most bytes of one message.
    public var maximumMessageSize = 16 << 20

    /// Everything at its default.
    public init() {}

    /// Takes directories of model files from the command line, in place of all that are configured. Those may be
    /// missing; these may not.
    public mutating func setModelDirectories(_ directories: [String]) throws {
        for directory in directories { _ = try RegularFile.names(in: directory, mayBeMissing: false) }
        modelDirectories = directories
    }

    /// Takes the directory of models that are defined at run time from the command line.
    public mutating func setDefinedModelsDirectory(_ directory: String) throws {
        _ = try RegularFile.names(in: directory, mayBeMissing: false)
        definedModelsDirectory = directory
    }

    /// Where models are read from, those first that hide others: what an administrator put into /etc and /run, what was
    /// defined at run time, what came with the program.
    var modelSources: [ModelFiles.Source] {
        let configured = modelDirectories.map { directory in
            let isAdministrators = directory.hasPrefix("/etc/") || directory.hasPrefix("/run/")
            return ModelFiles.Source(directory: directory, origin: isAdministrators ? .administrator : .shipped)
        }
        let defined = definedModelsDirectory.map { ModelFiles.Source(directory: $0, origin: .runtime) }
        return configured.filter { $0.origin == .administrator } + [defined].compactMap { $0 }
            + configured.filter { $0.origin == .shipped }
    }
}
