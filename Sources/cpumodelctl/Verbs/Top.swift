// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelClient
import CPUModelControl
import JSON

/// `cpumodelctl top`
struct Top: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show all VMs, and what they may use, live on the whole terminal.",
        discussion: """
            RUNTIME lists what comes and goes with the guest's state and is on now: a name alone when all vCPUs have it, \
            'name 3/4' when some have, 'name?' when nobody can tell. SOURCE is the least of the sources that the values \
            come from, and AGE the greatest age.

            Keys: q quits; j, k and the arrows move by a line, space, b and the page keys by a page, g and G to the \
            first and last VM.
            """)

    @Option(
        help: ArgumentHelp("Look this often at what vCPUs may use.", valueName: "seconds"))
    var interval: Double = 2

    @OptionGroup var daemon: Daemon

    func validate() throws {
        guard (0.1...3600).contains(interval) else { throw ValidationError("--interval takes 0.1 to 3600 seconds.") }
        guard !daemon.json else {
            throw ValidationError("top is for people: 'cpumodelctl watch --json' is for programs.")
        }
    }

    func run() throws {
        var client = try daemon.client(for: .watchVMs)
        var fleet = try Fleet(watch: try watch(&client))
        // From here on the terminal is ours, and it is put back by whatever way this function is left.
        let terminal = try FullScreen()
        var screen = TopScreen(style: terminal.style, width: 80, height: 24)
        let start = ContinuousClock.now
        while true {
            screen.style = terminal.style
            (screen.width, screen.height) = terminal.size
            screen.scroll(by: 0, of: fleet)
            try terminal.show(screen.lines(fleet, now: milliseconds(since: start)))
            switch try terminal.wait(for: client.descriptor, atMost: .seconds(1)) {
            case .keys(let keys):
                for key in keys {
                    guard Self.act(on: key, &screen, fleet, terminal) else { return }
                }
            case .nothing: break
            case .ended(let signal): return terminal.end(by: signal)
            }
            if try !takeEvents(from: &client, into: &fleet, now: milliseconds(since: start), terminal.style) {
                // The terminal was too slow for the events: begin anew with what there is.
                client = try daemon.client(for: .watchVMs)
                fleet = try Fleet(watch: try watch(&client))
            }
        }
    }

    private func watch(_ client: inout Client) throws -> JSONValue {
        try client.call(.watchVMs, ["capsMs": .integer(Int64(interval * 1000))])
    }

    /// Takes in what has come; false when the watch has ended.
    private func takeEvents(
        from client: inout Client, into fleet: inout Fleet, now: Int64, _ style: OutputStyle
    ) throws -> Bool {
        var rest = Self.eventsAtOnce
        while rest > 0, let event = try client.notification(WatchResult.notification, within: .milliseconds(1)) {
            guard try fleet.take(event, now: now, style: style) else { return false }
            rest -= 1
        }
        return true
    }

    /// So many events are taken in before the screen is drawn and keys are looked at again.
    private static let eventsAtOnce = 10_000

    /// False when the program is to end.
    private static func act(
        on key: TopKey, _ screen: inout TopScreen, _ fleet: Fleet, _ terminal: borrowing FullScreen
    ) -> Bool {
        switch key {
        case .quit: return false
        case .suspend: terminal.suspend()
        case .down: screen.scroll(by: 1, of: fleet)
        case .up: screen.scroll(by: -1, of: fleet)
        case .pageDown: screen.scroll(by: screen.page, of: fleet)
        case .pageUp: screen.scroll(by: -screen.page, of: fleet)
        case .first: screen.scroll(toEnd: false, of: fleet)
        case .last: screen.scroll(toEnd: true, of: fleet)
        }
        return true
    }

    private func milliseconds(since start: ContinuousClock.Instant) -> Int64 {
        Int64((ContinuousClock.now - start) / .milliseconds(1))
    }
}
