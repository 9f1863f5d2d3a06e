// SPDX-License-Identifier: Apache-2.0

/// A model file that a catalog goes without, since something is wrong with it.
public struct RefusedModelFile: Sendable, Hashable {
    /// The file.
    public let path: String
    /// What is wrong, each with file and line where it has one; at least one.
    public let problems: [String]
    /// Whether all that is wrong is that it builds on another file that is refused.
    public let isConsequence: Bool
    /// The names of its models, as far as they can be told.
    let models: Set<String>
    /// The names of the cache tables in it that are right.
    let caches: Set<String>

    /// A file that cannot even be read.
    public init(path: String, unreadable problem: String) {
        self.path = path
        problems = [problem]
        isConsequence = false
        models = [Self.stem(of: path)]
        caches = []
    }

    init(_ file: ModelReader, _ problems: [String], isConsequence: Bool) {
        path = file.path
        self.problems = problems
        self.isConsequence = isConsequence
        let draft = file.model.map { [$0.name] + $0.versions.compactMap(\.alias) }
        models = Set(draft ?? [Self.stem(of: file.path)])
        caches = Set(file.caches.map(\.hierarchy.name))
    }

    /// The first thing that is wrong, and how many others there are.
    public var summary: String {
        (problems.first ?? "") + (problems.count > 1 ? " (and \(problems.count - 1) more)" : "")
    }

    /// Whether a model or version of this name is in the file, most likely.
    func defines(_ name: String) -> Bool {
        models.contains(name) || splitVersion(name).map { models.contains(String($0.model)) } == true
    }

    /// What a file is called when nothing can be told of what is in it: most are called like their model.
    private static func stem(of path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        return String(name.hasSuffix(".cpumodel") ? name.dropLast(".cpumodel".count) : name)
    }
}
