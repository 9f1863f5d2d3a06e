// SPDX-License-Identifier: Apache-2.0

import CCPUModelClient
public import CPUModelAPI
import Glibc
public import JSON
import Synchronization

/// A launcher's connection to cpumodeld: libcpumodel for Swift.
///
///     let daemon = try await LauncherConnection.connect()
///     let vcpus = VCPUDescriptors(owning: numbers)
///     let vm = try await daemon.apply(VMRequest(name: "web-1", model: "EPYC-Milan-v2,-svm"), to: vcpus)
///     print(vm.verdict, vm.stamp)
///
/// In the process that created the VM, after KVM_CREATE_VCPU of every vCPU and before the first KVM_RUN: KVM takes a vCPU's
/// ioctls from no other process, so the daemon computes, and has this process make the ioctls while ``apply(_:to:)`` waits.
///
/// Calls that wait block a thread of their own and none of the pool on which tasks run. Tasks that share a connection take
/// turns on it. A task that is cancelled ends the connection with its call, so that no job can come late.
public final class LauncherConnection: Sendable {
    /// How long a call may take as a whole.
    public static let defaultTimeout = Duration.seconds(30)

    /// libcpumodel's object: its functions may be called by any thread, and it is freed once, when nobody has it any more.
    @safe private struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let handle: Handle

    private init(_ handle: Handle, timeout: Duration) {
        self.handle = handle
        unsafe cpumodel_set_timeout(handle.pointer, Self.milliseconds(timeout))
    }

    deinit { unsafe cpumodel_close(handle.pointer) }

    /// Connects to the daemon at `path`; if nil, at `$CPUMODELD_SOCKET` or its usual socket.
    public static func connect(
        path: String? = nil, timeout: Duration = defaultTimeout
    ) async throws(LauncherError) -> LauncherConnection {
        let handle: Handle = try await onThread {
            var pointer: OpaquePointer?
            return unsafe attempt { error in
                unsafe cpumodel_connect(&pointer, path, error)
            } value: {
                unsafe pointer.map { unsafe Handle(pointer: $0) }
            }
        }.get()
        return LauncherConnection(handle, timeout: timeout)
    }

    /// Gives the vCPUs the model and reads back what KVM took.
    ///
    /// - Parameter vcpus: All of the VM's, in topology order.
    /// - Throws: The daemon's error says in `restored` of its data what the vCPUs have then.
    public func apply(
        _ request: VMRequest, to vcpus: borrowing VCPUDescriptors
    ) async throws(LauncherError) -> AppliedVM {
        let numbers = vcpus.withNumbers { $0 }
        let document = try unsafe await call { connection, error in
            var result: UnsafeMutablePointer<cpumodel_result>?
            let code = unsafe request.withVM(vcpus: numbers, count: numbers.count) { vm in
                unsafe cpumodel_apply(connection, vm, &result, error)
            }
            defer { unsafe cpumodel_result_free(result) }
            return (code, unsafe result.map { unsafe String(cString: $0.pointee.json) })
        }
        return try Self.read { () throws(JSONShapeError) in try AppliedVM(reading: document) }
    }

    /// Computes what ``apply(_:to:)`` would set, and touches no vCPU. Of the request, `name`, `altered`, `replace` and `join`
    /// do not matter.
    public func compute(_ request: VMRequest, vcpuCount: Int) async throws(LauncherError) -> ComputedTables {
        let document = try unsafe await call { connection, error in
            var tables: UnsafeMutablePointer<cpumodel_tables>?
            let code = unsafe request.withVM(vcpus: [], count: vcpuCount) { vm in
                unsafe cpumodel_compute(connection, vm, &tables, error)
            }
            defer { unsafe cpumodel_tables_free(tables) }
            return (code, unsafe tables.map { unsafe String(cString: $0.pointee.json) })
        }
        return try Self.read { () throws(JSONShapeError) in try ComputedTables(reading: document) }
    }

    /// Has the daemon let go of a VM that this process destroys and outlives. No error when it has let go of it before.
    public func detach(from vm: AppliedVM) async throws(LauncherError) {
        _ = try unsafe await call { connection, error in
            (unsafe cpumodel_detach(connection, vm.name, vm.requestID, error), "{}")
        }
    }

    /// Calls any method that takes no descriptors.
    ///
    /// - Returns: The result, as the method's `result` describes it. A newer daemon may say more.
    public func call(
        _ method: CPUModelAPI.Method, _ parameters: JSONObject = JSONObject()
    ) async throws(LauncherError) -> JSONObject {
        var writer = JSONWriter()
        parameters.write(to: &writer)
        let text = String(decoding: writer.bytes, as: UTF8.self)
        return try unsafe await call { connection, error in
            var result: UnsafeMutablePointer<CChar>?
            let code = unsafe cpumodel_call(connection, method.name, text, &result, error)
            defer { unsafe free(result) }
            return (code, unsafe result.map { unsafe String(cString: $0) })
        }
    }

    /// Runs a call of libcpumodel that returns its code, and its result as JSON text.
    @unsafe private func call(
        _ body: @escaping @Sendable (OpaquePointer, UnsafeMutablePointer<cpumodel_error>) -> (CInt, String?)
    ) async throws(LauncherError) -> JSONObject {
        guard !Task.isCancelled else { throw .cancelled }
        let handle = handle
        let outcome = await withTaskCancellationHandler {
            await onThread {
                var text: String?
                return unsafe Self.attempt { error in
                    let (code, json) = unsafe body(handle.pointer, error)
                    text = json
                    return code
                } value: {
                    text.flatMap { try? JSONValue(parsing: $0, limits: Self.limits).objectValue }
                }
            }
        } onCancel: {
            // Alive, as the connection is, until the call has returned.
            unsafe cpumodel_cancel(handle.pointer)
        }
        do {
            return try outcome.get()
        } catch {
            throw Task.isCancelled && error.code < 0 && error.code > -4096 ? .cancelled : error
        }
    }

    /// Makes a call that fills in an error when it fails, and takes its value when it does not.
    @unsafe private static func attempt<Value>(
        _ body: (UnsafeMutablePointer<cpumodel_error>) -> CInt, value: () -> Value?
    ) -> Result<Value, LauncherError> {
        var error = unsafe cpumodel_error()
        let code = unsafe body(&error)
        guard code == 0 else { return .failure(unsafe LauncherError(taking: &error)) }
        guard let value = value() else { return .failure(.badAnswer("it is no object")) }
        return .success(value)
    }

    private static func read<Value>(
        _ body: () throws(JSONShapeError) -> Value
    ) throws(LauncherError) -> Value {
        do throws(JSONShapeError) { return try body() } catch { throw .badAnswer("\(error)") }
    }

    private static let limits = JSONLimits(maxBytes: LineConnection.maximumLine, maxMembers: 1 << 22)

    private static func milliseconds(_ time: Duration) -> CInt {
        CInt(clamping: Int64(min(time / .milliseconds(1), 2e9)))
    }
}
