// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

/// A trace buffer of one's own, so that nobody else's tracing is disturbed (Documentation/trace/ftrace.rst, Instances).
final class Tracing {
    private static let root = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
        .first { TestHost.exists($0 + "/instances") }

    static let isPossible = root.map { TestHost.exists($0 + "/events/kvm") && access_($0 + "/instances") } ?? false

    private let folder: String

    /// Traces that event until the object goes.
    init(event: String) throws {
        folder = try #require(Self.root) + "/instances/cpumodeld-tests-\(getpid())"
        try #require(unsafe mkdir(folder, 0o700) == 0)
        let file = unsafe open(folder + "/events/\(event)/enable", O_WRONLY | O_CLOEXEC)
        defer { close(file) }
        try #require(unsafe write(file, "1", 1) == 1)
    }

    deinit { unsafe rmdir(folder) }

    func lines(containing text: String) -> [Substring] {
        TestHost.contents(of: folder + "/trace").split(separator: "\n").filter { $0.contains(text) }
    }

    private static func access_(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }
}
