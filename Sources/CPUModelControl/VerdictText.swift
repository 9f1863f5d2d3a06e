// SPDX-License-Identifier: Apache-2.0

/// What a verdict means, as words that can stand behind it.
func meaning(ofVerdict verdict: String) -> String {
    switch verdict {
    case "exact": "KVM holds exactly the table that was computed"
    case "runtime": "only bits differ that follow the state of the vCPU"
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
