// SPDX-License-Identifier: Apache-2.0

import Descriptors
import Reactor

/// Keeps a file for other programs up to date, without waiting for the disk.
@ReactorActor
final class FilePublisher {
    private let subject: String
    private let log: EventLog
    private var path: String?
    private var isWriting = false
    /// What has come while an older text is being written.
    private var next: String?
    /// Whether the last attempt failed: it is told once.
    private var hasFailed = false

    /// - Parameter subject: what is in the file, as the beginning of a sentence: `The metrics are`.
    init(_ subject: String, log: EventLog) {
        self.subject = subject
        self.log = log
    }

    /// Whether there is a file to write.
    var isActive: Bool { path != nil }

    /// Writes to another file from now on, or to none. The old one is removed: it would stay as it is for ever, and look
    /// alive.
    func move(to path: String?) {
        if let old = self.path, old != path { PublishedFile.remove(old) }
        self.path = path
        hasFailed = false
    }

    /// Writes a text. Of texts that come faster than the disk takes them, the last is written.
    func write(_ text: String) {
        guard let path else { return }
        guard !isWriting else {
            next = text
            return
        }
        isWriting = true
        ReactorActor.task { [weak self] in
            let problem = await Self.write(text, to: path)
            self?.finish(path, problem)
        }
    }

    private func finish(_ written: String, _ problem: String?) {
        isWriting = false
        if written != path { PublishedFile.remove(written) }
        if let problem, !hasFailed {
            log.record(
                Event(.fileNotWritten, "\(subject) not written: \(problem)").with("CPUMODELD_FILE", written))
        }
        hasFailed = problem != nil
        if let text = next {
            next = nil
            write(text)
        }
    }

    private nonisolated(nonsending) static func write(_ text: String, to path: String) async -> String? {
        do {
            return try await Reactor.offThread { () -> String? in
                do throws(FileError) {
                    try PublishedFile.write(text, to: path)
                    return nil
                } catch {
                    return error.description
                }
            }
        } catch {
            return "\(error)"
        }
    }
}
