// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// The design that CPUs of several signatures share.
///
/// A model has one signature, that of the CPU it was made from; the same cores are sold under many. Two signatures are
/// akin when they are of one design (Intel SDM volume 4, table 2-1, and the specification updates of the server parts
/// for the steppings of model 85; AMD's revision guides and processor programming references).
enum Microarchitecture {
    case p6, yonah, core, penryn, nehalem, westmere, sandyBridge, ivyBridge, haswell, broadwell
    case skylakeClient, skylakeServer, cascadeLake, cooperLake, cannonLake, iceLakeClient, iceLakeServer
    case tigerLake, rocketLake, sapphireRapids, graniteRapids, diamondRapids
    case alderLake, meteorLake, arrowLake, lunarLake, pantherLake
    case netburst, knightsLanding, knightsMill
    case bonnell, silvermont, goldmont, goldmontPlus, tremont, gracemont, sierraForest, clearwaterForest
    case k8, k10, bobcat, jaguar, bulldozer, piledriver, steamroller, excavator, zen, zen2, zen3, zen4, zen5
    case dhyana

    /// The design of a CPU; nil for those that are not listed here.
    init?(_ vendor: CPUVendor, _ signature: CPUSignature) {
        let found: Microarchitecture? =
            switch vendor {
            case .intel: Self.intel(signature)
            case .amd: Self.amd(signature)
            case .hygon: signature.family == 24 ? .dhyana : nil
            default: nil
            }
        guard let found else { return nil }
        self = found
    }

    /// Whether RSB underflow falls back on other predictors (RSBA, or with eIBRS RRSBA), told or not: so do Skylake and
    /// Intel's big cores after it (Xen, `retpoline_calculations`; Intel, "Return Stack Buffer Underflow").
    var hasAlternateRSBPredictor: Bool {
        switch self {
        case .skylakeClient, .skylakeServer, .cascadeLake, .cooperLake, .cannonLake, .iceLakeClient, .iceLakeServer,
            .tigerLake, .rocketLake, .sapphireRapids, .graniteRapids, .diamondRapids, .alderLake, .meteorLake,
            .arrowLake, .lunarLake, .pantherLake:
            true
        default: false
        }
    }

    private static func intel(_ signature: CPUSignature) -> Microarchitecture? {
        switch signature.family {
        case 6: intelFamily6(signature)
        case 15: .netburst
        case 19: signature.model == 1 ? .diamondRapids : nil
        default: nil
        }
    }

    private static func intelFamily6(_ signature: CPUSignature) -> Microarchitecture? {
        switch signature.model {
        case 1...13: .p6
        case 14: .yonah
        case 15, 22: .core
        case 23, 29: .penryn
        case 26, 30, 31, 46: .nehalem
        case 37, 44, 47: .westmere
        case 42, 45: .sandyBridge
        case 58, 62: .ivyBridge
        case 60, 63, 69, 70: .haswell
        case 61, 71, 79, 86: .broadwell
        case 78, 94, 142, 158, 165, 166: .skylakeClient
        case 85:
            switch signature.stepping {
            case 0...4: .skylakeServer
            case 5...7: .cascadeLake
            default: .cooperLake
            }
        case 102: .cannonLake
        case 125, 126, 157: .iceLakeClient
        case 106, 108: .iceLakeServer
        case 140, 141: .tigerLake
        case 167: .rocketLake
        case 143, 207: .sapphireRapids
        case 173, 174: .graniteRapids
        case 151, 154, 183, 186, 191: .alderLake
        case 170, 172, 181: .meteorLake
        case 197, 198: .arrowLake
        case 189: .lunarLake
        case 204: .pantherLake
        case 87: .knightsLanding
        case 133: .knightsMill
        case 28, 38, 39, 53, 54: .bonnell
        case 55, 74, 76, 77, 90, 93: .silvermont
        case 92, 95: .goldmont
        case 122: .goldmontPlus
        case 134, 138, 150, 156: .tremont
        case 190: .gracemont
        case 175: .sierraForest
        case 221: .clearwaterForest
        default: nil
        }
    }

    private static func amd(_ signature: CPUSignature) -> Microarchitecture? {
        switch (signature.family, signature.model) {
        case (15, _): .k8
        case (16, _), (17, _), (18, _): .k10
        case (20, _): .bobcat
        case (22, _): .jaguar
        case (21, 0...1): .bulldozer
        case (21, 2...0x2F): .piledriver
        case (21, 0x30...0x5F): .steamroller
        case (21, _): .excavator
        case (23, 0...0x2F): .zen
        case (23, _): .zen2
        case (25, 0...0x0F), (25, 0x20...0x5F): .zen3
        case (25, _): .zen4
        case (26, _): .zen5
        default: nil
        }
    }
}

extension CPUSignature {
    /// Whether TSX does not work on the CPU, so that kernels and VMMs take HLE and RTM away: Haswell before stepping 4
    /// of its large server part (Intel erratum HSD136; QEMU, `host_tsx_broken`).
    var hasBrokenTSX: Bool {
        guard family == 6 else { return false }
        return model == 60 || model == 69 || model == 70 || (model == 63 && stepping < 4)
    }
}
