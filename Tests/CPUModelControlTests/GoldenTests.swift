// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModelClient
import CPUModelControl
import JSON
import Testing

/// The texts for people, compared letter by letter with those in the folder Golden.
///
/// To accept new texts, run the tests with `CPUMODELD_UPDATE_GOLDEN=1`, and read the difference.
@Suite struct GoldenTests {
    /// A result in the folder Fixtures, and the report on it.
    struct Example: Sendable, CustomTestStringConvertible {
        let fixture: String
        let method: Method
        let report: any Report.Type
        var style = OutputStyle(now: 1_772_366_400)
        var suffix = ""

        var testDescription: String { fixture + suffix }
    }

    static let examples: [Example] = [
        Example(fixture: "status", method: .status, report: StatusReport.self),
        Example(fixture: "status-degraded", method: .status, report: StatusReport.self),
        Example(fixture: "status-without-kvm", method: .status, report: StatusReport.self),
        Example(fixture: "host", method: .describeHost, report: HostReport.self),
        Example(fixture: "host-changes", method: .status, report: HostChangesReport.self),
        Example(fixture: "host-unchanged", method: .status, report: HostChangesReport.self),
        Example(fixture: "models", method: .listModels, report: ModelListReport.self),
        Example(fixture: "models-without-host", method: .listModels, report: ModelListReport.self),
        Example(fixture: "model", method: .showModel, report: ModelReport.self),
        Example(
            fixture: "model", method: .showModel, report: ModelReport.self,
            style: OutputStyle(width: 50, now: 0), suffix: "-narrow"),
        Example(fixture: "model-deprecated", method: .showModel, report: ModelReport.self),
        Example(fixture: "expansion", method: .expandModel, report: ExpansionReport.self),
        Example(fixture: "tables", method: .computeTable, report: TableReport.self),
        Example(fixture: "tables", method: .computeTable, report: RawTableReport.self, suffix: "-raw"),
        Example(fixture: "table-of-one-vcpu", method: .computeTable, report: TableReport.self),
        Example(fixture: "vms", method: .listVMs, report: VMListReport.self),
        Example(fixture: "vms-none", method: .listVMs, report: VMListReport.self),
        Example(fixture: "vms-with-features", method: .listVMs, report: VMsWithFeaturesReport.self),
        Example(fixture: "vms-none", method: .listVMs, report: VMsWithFeaturesReport.self, suffix: "-with-features"),
        Example(fixture: "caps", method: .vmCaps, report: CapsReport.self),
        Example(fixture: "caps-of-features", method: .vmCaps, report: CapsReport.self),
        Example(fixture: "verification", method: .verifyVM, report: VerifyReport.self),
        Example(fixture: "vm", method: .showVM, report: VMReport.self),
        Example(
            fixture: "vm", method: .showVM, report: VMReport.self,
            style: OutputStyle(width: 120, isColored: true, now: 1_772_366_400), suffix: "-coloured"),
        Example(fixture: "vm-exact", method: .showVM, report: VMReport.self),
        Example(fixture: "vm-stamps-differ", method: .showVM, report: VMReport.self),
        Example(fixture: "vm-hostile", method: .showVM, report: VMReport.self),
        Example(fixture: "explanation", method: .computeTable, report: ExplanationReport.self),
        Example(
            fixture: "explanation", method: .computeTable, report: FullExplanationReport.self, suffix: "-all"),
        Example(fixture: "forgotten", method: .forgetVM, report: ForgottenReport.self),
        Example(fixture: "defined", method: .defineModel, report: DefinedReport.self),
        Example(fixture: "replaced", method: .defineModel, report: DefinedReport.self),
        Example(fixture: "removed", method: .removeModel, report: RemovedReport.self),
        Example(fixture: "detection", method: .detectModel, report: DetectionReport.self),
        Example(fixture: "detection-exact", method: .detectModel, report: DetectionReport.self),
        Example(fixture: "comparison", method: .compareModels, report: ComparisonReport.self),
        Example(
            fixture: "comparison", method: .compareModels, report: ComparisonReport.self,
            style: OutputStyle(width: 60, now: 0), suffix: "-narrow"),
        Example(fixture: "comparison-identical", method: .compareModels, report: ComparisonReport.self),
        Example(fixture: "comparison-superset", method: .compareModels, report: ComparisonReport.self),
        Example(fixture: "baseline", method: .baselineModels, report: BaselineReport.self),
        Example(fixture: "baseline-of-nobody", method: .baselineModels, report: BaselineReport.self),
        Example(fixture: "check", method: .checkMigration, report: MigrationReport.self),
        Example(
            fixture: "check", method: .checkMigration, report: MigrationReport.self,
            style: OutputStyle(width: 120, isColored: true, now: 0), suffix: "-coloured"),
        Example(fixture: "check-possible", method: .checkMigration, report: MigrationReport.self),
        Example(fixture: "check-of-one-host", method: .checkMigration, report: MigrationReport.self),
        Example(fixture: "check-all", method: .checkMigration, report: MigrationSweepReport.self),
        Example(fixture: "check-all-possible", method: .checkMigration, report: MigrationSweepReport.self),
        Example(fixture: "check-all-of-none", method: .checkMigration, report: MigrationSweepReport.self),
    ]

    @Test(arguments: examples)
    func reportIsAsBefore(_ example: Example) throws {
        let result = try fixture(example.fixture)
        let text = try example.report.render(result, style: example.style)
        expectGolden(text, "\(example.fixture)\(example.suffix).txt")
    }

    @Test("The fixtures are what the methods promise", arguments: examples)
    func fixtureHasShapeOfMethod(_ example: Example) throws {
        let mismatch = example.method.result.mismatch(try fixture(example.fixture))
        #expect(mismatch == nil)
    }

    @Test("A member that is missing is named, unless the report does without it", arguments: examples)
    func incompleteResults(_ example: Example) throws {
        let members = Array(try #require(try fixture(example.fixture).objectValue))
        for left in members.indices {
            let rest = JSONObject(members.indices.filter { $0 != left }.map { members[$0] })
            do throws(JSONShapeError) {
                let text = try example.report.render(.object(rest), style: example.style)
                #expect(!text.isEmpty)
            } catch {
                #expect(error.path == "result.\(members[left].key)")
            }
        }
    }

    @Test func severalDetectionsHaveALineEach() throws {
        let result = DetectionListReport.joining([
            ("dumps/milan.txt", try fixture("detection-exact")), ("this host", try fixture("detection")),
        ])
        expectGolden(try DetectionListReport.render(result, style: OutputStyle(now: 0)), "detections.txt")
    }

    @Test func errorWithUnavailableFeatures() throws {
        let error = DaemonError(
            code: -32010, message: "The host cannot give 5 features that Skylake-Server-v1 names.",
            data: [
                "kind": "featuresUnavailable",
                "features": try #require(try fixture("expansion")["unavailable"]),
            ])
        let style = OutputStyle(now: 0)
        expectGolden(ErrorReport.render(error, program: "cpumodelctl", style: style), "error-unavailable.txt")
    }
}
