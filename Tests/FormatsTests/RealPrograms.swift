// SPDX-License-Identifier: Apache-2.0

import Glibc
import JSON

/// Programs of others, run to check what is written for them.
enum RealProgram {
    /// Whether there is a program of that name.
    static func isPresent(_ name: String) -> Bool {
        (unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "").split(separator: ":").contains {
            unsafe access("\($0)/\(name)", X_OK) == 0
        }
    }

    /// What a program writes, errors too, and its exit status. Arguments are quoted for the shell.
    static func run(_ arguments: [String], input: String = "") throws -> (output: String, status: Int) {
        let command = arguments.map(quoted).joined(separator: " ")
        let shell = "printf %s \(quoted(input)) | timeout 60 \(command) 2>&1; printf '\\n%s' $?"
        guard let pipe = unsafe popen(shell, "r") else { throw Failure(command: command, output: "popen failed") }
        defer { unsafe pclose(pipe) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe fread(&chunk, 1, chunk.count, pipe)
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        let output = String(decoding: bytes, as: UTF8.self)
        let status = output.split(whereSeparator: \.isNewline).last.flatMap { Int($0) }
        guard let status, let end = output.lastIndex(where: \.isNewline) else {
            throw Failure(command: command, output: output)
        }
        return (String(output[..<end]), status)
    }

    struct Failure: Error {
        let command: String
        let output: String
    }

    private static func quoted(_ word: String) -> String {
        "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}

/// The QEMU that is installed.
enum RealQEMU {
    static let name = "qemu-system-x86_64"
    static let isPresent = RealProgram.isPresent(name)
    static let absence = "no qemu-system-x86_64 is installed"

    /// The answers to QMP commands, on a machine without anything.
    static func ask(_ commands: [JSONValue], arguments: [String] = []) throws -> [JSONValue] {
        // The shell takes no more than 128 KiB in one word.
        if commands.count > 16 {
            return try ask(Array(commands.prefix(16)), arguments: arguments)
                + ask(Array(commands.dropFirst(16)), arguments: arguments)
        }
        let all = [["execute": "qmp_capabilities"]] + commands + [["execute": "quit"]]
        let input = all.map { $0.description }.joined(separator: "\n") + "\n"
        let machine = ["-machine", "none", "-nodefaults", "-no-user-config", "-display", "none", "-qmp", "stdio"]
        let (output, _) = try RealProgram.run([name] + machine + arguments, input: input)
        let answers = output.split(whereSeparator: \.isNewline).compactMap { line -> JSONValue? in
            guard let answer = try? JSONValue(parsing: String(line)) else { return nil }
            return answer["return"] ?? answer["error"]
        }
        guard answers.count == all.count else { throw RealProgram.Failure(command: input, output: output) }
        return Array(answers[1..<answers.count - 1])
    }

    /// Whether QEMU starts with the argument of `-cpu`; if not, what it says.
    static func complaint(_ cpu: String, acceleration: String) throws -> String? {
        // Without a board nobody gives the vCPU its APIC id.
        let arguments = ["-accel", acceleration, "-cpu", cpu + ",apic-id=0"]
        do {
            _ = try ask([], arguments: arguments)
            return nil
        } catch let failure as RealProgram.Failure {
            return failure.output
        }
    }
}
