// SPDX-License-Identifier: Apache-2.0

public import CPUModelAPI
import Glibc

/// Where the daemon listens.
public enum SocketPath {
    /// The socket on which every method may be called.
    public static let everything = "/run/cpumodeld/cpumodeld.sock"
    /// The socket on which only the methods may be called that change nothing; more users may connect to it.
    public static let queries = "/run/cpumodeld/cpumodeld-query.sock"

    /// The sockets to try for a method, best first: those that `CPUMODELD_QUERY_SOCKET` (for a method that changes
    /// nothing) and `CPUMODELD_SOCKET` name, or else the usual ones.
    public static func candidates(for method: Method) -> [String] {
        candidates(isQuery: method.isQuery, environment: environmentVariable)
    }

    static func candidates(isQuery: Bool, environment: (String) -> String?) -> [String] {
        var named = [environment("CPUMODELD_SOCKET")]
        var usual = [everything]
        if isQuery {
            named.insert(environment("CPUMODELD_QUERY_SOCKET"), at: 0)
            usual.insert(queries, at: 0)
        }
        // An empty variable counts as none, as it does for most programs.
        let paths = named.compactMap { $0 }.filter { !$0.isEmpty }
        return paths.isEmpty ? usual : paths
    }

    private static func environmentVariable(_ name: String) -> String? {
        // The text belongs to the environment; it is copied before anything could change that.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
