// SPDX-License-Identifier: Apache-2.0

/// What a verdict means, in words.
func sentence(forVerdict verdict: String) -> String {
    switch verdict {
    case "exact": "KVM holds exactly the table that was computed"
    case "runtime": "KVM holds the table that was computed, but for bits that it keeps up to date while the guest runs"
    case "altered": "KVM changed the table"
    default: "this program does not know this verdict"
    }
}

/// The colour of a verdict.
func tint(forVerdict verdict: String) -> Tint {
    switch verdict {
    case "exact", "runtime": .green
    case "altered": .yellow
    default: .red
    }
}
