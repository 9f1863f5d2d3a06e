// SPDX-License-Identifier: Apache-2.0

import JSON

/// What one connection may ask of the daemon.
public struct ConnectionLimits: Sendable {
    /// The most bytes of a line, without the line feed.
    public var lineBytes = 1 << 20

    /// The most levels of arrays and objects in a line.
    public var nesting = 64

    /// The most messages in a batch.
    public var batchMessages = 256

    /// The most descriptors that may have arrived without a request that takes them. A VM has at most as many vCPUs.
    public var queuedDescriptors = 4096

    /// How long descriptors may wait for the end of the line that declares them.
    public var descriptorWait = Duration.seconds(30)

    /// The most asynchronous requests that may be unanswered at a time.
    public var unansweredRequests = 64

    /// Nothing more is read from a client that has this many bytes of answers to read itself, until it has read half.
    public var outputHighWater = 1 << 20

    /// A client that lets this many bytes of answers wait is dropped.
    public var outputBytes = 64 << 20

    /// How long, after a fault, the client has to read the error and close.
    public var linger = Duration.seconds(1)

    /// The limits that are documented.
    public init() {}

    var json: JSONLimits {
        JSONLimits(maxDepth: nesting, maxBytes: lineBytes)
    }
}
