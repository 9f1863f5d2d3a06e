// SPDX-License-Identifier: Apache-2.0

import CPUModelControl
import JSON
import Testing

@Suite struct FleetTests {
    private let style = OutputStyle(width: 100, now: 1_772_366_400)

    private func record(_ vm: String, vcpus: Int64 = 2, verdict: String = "exact") -> JSONObject {
        [
            "vm": .string(vm), "model": "EPYC-Milan-v2", "expression": "EPYC-Milan,-svm", "verdict": .string(verdict),
            "vcpuCount": .integer(vcpus), "consistent": true,
        ]
    }

    private func event(_ name: String, _ vm: String?, _ members: JSONObject = [:]) -> JSONValue {
        var event: JSONObject = ["watch": 1, "sequence": 1, "event": .string(name)]
        if let vm { event.set(.string(vm), for: "vm") }
        for (key, value) in members { event.set(value, for: key) }
        return .object(event)
    }

    private func caps(_ vm: String, vcpu: Int64, _ field: String, _ isOn: Bool, missing: [String] = []) -> JSONValue {
        var value: JSONObject = ["value": .bool(isOn), "source": "kernel", "ageMs": 5]
        if !missing.isEmpty { value.set(.array(missing.map { .string($0) }), for: "missing") }
        let change: JSONObject = ["to": .object(value)]
        return event("capsChanged", vm, ["vcpu": .integer(vcpu), "changes": [field: .object(change)]])
    }

    private func fleet(_ names: [String]) throws -> Fleet {
        try Fleet(watch: ["watch": 1, "vms": .array(names.map { .object(record($0)) })])
    }

    private func lines(_ fleet: Fleet, width: Int = 100, height: Int = 10, now: Int64 = 1000) -> [String] {
        TopScreen(style: style, width: width, height: height).lines(fleet, now: now)
    }

    @Test func vmsComeAndGo() throws {
        var fleet = try fleet(["web-1"])
        #expect(try fleet.take(event("appeared", "web-2", ["record": .object(record("web-2"))]), now: 0, style: style))
        #expect(lines(fleet).contains { $0.hasPrefix("web-2  2      exact") })
        #expect(try fleet.take(event("gone", "web-1", ["reason": "ownerEnded"]), now: 0, style: style))
        #expect(!lines(fleet).contains { $0.hasPrefix("web-1") })
        #expect(lines(fleet).last?.hasSuffix("web-1: gone, its owner ended") == true)
    }

    @Test func whatComesAndGoesIsCounted() throws {
        var fleet = try fleet(["web-1"])
        for (vcpu, isOn) in [(0, true), (1, false)] as [(Int64, Bool)] {
            _ = try fleet.take(caps("web-1", vcpu: vcpu, "osxsave", isOn), now: 1000, style: style)
        }
        _ = try fleet.take(caps("web-1", vcpu: 0, "apic", true), now: 1000, style: style)
        _ = try fleet.take(caps("web-1", vcpu: 0, "ospke", false, missing: ["cr4"]), now: 1000, style: style)
        let row = lines(fleet, now: 1500).first { $0.hasPrefix("web-1") } ?? ""
        #expect(row.contains("apic ospke? osxsave 1/2  kernel  505 ms  EPYC-Milan-v2,-svm"))
    }

    @Test func driftIsShownUntilItIsOver() throws {
        var fleet = try fleet(["web-1"])
        let verification: JSONValue = ["differenceSets": [[[:]]]]
        _ = try fleet.take(event("drifted", "web-1", ["verification": verification]), now: 0, style: style)
        #expect(lines(fleet)[0].hasSuffix("1 VM, 2 vCPUs, 1 drifted"))
        #expect(lines(fleet)[2].contains("drifted"))
        _ = try fleet.take(event("recovered", "web-1"), now: 0, style: style)
        #expect(lines(fleet)[0].hasSuffix("1 VM, 2 vCPUs"))
    }

    @Test func watchThatEndsIsTold() throws {
        var fleet = try fleet([])
        #expect(try !fleet.take(event("dropped", nil), now: 0, style: style))
    }

    @Test func namesCannotMoveTheCursor() throws {
        let fleet = try fleet(["\u{1b}[2J"])
        #expect(lines(fleet).allSatisfy { !$0.contains("\u{1b}") })
    }

    @Test(arguments: [(1, 5), (20, 10), (40, 3), (40, 4), (80, 24), (132, 60), (200, 1), (41, 2)])
    func theScreenIsFilledAndNotOverrun(width: Int, height: Int) throws {
        let fleet = try fleet((1...50).map { "a-virtual-machine-with-a-long-name-\($0)" })
        let lines = lines(fleet, width: width, height: height)
        #expect(lines.count == height)
        #expect(lines.allSatisfy { $0.count <= width })
    }

    @Test func scrollingStopsAtTheEnds() throws {
        let fleet = try fleet((10...29).map { "vm-\($0)" })
        var screen = TopScreen(style: style, width: 100, height: 8)
        func shown() -> [String] {
            screen.lines(fleet, now: 0).filter { $0.hasPrefix("vm-") }.map { String($0.prefix(5)) }
        }
        #expect(shown() == ["vm-10", "vm-11", "vm-12", "vm-13", "vm-14"])
        screen.scroll(by: screen.page, of: fleet)
        #expect(shown().first == "vm-15")
        screen.scroll(toEnd: true, of: fleet)
        #expect(shown() == ["vm-25", "vm-26", "vm-27", "vm-28", "vm-29"])
        #expect(screen.lines(fleet, now: 0)[0].hasSuffix("showing 16-20"))
        screen.scroll(by: -1000, of: fleet)
        #expect(shown().first == "vm-10")
    }

    @Test func keysAreReadSeveralAtATime() {
        #expect(TopKey.keys(in: "jjk".utf8) == [.down, .down, .up])
        #expect(TopKey.keys(in: "\u{1b}[A\u{1b}OB\u{1b}[6~x\u{1b}[1;5Cq".utf8) == [.up, .down, .pageDown, .quit])
        #expect(TopKey.keys(in: "\u{1b}".utf8) == [])
        #expect(TopKey.keys(in: "\u{3}\u{1a}gG b".utf8) == [.quit, .suspend, .first, .last, .pageDown, .pageUp])
    }
}
