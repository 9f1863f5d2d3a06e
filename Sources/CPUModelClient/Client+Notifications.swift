// SPDX-License-Identifier: Apache-2.0

public import JSON

extension Client {
    /// The socket, for those who have more to wait for: it is readable when something has come that was not read yet.
    public var descriptor: CInt { connection.descriptor }

    /// The parameters of the next notification of that name; nil when none came in time. Others are passed over.
    ///
    /// What has been read from the socket and not been asked for yet shows in nothing but this: ask until there is nil
    /// before waiting for ``descriptor``.
    ///
    /// - Throws: ``ClientError``. After that the connection is of no more use.
    public mutating func notification(_ name: String, within time: Duration) throws(ClientError) -> JSONValue? {
        let deadline = Deadline(after: time)
        while true {
            let message: JSONObject
            do throws(ClientError) {
                message = try nextMessage(by: deadline)
            } catch {
                if case .connection(let problem) = error, problem.isTimeout { return nil }
                throw error
            }
            if message["method"] == .string(name) { return message["params"] ?? .object(JSONObject()) }
        }
    }
}
