// SPDX-License-Identifier: Apache-2.0

import JSONRPC

extension Configuration {
    /// How many clients a socket serves.
    var listenerLimits: ListenerLimits {
        var limits = ListenerLimits()
        limits.connections = maximumConnections
        return limits
    }

    /// What one connection may ask.
    var connectionLimits: ConnectionLimits {
        var limits = ConnectionLimits()
        limits.lineBytes = maximumMessageSize
        return limits
    }

    /// What one user may have of the sockets.
    var userLimits: UserLimits {
        var limits = UserLimits()
        limits.connections = maximumConnectionsPerUser
        limits.queuedBytes = maximumQueuedBytesPerUser
        limits.descriptors = maximumDescriptorsPerUser
        return limits
    }

    /// What one user may have in the registry.
    var registryLimits: RegistryLimits {
        RegistryLimits(vmsPerUser: maximumVMsPerUser, descriptorsPerUser: maximumDescriptorsPerUser)
    }
}
