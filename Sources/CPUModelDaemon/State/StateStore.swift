// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Descriptors
import Glibc
import JSON
import Reactor

/// The registered VMs in files, one each, so that a daemon that was restarted or killed knows them again.
///
/// Beside them the service manager keeps the pidfds of their owners, where there is one: a pidfd is its process, whatever
/// happens to numbers. It keeps no vCPU descriptors: while the daemon is down nobody would close them when their VM
/// dies, and they would pin it. The owner's agent brings them anew.
@ReactorActor
final class StateStore {
    /// The directory.
    nonisolated let directory: String
    private let manager: ServiceNotifier
    /// Keeps other daemons out of the directory.
    private let lock: OwnedDescriptor
    /// Which request's VM is in the file of a name, or on its way there.
    private var current: [String: String] = [:]
    private var isWorking = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    private nonisolated static let ending = ".json"

    /// Opens a directory, and makes it where there is none.
    ///
    /// - Throws: ``StateError`` when it cannot be used, or another daemon uses it.
    init(directory: String, manager: ServiceNotifier) throws(StateError) {
        self.directory = directory
        self.manager = manager
        if unsafe mkdir(directory, 0o700) != 0, errno != EEXIST { throw StateError(directory, errno: errno) }
        let number = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw StateError(directory, errno: errno) }
        lock = OwnedDescriptor(owning: number)
        guard flock(number, LOCK_EX | LOCK_NB) == 0 else { throw StateError(directory, errno: errno) }
    }

    // MARK: Reading

    /// A file that cannot be used.
    struct Unread {
        let path: String
        let reason: String
    }

    /// Reads all files. One that cannot be read takes none of the others with it: a damaged one is put aside
    /// (``KeptFile``), and one of a newer format stays until a VM of its name is registered.
    func load() -> (documents: [VMStateDocument], unread: [Unread]) {
        var documents: [VMStateDocument] = []
        var unread: [Unread] = []
        let files: [String]
        do throws(FileError) {
            files = try RegularFile.names(in: directory).sorted()
        } catch {
            return ([], [Unread(path: directory, reason: error.problem)])
        }
        for file in files {
            let path = "\(directory)/\(file)"
            // The draft of a writer that was killed.
            if file.hasPrefix("."), file.contains(Self.ending) { _ = unsafe unlink(path) }
            guard !file.hasPrefix("."), file.hasSuffix(Self.ending) else { continue }
            do throws(KeptFile.Fault) {
                let document = try document(file)
                current[document.record.name] = document.record.requestID
                documents.append(document)
            } catch {
                unread.append(Unread(path: path, reason: "\(error)"))
            }
        }
        return (documents, unread)
    }

    private func document(_ file: String) throws(KeptFile.Fault) -> VMStateDocument {
        let kept = KeptFile(path: "\(directory)/\(file)", maximumSize: VMStateDocument.maximumSize)
        return try kept.read { bytes throws(KeptFile.Fault) in
            let document = try VMStateDocument(parsing: bytes)
            guard Self.file(of: document.record.name) == file else {
                throw .damaged("it is of the VM \"\(document.record.name)\"")
            }
            return document
        }
    }

    // MARK: Writing

    /// Writes a VM's file, and comes back when it is there.
    ///
    /// - Parameter pidfd: the owner's; kept by the service manager.
    func write(_ record: VMRecord, owner pidfd: CInt) async throws(FileError) {
        if let before = current.updateValue(record.requestID, forKey: record.name) { forgetOwner(before) }
        keepOwner(record.requestID, pidfd)
        let document = VMStateDocument(record, bootID: ProcessInformation.bootID)
        let (file, directory) = (Self.file(of: record.name), directory)
        let result = await inTurn { () -> Result<Void, FileError> in
            do throws(FileError) {
                return .success(try AtomicFile.write(document.jsonBytes(), to: file, in: directory, mode: 0o600))
            } catch {
                // What is there is an earlier VM's.
                _ = unsafe unlink("\(directory)/\(file)")
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Takes a VM's file away, unless it is another's by now.
    func remove(_ record: VMRecord) {
        guard current[record.name] == record.requestID else { return }
        current[record.name] = nil
        forgetOwner(record.requestID)
        let path = "\(directory)/\(Self.file(of: record.name))"
        ReactorActor.task { [self] in
            await inTurn(unless: { [self] in current[record.name] != nil }, { _ = unsafe unlink(path) })
        }
    }

    private static func file(of name: String) -> String { name + ending }

    /// Does what may wait for the disk elsewhere, one after the other in the order of the calls.
    private func inTurn<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await takeTurn()
        defer { endTurn() }
        do { return try await Reactor.offThread(work) } catch { return work() }
    }

    private func inTurn(unless isOver: () -> Bool, _ work: @escaping @Sendable () -> Void) async {
        await takeTurn()
        defer { endTurn() }
        guard !isOver() else { return }
        do { try await Reactor.offThread(work) } catch { work() }
    }

    private func takeTurn() async {
        if isWorking { await withCheckedContinuation { waiting.append($0) } } else { isWorking = true }
    }

    private func endTurn() {
        if waiting.isEmpty { isWorking = false } else { waiting.removeFirst().resume() }
    }

    // MARK: Owners

    /// Before the request in the names by which the service manager knows the pidfds of owners.
    nonisolated static let ownerPrefix = "owner-"

    /// Has the service manager keep the pidfd of the owner of a VM.
    func keepOwner(_ requestID: String, _ pidfd: CInt) {
        manager.keep(pidfd, as: Self.ownerPrefix + requestID)
    }

    /// Lets the service manager forget the owner of a VM that is not registered any more.
    func forgetOwner(_ requestID: String) { manager.forget(Self.ownerPrefix + requestID) }
}

/// A state directory that cannot be used.
struct StateError: Error, CustomStringConvertible {
    let directory: String
    let errno: CInt

    init(_ directory: String, errno: CInt) {
        self.directory = directory
        self.errno = errno
    }

    var description: String {
        errno == EWOULDBLOCK
            ? "another cpumodeld keeps its VMs in \(directory)"
            : "\(directory) cannot be used: \(unsafe String(cString: strerror(errno)))"
    }
}
