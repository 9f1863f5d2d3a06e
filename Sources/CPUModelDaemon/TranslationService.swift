// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import Formats
import JSONRPC
import Reactor
import X86CPU

/// Speaks for models in other programs' words, and understands theirs.
@ReactorActor
final class TranslationService {
    private let models: ModelService

    init(models: ModelService) { self.models = models }

    /// `model.export`.
    func export(_ parameters: ExportParameters) throws -> Reply {
        let model = try models.expandAnywhere(parameters.model)
        let catalog = models.catalog
        return try answeringFormatErrors { () throws(FormatError) in
            switch parameters.format {
            case .qemu: reply(.qemu, try QEMUCPU.exporting(model, catalog: catalog).export)
            case .libvirt: reply(.libvirt, try LibvirtCPU.exporting(model, catalog: catalog).export)
            case .firecracker: reply(.firecracker, FirecrackerTemplate.exporting(model).export)
            case .cpuinfo:
                .value(
                    ExportResult(
                        .cpuinfo, text: CPUInfoFlags.text(of: model.features), inexpressible: [], notes: []))
            case .march: march(model)
            }
        }
    }

    /// `model.import`.
    func `import`(_ parameters: ImportParameters) throws -> Reply {
        let bytes = Array(parameters.text.utf8)
        let (catalog, name) = (models.catalog, parameters.name)
        let text = Self.trimmed(parameters.text)
        // QEMU's argument is one word; what has several and is no document is a list of flags.
        if text.first != "<", text.first != "{", text.contains(where: \.isWhitespace) {
            return try importFlags(bytes, name: name)
        }
        return try answeringFormatErrors { () throws(FormatError) in
            let imported: ImportedModel =
                switch text.first {
                case "<": try LibvirtCPU.read(bytes, name: name).imported(into: catalog, name: name)
                case "{": try FirecrackerTemplate.read(bytes, name: name).imported(name: name)
                default:
                    try QEMUCPU(parsing: text, name: name).imported(into: catalog, name: name)
                }
            return .value(
                ImportResult(imported.expression, optional: imported.optional, notes: imported.notes))
        }
    }

    /// Flags name no model: the nearest one is found for them.
    private func importFlags(_ bytes: [UInt8], name: String) throws -> Reply {
        let flags = try answeringFormatErrors { () throws(FormatError) in
            try CPUInfoFlags.read(bytes, name: name)
        }
        let cpu = CPUDescription(
            name: name, origin: .table, vendor: flags.vendor, signature: flags.signature, features: flags.features)
        let best = try models.detector.detect(cpu).best
        var notes = [best.reason]
        if !flags.others.isEmpty {
            notes.append("These flags are Linux's own, or not known: \(flags.others.joined(separator: " ")).")
        }
        return .value(
            ImportResult(try ModelExpression(parsing: best.expression), optional: [], notes: notes))
    }

    private func reply(_ format: ExportParameters.Format, _ export: ExportedModel) -> Reply {
        .value(ExportResult(format, text: export.text, inexpressible: export.inexpressible, notes: export.notes))
    }

    private func march(_ model: ExpandedModel) -> Reply {
        let target = CompilerTarget(features: model.features, vendor: model.vendor)
        let notes = target.level.map { ["All of \($0) is there."] } ?? ["It is less than x86-64-v1."]
        return .value(ExportResult(.march, text: target.march ?? "", inexpressible: [], notes: notes))
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}

/// Answers what is wrong with a document of another program.
func answeringFormatErrors<Value>(_ body: () throws(FormatError) -> Value) throws(APIError) -> Value {
    do throws(FormatError) {
        return try body()
    } catch {
        throw APIError(.badDocument, error.description)
    }
}
