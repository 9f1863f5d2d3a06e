// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelClient
import CPUModelControl
import Glibc
import JSON

/// A failure that is no error of the daemon or of the command line: its exit status and a sentence.
struct Failure: Error {
    let status: ExitStatus
    let message: String

    /// Says on standard error what went wrong, and ends the program with the status for it.
    static func exit(_ error: any Error) -> Never {
        switch error {
        case let status as ExitStatus:
            Glibc.exit(status.rawValue)
        case let failure as Failure:
            fail(failure.status, "\(program): \(failure.message.printable)\n")
        case ClientError.daemon(let error):
            let text = ErrorReport.render(error, program: program, style: Terminal.standardError.style)
            fail(ExitStatus(.daemon(error)), text)
        case let error as ClientError:
            fail(ExitStatus(error), "\(program): \(error.description.printable)\n")
        case let error as JSONShapeError:
            let error = ClientError.badAnswer(error.description)
            fail(ExitStatus(error), "\(program): \(error.description.printable)\n")
        default:
            exitFromParser(error)
        }
    }

    /// Help, the version, completions, and mistakes on the command line.
    private static func exitFromParser(_ error: any Error) -> Never {
        guard Cpumodelctl.exitCode(for: error) != .success else { Cpumodelctl.exit(withError: error) }
        let message = Cpumodelctl.fullMessage(for: error)
        let label = Cpumodelctl._errorLabel + ": "
        let sentence = message.hasPrefix(label) ? String(message.dropFirst(label.count)) : message
        fail(.usage, "\(program): \(sentence)\n")
    }

    private static func fail(_ status: ExitStatus, _ text: String) -> Never {
        // There is nowhere left to tell of a failure.
        _ = Terminal.standardError.write(text)
        Glibc.exit(status.rawValue)
    }

    private static let program = "cpumodelctl"
}
