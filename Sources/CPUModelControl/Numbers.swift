// SPDX-License-Identifier: Apache-2.0

/// The digits of a number in base 16, at least so many.
func hexadecimal(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

/// A count with its noun: `1 vCPU`, `4 vCPUs`.
func counted(_ count: some BinaryInteger, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}
