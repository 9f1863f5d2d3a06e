// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import Synchronization
import Testing

/// Memory files that can be told from all others in the table of open files, to see who closes them.
final class MemoryFiles {
    private static let serial = Atomic<Int>(0)

    let prefix: String
    let descriptors: [CInt]

    /// Files named `<prefix>-0` and so on, each held open here once.
    init(_ count: Int) {
        let prefix = "t\(Self.serial.add(1, ordering: .relaxed).newValue)"
        self.prefix = prefix
        descriptors = (0..<count).map { unsafe clinux_memfd_create("\(prefix)-\($0)", 0) }
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }

    /// How many descriptors of this process refer to these files.
    var openCount: Int {
        guard let directory = unsafe opendir("/proc/self/fd") else { return -1 }
        defer { unsafe closedir(directory) }
        var count = 0
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if let number = CInt(name), Self.name(of: number)?.hasPrefix(prefix + "-") ?? false { count += 1 }
        }
        return count
    }

    /// Expects that nobody but the test has these files open, now or very soon.
    func expectNothingLeaked(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while openCount != descriptors.count, .now < deadline { try await Task.sleep(for: .milliseconds(2)) }
        #expect(openCount == descriptors.count, sourceLocation: sourceLocation)
    }

    /// The name that a memory file was given.
    static func name(of descriptor: CInt) -> String? {
        let link = DescriptorLink.name(of: descriptor)
        guard link.hasPrefix("/memfd:") else { return nil }
        return link.dropFirst("/memfd:".count).split(separator: " ").first.map(String.init)
    }
}
