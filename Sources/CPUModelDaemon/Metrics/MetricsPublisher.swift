// SPDX-License-Identifier: Apache-2.0

import Reactor

/// Writes the metrics to a file again and again, for node_exporter's textfile collector.
@ReactorActor
final class MetricsPublisher {
    private let file: FilePublisher
    private let text: @ReactorActor () -> String
    private var interval = Duration.seconds(15)
    private var timer: TimerToken?

    init(log: EventLog, text: @escaping @ReactorActor () -> String) {
        file = FilePublisher("The metrics are", log: log)
        self.text = text
    }

    /// Takes a configuration.
    func update(_ configuration: Configuration) {
        interval = configuration.metricsInterval
        file.move(to: configuration.metricsFile)
        if let timer { Reactor.main.cancel(timer) }
        timer = nil
        write()
    }

    /// Removes the file: the daemon ends, and its numbers are of the past.
    func stop() {
        if let timer { Reactor.main.cancel(timer) }
        timer = nil
        file.move(to: nil)
    }

    private func write() {
        guard file.isActive else { return }
        timer = Reactor.main.schedule(after: interval) { [weak self] in self?.write() }
        file.write(text())
    }
}
