// SPDX-License-Identifier: Apache-2.0

import Testing
import UnitSyntax

@Suite("Values")
struct UnitValueTests {
    private func assignment(_ value: String) -> UnitAssignment {
        UnitAssignment(key: "K", value: value, location: SourceLocation(file: "x", line: 7))
    }

    private func message(_ value: String, _ read: (UnitAssignment) throws -> Void) -> String? {
        #expect(throws: UnitSyntaxError.self) { try read(assignment(value)) }?.description
    }

    @Test(
        "Booleans",
        arguments: [
            ("1", true), ("yes", true), ("On", true), ("TRUE", true), ("0", false), ("no", false), ("off", false),
            ("False", false),
        ])
    func booleans(text: String, value: Bool) throws {
        #expect(try assignment(text).boolean() == value)
    }

    @Test("What is no boolean", arguments: ["", "2", "yess", "enabled", "y es"])
    func notBoolean(text: String) {
        #expect(throws: UnitSyntaxError.self) { try assignment(text).boolean() }
    }

    @Test(
        "Integers",
        arguments: [
            ("0", 0), ("-0", 0), ("42", 42), ("-7", -7), ("0x1F", 31), ("0xff", 255), ("9223372036854775807", .max),
            ("-9223372036854775808", .min),
        ]
            as [(String, Int64)])
    func integers(text: String, value: Int64) throws {
        #expect(try assignment(text).integer() as Int64 == value)
    }

    @Test(
        "What is no integer",
        arguments: [
            "", "-", "+1", "01", "-01", "00", "0x", "0x+1", "0x-1", "0X1", "1 ", "1.0", "1e3", "9223372036854775808",
            "١", "0xg", "--1", "1_000",
        ])
    func notInteger(text: String) {
        #expect(throws: UnitSyntaxError.self) { try assignment(text).integer() as Int64 }
    }

    @Test("Unsigned integers reach to the end of their type")
    func unsigned() throws {
        #expect(try assignment("0xffffffffffffffff").integer() as UInt64 == .max)
        #expect(throws: UnitSyntaxError.self) { try assignment("-1").integer() as UInt64 }
        #expect(throws: UnitSyntaxError.self) { try assignment("256").integer() as UInt8 }
    }

    @Test(
        "Time spans",
        arguments: [
            ("10", .seconds(10)), ("10s", .seconds(10)), ("2min 5s", .seconds(125)), ("500ms", .milliseconds(500)),
            ("1h30min", .seconds(5400)),
            ("2 h", .seconds(7200)), ("55s500ms", .milliseconds(55_500)), ("1d", .seconds(86_400)),
            ("1w", .seconds(604_800)), ("3us", .microseconds(3)),
            ("3µs", .microseconds(3)), ("4ns", .nanoseconds(4)), ("300ms20s 5day", .milliseconds(432_020_300)),
            ("0", .zero), ("2hours", .seconds(7200)), ("1 2", .seconds(3)),
        ] as [(String, Duration)])
    func durations(text: String, value: Duration) throws {
        #expect(try assignment(text).duration() == value)
    }

    @Test(
        "What is no time span",
        arguments: ["", "s", "10x", "-1s", "1.5s", "1M", "infinity", "9999999999s", "53w"])
    func notDuration(text: String) {
        #expect(throws: UnitSyntaxError.self) { try assignment(text).duration() }
    }

    @Test(
        "Sizes",
        arguments: [("0", 0), ("512", 512), ("4K", 4096), ("16M", 16 << 20), ("2G", 2 << 30), ("1T", 1 << 40)]
            as [(String, UInt64)])
    func sizes(text: String, value: UInt64) throws {
        #expect(try assignment(text).size() == value)
    }

    @Test(
        "What is no size",
        arguments: ["", "K", "-1K", "4k", "4KB", "4 K", "0x4K", "0x10", "1.5G", "04K", "18446744073709551615K"])
    func notSize(text: String) {
        #expect(throws: UnitSyntaxError.self) { try assignment(text).size() }
    }

    enum Policy: String, CaseIterable { case fail, drop }

    @Test("Enumerations")
    func enumeration() throws {
        #expect(try assignment("drop").enumeration(as: Policy.self) == .drop)
        #expect(
            message("drpo") { _ = try $0.enumeration(as: Policy.self) }
                == #"x:7: K= must be one of fail, drop, not "drpo"; did you mean "drop"?"#)
        #expect(
            message("xyz") { _ = try $0.enumeration(as: Policy.self) }
                == #"x:7: K= must be one of fail, drop, not "xyz""#)
    }

    @Test("Messages say what is expected and what was found")
    func messages() {
        #expect(
            message("maybe") { _ = try $0.boolean() }
                == #"x:7: K= must be a boolean such as "yes" or "no", not "maybe""#)
        #expect(message("") { _ = try $0.boolean() } == #"x:7: K= must be a boolean such as "yes" or "no", not empty"#)
        #expect(
            message("65") { _ = try $0.integer(in: 1...64) } == #"x:7: K= must be an integer from 1 to 64, not "65""#)
        #expect(
            message("2min") { _ = try $0.duration(in: .milliseconds(100) ... .seconds(90)) }
                == #"x:7: K= must be a time from 100ms to 90s, such as "10s" or "1min 500ms", not "2min""#)
        #expect(
            message("soon") { _ = try $0.duration() }
                == #"x:7: K= must be a time from 0s to 52w, such as "10s" or "1min 500ms", not "soon""#)
        #expect(
            message("1") { _ = try $0.size(in: 4096...65536) }
                == #"x:7: K= must be a size from 4096 to 65536 bytes, such as "512K" or "16M", not "1""#)
        #expect(assignment("").error("must not be empty").description == "x:7: K= must not be empty")
    }
}
