// SPDX-License-Identifier: Apache-2.0

import CPUModels
public import UnitSyntax

/// What an administrator may choose: `/etc/cpumodeld/cpumodeld.conf`, overridden by the command line.
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
    /// How long an owner may take to run a job.
    public var ownerDeadline: Duration = .seconds(10)
    /// Who may have jobs run by the process that owns the VM.
    public var ownerCallers = CallerSet.everybody
    /// Who may have jobs run by cpumodeld-inject, where it is enabled.
    public var injectCallers = CallerSet.everybody
    /// The socket of cpumodeld-inject.
    public var injectSocketPath = "/run/cpumodeld-inject.sock"
    /// How long cpumodeld-inject may stop a process.
    public var injectDeadline: Duration = .seconds(5)
    /// Where events go.
    public var logTarget = LogTarget.auto
    /// Most connections at one time.
    public var maximumConnections = 1024
    /// Most bytes of one message.
    public var maximumMessageSize = 16 << 20

    /// Everything at its default.
    public init() {}

    /// Takes in a file. Keys that it does not set stay as they are.
    public mutating func read(_ bytes: [UInt8], file: String) throws(UnitSyntaxError) {
        let unit = try UnitFile(parsing: bytes, file: file)
        try unit.refuseSections(notIn: ["Daemon", "Executors", "Limits"])
        for section in unit.sections {
            switch section.name {
            case "Daemon": try readDaemon(section)
            case "Executors": try readExecutors(section)
            default: try readLimits(section)
            }
        }
    }

    /// Takes directories of model files from the command line, in place of all that are configured. Those may be
    /// missing; these may not.
    public mutating func setModelDirectories(_ directories: [String]) throws {
        for directory in directories { _ = try RegularFile.names(in: directory, mayBeMissing: false) }
        modelDirectories = directories
        definedModelsDirectory = nil
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

    private mutating func readDaemon(_ section: UnitSection) throws(UnitSyntaxError) {
        try section.refuseKeys(
            notIn: ["Socket", "QuerySocket", "SocketMode", "Models", "DefinedModels", "OwnerDeadlineSec", "Log"])
        if let path = section.last("Socket") { socketPath = try Self.absolutePath(path) }
        if let path = section.last("QuerySocket") { querySocketPath = try Self.absolutePath(path) }
        if let mode = section.last("SocketMode") {
            guard let bits = UInt32(mode.value, radix: 8), bits <= 0o777 else {
                throw mode.error("\(mode.key)= must be permission bits in octal, such as 0660.")
            }
            socketMode = bits
        }
        let directories = section.all("Models")
        if !directories.isEmpty {
            modelDirectories = []
            for assignment in directories { modelDirectories += try assignment.words() }
        }
        if let directory = section.last("DefinedModels") {
            definedModelsDirectory = directory.value.isEmpty ? nil : try Self.absolutePath(directory)
        }
        if let deadline = section.last("OwnerDeadlineSec") {
            ownerDeadline = try deadline.duration(in: .milliseconds(1) ... .seconds(3600))
        }
        if let log = section.last("Log") { logTarget = try log.enumeration() }
    }

    private mutating func readExecutors(_ section: UnitSection) throws(UnitSyntaxError) {
        try section.refuseKeys(notIn: ["Owner", "Inject", "InjectSocket", "InjectDeadlineSec"])
        if let callers = section.last("Owner") { ownerCallers = try CallerSet(callers) }
        if let callers = section.last("Inject") { injectCallers = try CallerSet(callers) }
        if let path = section.last("InjectSocket") { injectSocketPath = try Self.absolutePath(path) }
        if let deadline = section.last("InjectDeadlineSec") {
            injectDeadline = try deadline.duration(in: .milliseconds(1) ... .seconds(60))
        }
    }

    private mutating func readLimits(_ section: UnitSection) throws(UnitSyntaxError) {
        try section.refuseKeys(notIn: ["Connections", "MessageSize"])
        if let connections = section.last("Connections") {
            maximumConnections = try connections.integer(in: 1...100_000)
        }
        if let size = section.last("MessageSize") {
            maximumMessageSize = Int(try size.size(in: 4096...(64 << 20)))
        }
    }

    private static func absolutePath(_ assignment: UnitAssignment) throws(UnitSyntaxError) -> String {
        guard assignment.value.hasPrefix("/") else {
            throw assignment.error("\(assignment.key)= must be an absolute path.")
        }
        return assignment.value
    }
}
