// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import CPUModelAPI
import CPUModelControl
public import GuestCPU
import JSON

extension UnavailablePolicy: ExpressibleByArgument {}
extension GuestCPU.Options.Caches: ExpressibleByArgument {}
extension DetectParameters.Purpose: ExpressibleByArgument {}
extension DetectParameters.Vocabulary: ExpressibleByArgument {}
extension ExportParameters.Format: ExpressibleByArgument {}
extension LiveSource: ExpressibleByArgument {}
extension Verdict: ExpressibleByArgument {}

/// The value of `--topology`.
struct TopologyArgument: ExpressibleByArgument {
    let parameter: JSONObject

    init?(argument: String) {
        guard let parameter = TopologyText.parse(argument) else { return nil }
        self.parameter = parameter
    }
}

/// The value of `--vcpus`.
struct VCPUsArgument: ExpressibleByArgument {
    let numbers: [Int64]

    init?(argument: String) {
        guard let numbers = CPUList.parse(argument) else { return nil }
        self.numbers = numbers
    }
}

/// A number of up to 32 bits in hexadecimal, with or without `0x`.
struct HexadecimalArgument: ExpressibleByArgument {
    /// As the API takes it.
    let text: String

    init?(argument: String) {
        let digits = argument.lowercased().hasPrefix("0x") ? argument.dropFirst(2) : argument[...]
        guard let number = UInt32(digits, radix: 16) else { return nil }
        text = "0x" + String(number, radix: 16)
    }
}
