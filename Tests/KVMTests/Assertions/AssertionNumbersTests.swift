// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

/// The assertions about KVM are one numbered list: 1 to 15 hold by computation alone (P), 16 to 38 on any KVM (K), 39 to
/// 43 on Linux's own kvm_amd and kvm_intel (H). The number begins the name of its test, which says what it asserts.
struct AssertionNumbersTests {
    private static let tests = String(#filePath).split(separator: "/").dropLast(3)
    private static let folders = ["GuestCPUTests/Assertions", "KVMTests/Assertions"].map { folder in
        "/" + tests.joined(separator: "/") + "/" + folder
    }

    private static func names() -> [Substring] {
        folders.flatMap(files).flatMap { path in
            // The name is behind `@Test(`, on its line or on the next.
            TestHost.contents(of: path).split(separator: "@Test(").dropFirst().compactMap { rest in
                rest.drop { $0 != "\"" }.dropFirst().split(separator: "\"").first
            }
        }
    }

    private static func files(in folder: String) -> [String] {
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var files: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".swift") { files.append(folder + "/" + name) }
        }
        return files
    }

    @Test(.enabled(if: folders.allSatisfy(TestHost.exists), "the sources are not where they were built"))
    func eachOfTheNumbersHasATest() {
        let names = Self.names()
        for number in 1...43 {
            let letter = number < 16 ? "P" : number < 39 ? "K" : "H"
            let prefix = letter + (number < 10 ? "0" : "") + String(number) + " "
            #expect(names.contains { $0.hasPrefix(prefix) }, "no test is called \(prefix)")
        }
    }
}
