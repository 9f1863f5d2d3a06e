// SPDX-License-Identifier: Apache-2.0

/// Metrics as text: OpenMetrics 1.0, or Prometheus' older format, which is the one that node_exporter's textfile collector
/// reads. They differ in the names of counters, and the older one knows neither info metrics nor units.
struct MetricsText {
    enum Dialect {
        case openMetrics
        case prometheus
    }

    /// What a family of metrics counts.
    enum Kind: String {
        case counter, gauge, histogram
        /// A constant 1, with what there is to know in its labels.
        case info
    }

    typealias Label = (name: StaticString, value: String)

    /// Media type of OpenMetrics text.
    static let contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    private let dialect: Dialect
    private var text = ""

    init(_ dialect: Dialect) {
        self.dialect = dialect
        text.reserveCapacity(1 << 15)
    }

    /// The text so far, with what ends it.
    func finished() -> String { dialect == .openMetrics ? text + "# EOF\n" : text }

    /// A family of counters, gauges or info metrics.
    ///
    /// - Parameters:
    ///   - name: without `_total` or `_info`, and with the unit, if there is one, as its last word.
    ///   - samples: adds them, at least one.
    mutating func family(
        _ name: String, _ kind: Kind, unit: String? = nil, _ help: String, samples: (inout Samples) -> Void
    ) {
        let suffix = kind == .counter ? "_total" : kind == .info ? "_info" : ""
        head(name, suffix, kind, unit, help)
        var lines = Samples(name: name + suffix)
        samples(&lines)
        text += lines.text
    }

    /// A single number.
    mutating func gauge(_ name: String, unit: String? = nil, _ help: String, _ value: some MetricNumber) {
        family(name, .gauge, unit: unit, help) { $0.add([], value) }
    }

    /// A single count.
    mutating func counter(_ name: String, _ help: String, _ value: some MetricNumber) {
        family(name, .counter, help) { $0.add([], value) }
    }

    /// A family of histograms of times, whose name ends in `_seconds`.
    mutating func histograms(
        _ name: String, _ help: String, _ histograms: [(labels: [Label], histogram: LatencyHistogram)]
    ) {
        head(name, "", .histogram, "seconds", help)
        for (labels, histogram) in histograms {
            var buckets = Samples(name: "\(name)_bucket")
            for (bound, count) in histogram.buckets { buckets.add(labels + [("le", bound)], count) }
            var count = Samples(name: "\(name)_count")
            count.add(labels, histogram.count)
            var sum = Samples(name: "\(name)_sum")
            sum.add(labels, histogram.sumOfSeconds)
            text += buckets.text + count.text + sum.text
        }
    }

    private mutating func head(_ name: String, _ suffix: String, _ kind: Kind, _ unit: String?, _ help: String) {
        switch dialect {
        case .openMetrics:
            text += "# TYPE \(name) \(kind.rawValue)\n"
            if let unit { text += "# UNIT \(name) \(unit)\n" }
            text += "# HELP \(name) \(Self.escaped(help))\n"
        case .prometheus:
            let kind = kind == .info ? Kind.gauge : kind
            text += "# HELP \(name)\(suffix) \(Self.escaped(help))\n"
            text += "# TYPE \(name)\(suffix) \(kind.rawValue)\n"
        }
    }

    /// The lines of samples of one name.
    struct Samples {
        fileprivate let name: String
        fileprivate var text = ""

        fileprivate init(name: String) { self.name = name }

        /// Adds a sample.
        mutating func add(_ labels: [Label], _ value: some MetricNumber) {
            text += name
            if !labels.isEmpty {
                text += "{"
                for (index, label) in labels.enumerated() {
                    if index > 0 { text += "," }
                    text += "\(label.name)=\"\(MetricsText.escaped(label.value))\""
                }
                text += "}"
            }
            text += " \(value.metricText)\n"
        }
    }

    /// Text of help and labels: a backslash before itself and the quote, and before an `n` for a line feed.
    fileprivate static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x0A || $0 == 0x22 || $0 == 0x5C }) else { return text }
        return text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\"", with: "\\\"")
    }
}

/// A number that can be the value of a metric.
protocol MetricNumber {
    /// The number in decimal.
    var metricText: String { get }
}

extension Int: MetricNumber {
    var metricText: String { String(self) }
}

extension UInt64: MetricNumber {
    var metricText: String { String(self) }
}

extension Double: MetricNumber {
    var metricText: String { description }
}
