// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file in which the daemon keeps something for its next run.
///
/// One that is damaged is told of once, and put aside under the name `NAME.broken`, in place of one that was put aside
/// before: there it is for whoever wants to know, and the next run finds nothing wrong. One that a newer version of the program
/// has written is left alone.
struct KeptFile {
    /// Why a file cannot be used.
    enum Fault: Error, CustomStringConvertible {
        /// It is of a format that is newer than this program.
        case newer(Int64, known: Int64)
        /// What is in it makes no sense.
        case damaged(String)
        /// It cannot be read.
        case unreadable(FileError)

        /// The rest of a sentence about the file.
        var description: String {
            switch self {
            case .newer(let version, let known):
                "it is of format \(version), and this cpumodeld knows formats up to \(known)"
            case .damaged(let reason): "it is damaged: \(reason)"
            case .unreadable(let error): "\(error.problem)"
            }
        }
    }

    /// What is behind the name of a file that was put aside.
    static let asideEnding = ".broken"

    let path: String
    /// A file with more bytes is damaged.
    let maximumSize: Int

    /// Reads the file, and puts it aside when it is damaged.
    func read<Document>(_ parse: ([UInt8]) throws(Fault) -> Document) throws(Fault) -> Document {
        do throws(Fault) {
            return try parse(contents())
        } catch {
            if case .damaged = error { _ = unsafe rename(path, path + Self.asideEnding) }
            throw error
        }
    }

    private func contents() throws(Fault) -> [UInt8] {
        do throws(FileError) {
            return try RegularFile.contents(of: path, atMost: maximumSize)
        } catch {
            throw error.errno == EFBIG ? .damaged("it has more than \(maximumSize) bytes") : .unreadable(error)
        }
    }
}
