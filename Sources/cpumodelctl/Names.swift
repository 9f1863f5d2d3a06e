// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelAPI
import CPUModelClient
import CPUModelControl
import JSON

/// Names that shells complete, asked of the daemon: quickly, and without a word when it does not answer.
enum Names {
    /// Names of models and their aliases.
    static let models = CompletionKind.custom { words, _, _ in modelNames(words) }

    /// Model expressions.
    static let expressions = CompletionKind.custom { words, _, word in
        Completions.expression(word, models: modelNames(words))
    }

    /// Names of registered VMs.
    static let vms = CompletionKind.custom { words, _, _ in vmNames(words) }

    /// Names of features.
    static let features = CompletionKind.custom { _, _, _ in Completions.features }

    /// What stands for a CPU: model expressions, VMs, this host, and paths.
    static let cpus = CompletionKind.custom { words, _, word in
        let paths = InputFile.paths(beginningWith: word).filter { $0 == $0.printable }
        guard !word.contains("/") else { return paths }
        let others = vmNames(words).map { "vm:" + $0 } + ["this"]
        return Completions.expression(word, models: modelNames(words)) + others + paths
    }

    private static func modelNames(_ words: [String]) -> [String] {
        names(ask(.listModels, words)?["models"], ["name", "alias"])
    }

    private static func vmNames(_ words: [String]) -> [String] {
        names(ask(.listVMs, words)?["vms"], ["vm"])
    }

    /// What stands in these members of a list of objects; nothing that the shell could not show as it is.
    private static func names(_ list: JSONValue?, _ members: [String]) -> [String] {
        let names = (list?.arrayValue ?? []).flatMap { element in members.compactMap { element[$0]?.stringValue } }
        return names.filter { $0 == $0.printable }
    }

    /// - Parameter words: the command line so far, which may name a socket.
    private static func ask(_ method: Method, _ words: [String]) -> JSONValue? {
        let socket = words.firstIndex(of: "--socket").flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
        guard var client = try? socket.map({ try Client(path: $0) }) ?? Client(for: method) else { return nil }
        client.timeout = .milliseconds(500)
        return try? client.call(method)
    }
}
