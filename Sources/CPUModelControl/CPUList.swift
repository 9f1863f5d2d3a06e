// SPDX-License-Identifier: Apache-2.0

/// Numbers of vCPUs as they are written everywhere in Linux: `0-3,8`.
public enum CPUList {
    /// No list holds more: KVM's own upper limit of vCPUs.
    private static let maximumCount = 4096

    /// The numbers of a list, in its order; nil when the text is none.
    public static func parse(_ text: String) -> [Int64]? {
        var numbers: [Int64] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { number($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last,
                last - first < Int64(maximumCount), numbers.count < maximumCount
            else { return nil }
            numbers += first...last
        }
        return numbers.count <= maximumCount ? numbers : nil
    }

    /// A list of numbers in their order: neighbours that follow each other as ranges.
    public static func format(_ numbers: [Int64]) -> String {
        var ranges: [ClosedRange<Int64>] = []
        for number in numbers {
            if let last = ranges.last, last.upperBound < number, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }

    private static func number(_ text: Substring) -> Int64? {
        // Int64's own reader takes signs.
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int64(text)
    }
}
