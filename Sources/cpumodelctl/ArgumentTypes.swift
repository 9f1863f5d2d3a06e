// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import CPUModelAPI
import CPUModelControl
import JSON

extension UnavailablePolicy: ExpressibleByArgument {}
extension DetectParameters.Purpose: ExpressibleByArgument {}
extension DetectParameters.Vocabulary: ExpressibleByArgument {}
extension ExportParameters.Format: ExpressibleByArgument {}

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
