// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelControl
import JSON

/// A CPU on the command line: this host, a VM, a model expression, a file, or a directory of files.
///
/// What has a `/` in it, or is the name of something that is there, is a file or a directory; `./` in front makes a
/// file of any name, and `model:` a model expression.
struct CPUArgument: ExpressibleByArgument {
    private enum Subject {
        case this
        case vm(String)
        case model(String)
        case file(InputFile)
        case directory(InputFile)
    }

    /// One CPU for the daemon.
    struct Reference {
        /// What people call it.
        let name: String
        /// The parameter.
        let parameter: JSONValue
        /// What is in the file, if it is one.
        var contents: [UInt8]?
    }

    /// The host that is asked.
    static let this = CPUArgument(subject: .this)

    /// For the help of verbs that take these.
    static let help =
        "A model expression, a file (a dump, or a host as 'cpumodelctl host --json' prints it), 'this' "
        + "host, or 'vm:NAME'"

    private let subject: Subject

    private init(subject: Subject) { self.subject = subject }

    init?(argument: String) {
        let file = InputFile(path: argument)
        if argument.isEmpty {
            return nil
        } else if argument == "this" {
            subject = .this
        } else if let name = Self.name(in: argument, behind: "vm:") {
            subject = .vm(name)
        } else if let expression = Self.name(in: argument, behind: "model:") {
            subject = .model(expression)
        } else {
            switch file.kind {
            case .directory: subject = .directory(file)
            case .file: subject = .file(file)
            case .nothing: subject = argument.contains("/") ? .file(file) : .model(argument)
            }
        }
    }

    private static func name(in argument: String, behind prefix: String) -> String? {
        guard argument.hasPrefix(prefix), argument.count > prefix.count else { return nil }
        return String(argument.dropFirst(prefix.count))
    }

    /// Whether it may be several CPUs.
    var isDirectory: Bool { if case .directory = subject { true } else { false } }

    /// Whether it can be a host to run on: neither a model nor a guest.
    var isHost: Bool {
        switch subject {
        case .this, .file, .directory: true
        case .vm, .model: false
        }
    }

    /// The CPU for the daemon.
    func reference() throws -> Reference {
        switch subject {
        case .this: return Reference(name: "this host", parameter: ["host": "this"])
        case .vm(let name): return Reference(name: "vm:\(name)", parameter: ["vm": .string(name)])
        case .model(let expression): return Reference(name: expression, parameter: ["model": .string(expression)])
        case .file(let file):
            let contents = try file.bytes()
            // Other bytes than UTF-8, such as old programs have in names of CPUs, are replaced.
            let text = String(decoding: contents, as: UTF8.self)
            return Reference(
                name: file.path, parameter: ["dump": .string(text), "name": .string(file.path)], contents: contents)
        case .directory(let file):
            throw Failure(
                status: .usage, message: "\(file.path) is a directory, and one CPU is needed here: name a file in it")
        }
    }

    /// This argument once, or for each file of a directory.
    func expanded() throws -> [CPUArgument] {
        guard case .directory(let directory) = subject else { return [self] }
        let files = try directory.files()
        guard !files.isEmpty else { throw Failure(status: .usage, message: "there is no file in \(directory.path)") }
        return files.map { CPUArgument(subject: .file($0)) }
    }

    /// The CPUs of some arguments, each file of a directory on its own.
    static func references(_ arguments: [CPUArgument]) throws -> [Reference] {
        try arguments.flatMap { try $0.expanded() }.map { try $0.reference() }
    }
}

/// A host on the command line: this one, a file, or a directory of files.
struct HostArgument: ExpressibleByArgument {
    let cpu: CPUArgument

    init?(argument: String) {
        guard let cpu = CPUArgument(argument: argument), cpu.isHost else { return nil }
        self.cpu = cpu
    }
}
