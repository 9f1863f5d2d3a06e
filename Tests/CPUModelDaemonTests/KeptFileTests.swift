// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import CPUModelDaemon

/// What becomes of a kept file that cannot be used.
struct KeptFileTests {
    private let root = TemporaryDirectory()

    private func read(_ file: KeptFile) throws -> String {
        try file.read { bytes throws(KeptFile.Fault) in
            let text = String(decoding: bytes, as: UTF8.self)
            if text.hasPrefix("damaged") { throw .damaged("it says so") }
            if text.hasPrefix("newer") { throw .newer(2, known: 1) }
            return text
        }
    }

    private func contents(_ name: String) -> String? {
        (try? RegularFile.contents(of: "\(root.path)/\(name)")).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func whatIsDamagedIsPutAsideInPlaceOfWhatWasBefore() throws {
        for text in ["damaged first", "damaged second"] {
            let file = KeptFile(path: root.write("a.json", text), maximumSize: 100)
            #expect(throws: KeptFile.Fault.self) { try read(file) }
            #expect(contents("a.json") == nil && contents("a.json.broken") == text)
        }
    }

    @Test func whatIsTooLargeIsDamaged() throws {
        let file = KeptFile(path: root.write("a.json", "whole"), maximumSize: 4)
        #expect(throws: KeptFile.Fault.self) { try read(file) }
        #expect(contents("a.json.broken") == "whole")
    }

    @Test func whatIsNewerOrCannotBeReadStays() throws {
        let newer = KeptFile(path: root.write("a.json", "newer"), maximumSize: 100)
        #expect(throws: KeptFile.Fault.self) { try read(newer) }
        #expect(contents("a.json") == "newer" && contents("a.json.broken") == nil)
        root.link("b.json", to: "b.json")
        let circle = KeptFile(path: "\(root.path)/b.json", maximumSize: 100)
        let error = #expect(throws: KeptFile.Fault.self) { try read(circle) }
        guard case .unreadable(let reason)? = error, reason.errno == ELOOP else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
