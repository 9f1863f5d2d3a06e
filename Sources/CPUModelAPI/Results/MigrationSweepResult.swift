// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import JSON

/// The result of `vm.checkMigration` for every registered VM. VMs that are the same CPU have the same answer, which is
/// written once.
public struct MigrationSweepResult: JSONWritable {
    /// What is said of one VM.
    public struct VM: Sendable {
        /// Its name.
        public var name: String
        /// Its model, as it was asked for.
        public var expression: String
        /// Which of the answers is its own.
        public var answer: Int

        /// A VM with its answer.
        public init(name: String, expression: String, answer: Int) {
            self.name = name
            self.expression = expression
            self.answer = answer
        }
    }

    private let vms: [VM]
    private let answers: [MigrationCheck]

    /// A result of these answers.
    public init(vms: [VM], answers: [MigrationCheck]) {
        self.vms = vms
        self.answers = answers
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("possible", vms.allSatisfy { answers[$0.answer].isPossible })
            writer.array("vms") { writer in
                for vm in vms {
                    writer.object { writer in
                        writer.member("vm", vm.name)
                        writer.member("expression", vm.expression)
                        writer.member("possible", answers[vm.answer].isPossible)
                        writer.member("answer", vm.answer)
                    }
                }
            }
            writer.member("answers", answers.map(CheckMigrationResult.init))
        }
    }

    static let members: [Schema.Member] = [
        .optional(
            "vms",
            .array(
                .object(
                    [
                        .required("vm", .string("the VM's name")),
                        .required("expression", .string("its model, as it was asked for")),
                        .required("possible", .boolean("whether it can run on every host")),
                        .required("answer", .integer(0...(.max), "index into answers")),
                    ], ""), "by name, where all were asked about")),
        .optional("answers", .array(CheckMigrationResult.ofOneGuest, "distinct answers")),
    ]
}
