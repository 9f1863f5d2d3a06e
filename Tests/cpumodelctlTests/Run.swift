// SPDX-License-Identifier: Apache-2.0

import CLinux
import Foundation
import Testing

/// What a run of cpumodelctl came to.
struct Run {
    let status: Int32
    let output: String
    let error: String
    /// What it asked the daemon, a line each.
    let requests: [String]
}

/// Runs cpumodelctl, as it was built with this test, beside a daemon that gives one prepared answer a connection.
///
/// - Parameter input: what it can read from standard input.
func run(
    _ arguments: [String], answers: [String] = [], environment: [String: String] = [:], input: String = ""
) throws -> Run {
    let folder = FileManager.default.temporaryDirectory.appending(path: "cpumodelctl-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "socket").path

    let listener = unsafe clinux_unix_listen(path, 0o600, 8)
    try #require(listener >= 0)
    defer { close(listener) }

    let process = Process()
    let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    process.executableURL = programs.appending(path: "cpumodelctl")
    process.arguments = arguments
    // It may be built with a sanitizer, like this test, which looks in PATH for what tells it the names of functions.
    let sanitizers = ProcessInfo.processInfo.environment.filter { $0.key.hasSuffix("SAN_OPTIONS") || $0.key == "PATH" }
    process.environment = sanitizers.merging(["CPUMODELD_SOCKET": path]) { $1 }.merging(environment) { $1 }
    // Files, for a pipe holds 64 KiB, and nobody reads it before the program has ended.
    let (inputFile, outputFile, errorFile) = (
        folder.appending(path: "input"), folder.appending(path: "output"), folder.appending(path: "error")
    )
    try Data(input.utf8).write(to: inputFile)
    process.standardInput = try FileHandle(forReadingFrom: inputFile)
    process.standardOutput = try emptyFile(outputFile)
    process.standardError = try emptyFile(errorFile)
    try process.run()

    let requests = try answers.map { try serve(listener, $0) }
    process.waitUntilExit()
    return Run(
        status: process.terminationStatus, output: try text(of: outputFile), error: try text(of: errorFile),
        requests: requests)
}

private func emptyFile(_ file: URL) throws -> FileHandle {
    try Data().write(to: file)
    return try FileHandle(forWritingTo: file)
}

/// Takes a connection and one line from it, and answers.
private func serve(_ listener: CInt, _ answer: String) throws -> String {
    var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    try #require(unsafe poll(&entry, 1, 20_000) == 1, "cpumodelctl did not connect")
    let connection = FileHandle(fileDescriptor: clinux_accept(listener), closeOnDealloc: true)
    var request = Data()
    while request.last != UInt8(ascii: "\n") {
        entry = pollfd(fd: connection.fileDescriptor, events: Int16(POLLIN), revents: 0)
        try #require(unsafe poll(&entry, 1, 20_000) == 1, "cpumodelctl did not ask")
        request += connection.availableData
    }
    try connection.write(contentsOf: Data((answer + "\n").utf8))
    return String(decoding: request.dropLast(), as: UTF8.self)
}

private func text(of file: URL) throws -> String {
    // Not Data(contentsOf:), which leaks its buffer when the file is empty.
    let handle = try FileHandle(forReadingFrom: file)
    return String(decoding: handle.readDataToEndOfFile(), as: UTF8.self)
}

/// The answer to a first call: its result.
func answer(_ result: String) -> String { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\(result)}" }

/// The answer to a first call: an error.
func refusal(_ code: Int, _ message: String, data: String = "{}") -> String {
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\(code),\"message\":\"\(message)\",\"data\":\(data)}}"
}
