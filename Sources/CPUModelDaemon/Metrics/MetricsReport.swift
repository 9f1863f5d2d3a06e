// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Glibc
import JSONRPC
import Reactor
import X86CPU

/// Everything there is to count, at one moment.
@ReactorActor
struct MetricsReport {
    let metrics: Metrics
    let log: EventLog
    let status: StatusResult
    let host: HostCPU?
    let registry: VMRegistry
    /// Bytes of connections that wait.
    let queuedBytes: Int
    /// Connections that are told what happens to VMs.
    let watchers: Int
    let startTime: Double

    /// The report as text.
    func text(_ dialect: MetricsText.Dialect) -> String {
        var text = MetricsText(dialect)
        writeIdentity(to: &text)
        writeRequests(to: &text)
        writeHoldings(to: &text)
        writeCare(to: &text)
        return text.finished()
    }

    private func writeIdentity(to text: inout MetricsText) {
        text.family("cpumodeld_build", .info, "The version of the daemon.") { $0.add([("version", status.version)], 1) }
        text.family("cpumodeld_catalog", .info, "The models in force; equal digests are equal models.") {
            $0.add([("digest", status.catalogDigest)], 1)
        }
        text.gauge("cpumodeld_catalog_models", "Models in force.", status.models)
        text.gauge("cpumodeld_catalog_versions", "Versions of all models in force.", status.versions)
        text.gauge(
            "cpumodeld_model_files_refused", "Files of models that are left out since something is wrong with them.",
            status.refusedModelFiles.count)
        text.gauge("cpumodeld_kvm_usable", "Whether KVM can be used on this host.", host == nil ? 0 : 1)
        if let identity = host?.identity {
            text.family("cpumodeld_host", .info, "What this host is to its guests.") {
                $0.add(
                    [
                        ("vendor", identity.vendor.description), ("signature", "\(identity.signature)"),
                        ("microcode", "0x" + String(identity.microcode, radix: 16)), ("kernel", identity.kernel),
                        ("module", identity.module),
                    ], 1)
            }
        }
        text.gauge(
            "cpumodeld_start_time_seconds", unit: "seconds", "When the daemon was started, since 1970.", startTime)
    }

    private func writeRequests(to text: inout MetricsText) {
        let methods = metrics.methods.sorted { $0.key < $1.key }
        text.family("cpumodeld_requests", .counter, "Requests answered, by method and by ok or kind of error.") {
            lines in
            for (method, counts) in methods {
                lines.add([("method", method), ("outcome", "ok")], counts.successes)
                for (code, count) in counts.errors.sorted(by: { $0.key > $1.key }) {
                    lines.add([("method", method), ("outcome", Self.outcome(ofCode: code))], count)
                }
            }
        }
        text.histograms(
            "cpumodeld_request_duration_seconds", "From a request to its answer.",
            methods.map { method, counts in
                (labels: Self.labels("method", method), histogram: counts.latency)
            })
        text.histograms(
            "cpumodeld_apply_duration_seconds",
            "From vm.apply to its answer, by verdict; failed is whatever was not applied.",
            Metrics.ApplyOutcome.allCases.map { outcome in
                (
                    labels: Self.labels("verdict", outcome.rawValue),
                    histogram: metrics.applications[outcome] ?? LatencyHistogram()
                )
            })
        text.family("cpumodeld_access_refused", .counter, "Requests refused since their sender may not make them.") {
            for action in Action.allCases { $0.add([("action", action.rawValue)], metrics.refusals[action] ?? 0) }
        }
    }

    private func writeHoldings(to text: inout MetricsText) {
        text.gauge("cpumodeld_connections", "Connections that are open.", status.connections)
        text.counter("cpumodeld_connections_opened", "Connections that were accepted.", metrics.connectionsOpened)
        text.counter(
            "cpumodeld_connections_refused", "Connections that were turned away.", metrics.connectionsRefused)
        text.counter(
            "cpumodeld_protocol_faults", "Connections that were closed since their client broke the protocol.",
            metrics.faults)
        text.gauge(
            "cpumodeld_queued_bytes", unit: "bytes", "Unfinished requests, and answers that were not read.", queuedBytes
        )
        text.gauge("cpumodeld_vms", "Registered VMs.", registry.count)
        text.gauge("cpumodeld_vcpu_descriptors", "vCPU descriptors that are held.", registry.descriptorCount)
        text.gauge("cpumodeld_watchers", "Watches of what happens to VMs.", watchers)
        if let files = ProcessInformation.openFiles {
            text.gauge("cpumodeld_open_files", "File descriptors that are open.", files)
        }
        text.gauge("cpumodeld_open_files_limit", "Most that may be.", ProcessInformation.openFilesLimit)
    }

    private func writeCare(to text: inout MetricsText) {
        text.family("cpumodeld_reloads", .counter, "Reloads of configuration and models.") {
            $0.add([("result", "success")], metrics.reloads.succeeded)
            $0.add([("result", "failure")], metrics.reloads.failed)
        }
        text.gauge(
            "cpumodeld_configuration_good", "Whether configuration and models were right when last read.",
            metrics.isConfigurationGood ? 1 : 0)
        text.family("cpumodeld_events", .counter, "Events recorded, by what the field CPUMODELD_EVENT says.") {
            for kind in Event.Kind.allCases { $0.add([("event", kind.rawValue)], log.recorded[kind] ?? 0) }
        }
        text.counter("cpumodeld_events_suppressed", "Events counted in place of being recorded.", log.suppressed)
    }

    private static func labels(_ name: StaticString, _ value: String) -> [MetricsText.Label] { [(name, value)] }

    /// The kind of error behind a code, as clients know it.
    private static func outcome(ofCode code: Int) -> String {
        switch code {
        case RPCError.Code.invalidParams: "invalidParams"
        case RPCError.Code.internalError: "internalError"
        case RPCError.Code.descriptorCount: "descriptorCount"
        default: APIError.Kind.allCases.first { $0.code == code }?.rawValue ?? "error\(code)"
        }
    }
}
