// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Testing
import X86CPU

/// What holds whatever the CPUs, tried with random ones of all the conformance data.
@Suite(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
struct PropertiesTests {
    private static let cpus: Result<[CPUDescription], any Error> = Result { try Dumps.all() }

    @Test("Detection loses nothing: the model and its differences are every bit of the table")
    func detectionIsLossless() throws {
        let detector = try Dumps.detector.get()
        for (name, table, msrs) in try Dumps.tables() {
            let cpu = CPUDescription(table, msrs: msrs, name: name)
            for purpose in [DetectionOptions.Purpose.host, .guest] {
                let found = try detector.detect(cpu, options: DetectionOptions(purpose: purpose))
                var again = found.features
                let original = FeatureSet(table: table, msrs: msrs)
                if cpu.vendor?.isAMDLike == true {
                    // Bits that AMD's CPUs repeat are no features of their own.
                    again[.leaf80000001_edx] |= original[.leaf80000001_edx] & again[.leaf1_edx] & 0x0183_F3FF
                }
                #expect(again == original, "\(name)")
                #expect(found.best.added.intersection(found.best.version.features).isEmpty, "\(name)")
                #expect(found.best.removed.isSubset(of: found.best.version.features), "\(name)")
            }
        }
    }

    @Test("The guest expression expands to the CPU's features in every register that was told")
    func expressionsExpandBack() throws {
        let catalog = try Conformance.catalog()
        let detector = try Dumps.detector.get()
        var exact = 0
        var others: [String] = []
        let tables = try Dumps.tables()
        for (name, table, msrs) in tables {
            let cpu = CPUDescription(table, msrs: msrs, name: name)
            let best = try detector.detect(cpu).best
            let expanded = try catalog.expand(ModelExpression(parsing: best.guestExpression), on: nil).features
                .subtracting(cpu.untold)
            // A few CPUs have a feature without what it needs; elsewhere than on them no guest is given that.
            let features = FeatureRegistry.shared.dependencies.closing(cpu.features).kept
            if expanded == features {
                exact += 1
            } else {
                let registry = FeatureRegistry.shared
                let more = expanded.subtracting(features).map { "+" + registry.name(of: $0) }
                let less = features.subtracting(expanded).map { "-" + registry.name(of: $0) }
                others.append("\(name): \((more + less).joined(separator: " "))")
            }
        }
        print("detect, expanded back: \(exact) of \(tables.count) CPUs to the bit")
        for line in others { print("  \(line)") }
        #expect(others.isEmpty)
    }

    @Test("The relation of comparison is a partial order")
    func comparisonIsAPartialOrder() throws {
        let cpus = try Self.cpus.get()
        var random = Generator(seed: 1)
        for cpu in cpus { #expect(CPUComparison(cpu, cpu).relation == .identical) }
        func precedes(_ a: CPUDescription, _ b: CPUDescription) -> Bool {
            [.subset, .identical].contains(CPUComparison(a, b).relation)
        }
        var chains = 0
        for _ in 0..<1500 {
            let (a, b) = (random.element(cpus), random.element(cpus))
            let mirrored: CPUComparison.Relation =
                switch CPUComparison(a, b).relation {
                case .superset: .subset
                case .subset: .superset
                case let other: other
                }
            #expect(CPUComparison(b, a).relation == mirrored)
            // Random CPUs are rarely in order; what all three have in common is below each of them.
            let c = try Baseline(of: [a, b, random.element(cpus)], options: .mixed).cpu
            let d = try Baseline(of: [c, random.element(cpus)], options: .mixed).cpu
            if precedes(d, c), precedes(c, a) {
                chains += 1
                #expect(precedes(d, a))
            }
        }
        #expect(chains > 50)
    }

    @Test("A baseline does not depend on order, repetition or grouping")
    func baselineIsALattice() throws {
        let cpus = try Self.cpus.get()
        var random = Generator(seed: 2)
        for _ in 0..<500 {
            let (a, b, c) = (random.element(cpus), random.element(cpus), random.element(cpus))
            let ab = try Baseline(of: [a, b], options: .mixed)
            let abc = try Baseline(of: [a, b, c], options: .mixed).content
            #expect(try Baseline(of: [b, a], options: .mixed).content == ab.content)
            #expect(try Baseline(of: [a, a, b], options: .mixed).content == ab.content)
            #expect(try Baseline(of: [ab.cpu], options: .mixed).content == ab.content)
            #expect(try Baseline(of: [ab.cpu, ab.cpu], options: .mixed).content == ab.content)
            #expect(try Baseline(of: [ab.cpu, c], options: .mixed).content == abc, "\(a.name), \(b.name), \(c.name)")
            let bc = try Baseline(of: [b, c], options: .mixed).cpu
            #expect(try Baseline(of: [a, bc], options: .mixed).content == abc, "\(a.name), \(b.name), \(c.name)")
        }
    }

    @Test("Every CPU of a pool can run what the pool is offered")
    func everyHostRunsTheBaseline() throws {
        let cpus = try Self.cpus.get()
        var random = Generator(seed: 3)
        for _ in 0..<400 {
            let members = (0..<random.number(below: 8) + 1).map { _ in random.element(cpus) }
            let pool = try Baseline(of: members, options: .mixed).cpu
            let check = MigrationCheck(pool, onto: members)
            #expect(check.isPossible, "\(check.answers.flatMap(\.obstacles).map(\.description))")
            let closed = FeatureRegistry.shared.dependencies.closing(pool.features)
            #expect(closed.removed.isEmpty)
        }
    }

    @Test("The closure of a part is a part of the closure")
    func closureIsMonotone() throws {
        let cpus = try Self.cpus.get()
        let dependencies = FeatureRegistry.shared.dependencies
        var random = Generator(seed: 4)
        for _ in 0..<500 {
            let whole = random.element(cpus).features
            let part = whole.intersection(random.element(cpus).features)
            #expect(dependencies.closing(part).kept.isSubset(of: dependencies.closing(whole).kept))
        }
    }

    @Test("A guest without the features to drop can run everywhere, and with any of them it could not")
    func dropsAreSmallest() throws {
        let hosts = try Dumps.hosts()
        let models = try Conformance.catalog().models.flatMap(\.versions).map { CPUDescription($0) }
        var random = Generator(seed: 5)
        var helped = 0
        for _ in 0..<400 {
            var guest = random.element(models)
            let onto = [random.element(hosts), random.element(hosts)]
            let check = MigrationCheck(guest, onto: onto)
            #expect(check.isPossible == (check.droppingHelps && check.toDrop.isEmpty))
            guard check.droppingHelps, !check.toDrop.isEmpty else { continue }
            helped += 1
            let before = guest.features
            guest.features = guest.features.subtracting(check.toDrop)
            #expect(MigrationCheck(guest, onto: onto).isPossible)
            for feature in check.toDrop {
                let isMissing = onto.contains { !$0.features.contains(feature) }
                let closed = FeatureRegistry.shared.dependencies.closing(
                    guest.features.union([feature]), host: before)
                #expect(isMissing || !closed.kept.contains(feature))
            }
        }
        #expect(helped > 30)
    }
}

extension Baseline.Options {
    fileprivate static let mixed = Baseline.Options(mixesVendors: true)
}

extension Baseline {
    /// What does not depend on what the members are called.
    fileprivate var content: CPUDescription {
        var content = cpu
        content.name = ""
        return content
    }
}

/// Numbers that are the same in every run (SplitMix64).
struct Generator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }

    mutating func element<Element>(_ list: [Element]) -> Element { list[number(below: list.count)] }
}
