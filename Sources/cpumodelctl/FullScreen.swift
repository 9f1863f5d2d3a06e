// SPDX-License-Identifier: Apache-2.0

import CLinux
import CPUModelControl
import Glibc

/// The terminal as a screen of one's own: no echo, every key at once, and another screen than that of the shell.
///
/// It is put back when this value goes, whatever the reason: signals that would end the program come as what ``wait``
/// returns.
struct FullScreen: ~Copyable {
    /// What there was to wait for.
    enum Happening {
        case keys([TopKey])
        /// A signal that ends programs.
        case ended(CInt)
        /// Time has passed, the size has changed, or the other descriptor can be read.
        case nothing
    }

    private let saved: termios
    private let signals: CInt

    private static let endingSignals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
    private static let handledSignals = endingSignals + [SIGWINCH, SIGCONT]

    init() throws {
        var settings = termios()
        // The structures are the kernel's to fill, and outlive the calls.
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, unsafe tcgetattr(STDIN_FILENO, &settings) == 0
        else { throw Failure(status: .usage, message: "top needs a terminal: it is for people") }
        let handled = Self.handledSignals
        guard unsafe clinux_signal_block(handled, handled.count) == 0 else {
            throw Failure(status: .no, message: "signals cannot be blocked")
        }
        let descriptor = unsafe clinux_signalfd(-1, handled, handled.count)
        guard descriptor >= 0 else { throw Failure(status: .no, message: "signals cannot be waited for") }
        saved = settings
        signals = descriptor
        enter()
    }

    deinit {
        leave()
        close(signals)
    }

    /// How to write on it.
    var style: OutputStyle { Terminal.standardOutput.style }

    /// Its columns and rows, as they are now.
    var size: (columns: Int, rows: Int) {
        var size = winsize()
        // The kernel writes one structure of this type.
        let answered = unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
        let isKnown = answered == 0 && size.ws_row > 0 && size.ws_col > 0
        return isKnown ? (Int(size.ws_col), Int(size.ws_row)) : (80, 24)
    }

    /// Shows these lines, one for each row.
    func show(_ lines: [String]) throws {
        // Home, and each row emptied before it is written (ECMA-48: CUP, EL): behind a full row the cursor still stands on
        // its last character.
        let text = "\u{1b}[H" + lines.map { "\u{1b}[2K" + $0 }.joined(separator: "\r\n")
        guard Terminal.standardOutput.write(text) else {
            throw Failure(status: .no, message: "the terminal cannot be written to")
        }
    }

    /// Waits for a key, a signal or the descriptor.
    func wait(for descriptor: CInt, atMost time: Duration) throws -> Happening {
        var entries = [STDIN_FILENO, signals, descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let ready = unsafe poll(&entries, nfds_t(entries.count), CInt(time / .milliseconds(1)))
        guard ready > 0 else { return .nothing }
        if entries[1].revents != 0, let happening = readSignals() { return happening }
        if entries[0].revents != 0 { return readKeys() }
        return .nothing
    }

    /// Gives the terminal back, stops, and takes the terminal again when the shell lets the program go on.
    func suspend() {
        leave()
        kill(getpid(), SIGSTOP)
        enter()
    }

    /// Puts the terminal back and dies of the signal, as the one who sent it expects.
    consuming func end(by signal: CInt) {
        leave()
        // The language's runtime takes SIGQUIT for a crash to be reported.
        _ = Glibc.signal(signal, SIG_DFL)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, signal)
        unsafe sigprocmask(SIG_UNBLOCK, &set, nil)
        kill(getpid(), signal)
    }

    // MARK: Coming and going

    private func enter() {
        var raw = saved
        unsafe cfmakeraw(&raw)
        _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        // The alternate screen, without a cursor (xterm's private modes 1049 and 25).
        _ = Terminal.standardOutput.write("\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J")
    }

    private func leave() {
        _ = Terminal.standardOutput.write("\u{1b}[?25h\u{1b}[?1049l")
        var settings = saved
        _ = unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }

    // MARK: Reading

    private func readSignals() -> Happening? {
        var signal = clinux_signal()
        while unsafe clinux_signalfd_read(signals, &signal) == 1 {
            let number = CInt(signal.number)
            if Self.endingSignals.contains(number) { return .ended(number) }
            // Whoever stopped the program had the terminal meanwhile.
            if number == SIGCONT { enter() }
        }
        return nil
    }

    private func readKeys() -> Happening {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe Glibc.read(STDIN_FILENO, &bytes, bytes.count)
        // Without a terminal to read from there is nobody to show anything to.
        guard count > 0 else { return .ended(SIGHUP) }
        return .keys(TopKey.keys(in: bytes.prefix(count)))
    }
}
