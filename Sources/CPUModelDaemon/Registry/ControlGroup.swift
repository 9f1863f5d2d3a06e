// SPDX-License-Identifier: Apache-2.0

/// The place of a process among systemd's units, from its control group.
struct ControlGroup: Hashable {
    /// The path below the root of systemd's hierarchy, beginning with a slash.
    let path: String

    /// Reads /proc/PID/cgroup: the line of the unified hierarchy, or of systemd's own where there is none (cgroups(7)).
    init?(procFile text: String) {
        let paths = text.split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }
        .filter { $0.count == 3 }
        let named = paths.first { $0[1] == "name=systemd" }
        let unified = paths.first { $0[0] == "0" && $0[1].isEmpty }
        // In the hybrid layout both are there, and systemd keeps them the same; the unified one may be empty.
        guard let line = [unified, named].compactMap(\.self).first(where: { $0[2] != "/" }) ?? unified ?? named else {
            return nil
        }
        path = String(line[2])
    }

    init(path: String) { self.path = path }

    /// The service or scope that the process is in: the last such part of the path that is not inside another's own
    /// subtree, as systemd takes it (`cg_path_get_unit`): the first behind the slices.
    var unit: String? {
        let parts = path.split(separator: "/")
        guard let part = parts.first(where: { !$0.hasSuffix(".slice") }),
            part.hasSuffix(".service") || part.hasSuffix(".scope")
        else { return nil }
        return String(part)
    }

    /// The name of the machine where the unit is one that systemd-machined makes: `machine-NAME.scope` in
    /// machine.slice, with systemd's escapes.
    var machine: String? {
        guard path.hasPrefix("/machine.slice/"), let unit, unit.hasPrefix("machine-"), unit.hasSuffix(".scope") else {
            return nil
        }
        let name = Self.unescaped(unit.dropFirst("machine-".count).dropLast(".scope".count))
        return name.isEmpty ? nil : name
    }

    /// Undoes the escapes of unit names: `-` stands for a slash, `\xNN` for a byte (systemd.unit(5)).
    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.dropFirst().prefix(2)
            if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "x"),
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 16), digits.count == 2
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte == UInt8(ascii: "-") ? UInt8(ascii: "/") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
