// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Glibc
import Testing
import UnitSyntax

@testable import CPUModelDaemon

/// Who is meant by the words of a rule.
struct CallerSetTests {
    private func set(_ values: String...) throws(UnitSyntaxError) -> CallerSet {
        try CallerSet(
            values.map { UnitAssignment(key: "Apply", value: $0, location: SourceLocation(file: "a", line: 1)) })
    }

    private func caller(_ user: UInt32, _ groups: Set<UInt32> = [], unit: String? = nil) -> Caller {
        Caller(userID: user, groupIDs: groups, unit: unit)
    }

    @Test func nothingIsNobody() throws {
        #expect(try !set().contains(caller(0)))
        #expect(try !set("").contains(caller(0)))
    }

    @Test func usersAreMeantByNameAndNumber() throws {
        let set = try set("root 1234")
        #expect(set.contains(caller(0)))
        #expect(set.contains(caller(1234)))
        #expect(!set.contains(caller(1235, [0, 1234])))
    }

    @Test func anyOfTheGroupsCounts() throws {
        let set = try set("group:root", "group:1234")
        #expect(set.contains(caller(1, [7, 0])))
        #expect(set.contains(caller(1, [1234])))
        #expect(!set.contains(caller(1234, [1235])))
        #expect(!set.contains(caller(0, [])))
    }

    @Test func unitsAreMeantByPattern() throws {
        let set = try set("unit:virtqemud.service", "unit:fire?racker@*.service")
        #expect(set.contains(caller(1, unit: "virtqemud.service")))
        #expect(set.contains(caller(1, unit: "firecracker@web-1.service")))
        #expect(!set.contains(caller(1, unit: "virtqemud.service.scope")))
        #expect(!set.contains(caller(1, unit: nil)))
        #expect(set.hasUnits)
        #expect(try !self.set("root").hasUnits)
    }

    @Test func aUnitsEscapesAreNoEscapesOfThePattern() throws {
        let set = try CallerSet(
            [
                UnitAssignment(
                    key: "Apply", value: #"unit:machine-qemu\\x2d1.scope"#,
                    location: SourceLocation(file: "a", line: 1))
            ])
        #expect(set.contains(caller(1, unit: #"machine-qemu\x2d1.scope"#)))
    }

    @Test func everybodyAndSelf() throws {
        #expect(try set("*").contains(caller(4711)))
        #expect(try set("self").contains(caller(geteuid())))
        #expect(try !set("self").contains(caller(geteuid() &+ 1)))
    }

    @Test(arguments: [
        ("no-such-user-here", "there is no such user"), ("group:no-such-group-here", "there is none of that name"),
        ("unit:virtqemud", ".service or .scope"), ("group:", "there is none of that name"),
        ("user:root", "there is no such user"),
    ])
    func whoDoesNotExistIsTold(word: String, problem: String) {
        let error = #expect(throws: UnitSyntaxError.self) { try set("root", word) }
        #expect(error?.message.contains(problem) == true)
    }

    @Test func theGroupsThatInstallingMakesMayBeMissing() throws {
        let set = try set("root group:cpumodel group:cpumodel-query")
        #expect(set.contains(caller(0)))
        #expect(!set.contains(caller(4_000_000_000, [4_000_000_000])))
        #expect(set.words == ["root", "group:cpumodel", "group:cpumodel-query"])
    }
}

/// What is decided where.
struct AccessPolicyTests {
    @Test func everyRuleIsASettingOfTheFile() {
        let names = Configuration.settings.map(\.name)
        for action in Action.allCases {
            #expect(names.contains(AccessPolicy(Configuration()).rule(for: action).name), "\(action)")
        }
    }

    @Test func byDefaultRootMayAndStrangersMayNot() {
        let policy = AccessPolicy(Configuration())
        #expect(policy.actions(of: Caller(userID: 0, groupIDs: [0], unit: nil)) == Set(Action.allCases))
        // cpumodeld-inject is off until it is enabled, and then it is for those who may apply.
        let stranger = Caller(userID: 4_000_000_000, groupIDs: [4_000_000_000], unit: nil)
        #expect(policy.actions(of: stranger) == [.inject])
    }

    /// What each method takes is a contract with administrators.
    @Test func methodsTakeWhatTheyDid() {
        let others: [String: MethodAccess] = [
            "model.define": .action(.define), "model.remove": .action(.define), "vm.apply": .action(.apply),
            "vm.attach": .ownerOr(.apply), "vm.detach": .ownerOr(.apply), "vm.forget": .ownerOr(.forget),
            "vm.show": .ownerOr(.query), "vm.caps": .ownerOr(.query), "vm.verify": .ownerOr(.query),
        ]
        for method in Method.all {
            #expect(method.access == others[method.name] ?? .action(.query), "\(method.name)")
        }
    }
}
