// SPDX-License-Identifier: Apache-2.0

public import CPUModelAPI
public import JSON

/// A connection to cpumodeld on which methods are called one after the other, each waiting for its answer.
///
///     var client = try Client(for: .showVM)
///     let vm = try client.call(.showVM, ["vm": "web-1"])
///     print(vm["verdict"]?.stringValue ?? "")
///
/// What a watch tells comes by ``notification(_:within:)``. The client is for asking: `vm.apply` takes file descriptors and asks back (`owner.execute`), which this client does not do;
/// the library libcpumodel does.
public struct Client: ~Copyable {
    /// How long a call may take.
    public var timeout: Duration = .seconds(30)

    var connection: LineConnection
    private var lastID: Int64 = 0

    /// Connects to the daemon.
    ///
    /// - Parameter path: the socket.
    /// - Throws: ``ClientError/connection(_:)``.
    public init(path: String) throws(ClientError) {
        do throws(ConnectionError) {
            self.init(try LineConnection(path: path))
        } catch {
            throw .connection(error)
        }
    }

    /// Connects to the first socket that can be connected to of those that ``SocketPath/candidates(for:)`` names.
    ///
    /// - Parameter method: one that is to be called.
    /// - Throws: ``ClientError/connection(_:)`` about the socket that came closest: one that this user may not use says
    ///   more than one that is not there.
    public init(for method: Method) throws(ClientError) {
        var problem: ConnectionError?
        for path in SocketPath.candidates(for: method) {
            do throws(ConnectionError) {
                self.init(try LineConnection(path: path))
                return
            } catch {
                if problem == nil || error.isForbidden { problem = error }
            }
        }
        throw problem.map(ClientError.connection) ?? .badAnswer("there is no socket to connect to")
    }

    init(_ connection: consuming LineConnection) {
        self.connection = connection
    }

    /// Calls a method and waits for its answer.
    ///
    /// - Parameter parameters: by name; the method's `parameters` describe them.
    /// - Returns: the result, as the method's `result` describes it. A newer daemon may say more.
    /// - Throws: ``ClientError``. After any but ``ClientError/daemon(_:)`` the connection is of no more use.
    public mutating func call(
        _ method: Method, _ parameters: JSONObject = JSONObject()
    ) throws(ClientError) -> JSONValue {
        lastID += 1
        let deadline = Deadline(after: timeout)
        do throws(ConnectionError) {
            try connection.send(Self.request(id: lastID, method, parameters), by: deadline)
        } catch {
            // A daemon that refuses a request before it has read all of it has said so before it closed.
            guard error.reason == .closed else { throw .connection(error) }
        }
        while true {
            if let result = try Self.result(in: try nextMessage(by: deadline), id: lastID) { return result }
        }
    }

    private static func request(id: Int64, _ method: Method, _ parameters: JSONObject) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("jsonrpc", "2.0")
            writer.member("id", id)
            writer.member("method", method.name)
            if !parameters.isEmpty { writer.member("params", parameters) }
        }
        writer.endLine()
        return writer.bytes
    }

    mutating func nextMessage(by deadline: Deadline) throws(ClientError) -> JSONObject {
        let line: [UInt8]?
        do throws(ConnectionError) {
            line = try connection.receive(by: deadline)
        } catch {
            throw .connection(error)
        }
        guard let line else { throw .badAnswer("a line is longer than \(LineConnection.maximumLine) bytes") }
        let message: JSONValue
        do throws(JSONSyntaxError) {
            message = try JSONValue(parsing: line, limits: Self.limits)
        } catch {
            throw .badAnswer("\(error)")
        }
        guard case .object(let object) = message else { throw .badAnswer("it is \(message.kindName)") }
        return object
    }

    private static let limits = JSONLimits(maxBytes: LineConnection.maximumLine, maxMembers: 1 << 22)

    /// The result in an answer; nil when the message is no answer to the call.
    private static func result(in message: JSONObject, id: Int64) throws(ClientError) -> JSONValue? {
        // What the daemon asks or tells of its own accord is not for this client.
        if message["method"] != nil { return nil }
        // An answer to nothing in particular is about the connection, and so about the only call on it.
        guard message["id"] == .integer(id) || message["id"] == .null else {
            throw .badAnswer("it has the id \(message["id"]?.description ?? "of nothing"), and the call had \(id)")
        }
        if let error = message["error"] { throw Self.error(reading: error) }
        guard let result = message["result"] else { throw .badAnswer("it has neither a result nor an error") }
        return result
    }

    private static func error(reading error: JSONValue) -> ClientError {
        do throws(JSONShapeError) {
            return .daemon(try DaemonError(reading: error))
        } catch {
            return .badAnswer("\(error)")
        }
    }
}
