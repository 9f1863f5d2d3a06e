// SPDX-License-Identifier: Apache-2.0

import CPUModelControl
import Glibc

/// Standard output or standard error: what it is, and how to write to it.
struct Terminal {
    static let standardOutput = Terminal(descriptor: STDOUT_FILENO)
    static let standardError = Terminal(descriptor: STDERR_FILENO)

    private let descriptor: CInt

    /// Whether a person is reading.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// How to write for it: to the width that COLUMNS or the terminal tells, 80 columns where nobody does; coloured on a
    /// terminal unless NO_COLOR is set (no-color.org).
    var style: OutputStyle {
        let noColor = environmentVariable("NO_COLOR") ?? ""
        let isPlain = !noColor.isEmpty || environmentVariable("TERM") == "dumb"
        return OutputStyle(width: width, isColored: isTerminal && !isPlain, now: Int64(time(nil)))
    }

    /// Writes a text; false when it cannot be written whole.
    func write(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            // The bytes are read only during the call.
            let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    private var width: Int {
        if let columns = environmentVariable("COLUMNS").flatMap({ Int($0) }), columns > 0 { return columns }
        var size = winsize()
        // The kernel writes one structure of this type.
        let answered = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size)
        return answered == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private func environmentVariable(_ name: String) -> String? {
        // The text belongs to the environment; it is copied before anything could change that.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
