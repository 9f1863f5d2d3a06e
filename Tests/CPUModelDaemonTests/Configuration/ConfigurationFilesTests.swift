// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelDaemon

/// Which files count, as systemd has it: "Configuration Directories and Precedence" of its manual pages.
struct ConfigurationFilesTests {
    private let root = TemporaryDirectory()

    private var files: ConfigurationFiles {
        ConfigurationFiles(in: ["etc", "run", "local", "usr"].map { "\(root.path)/\($0)" })
    }

    private func inForce() throws -> [String] {
        try files.inForce().map { String($0.dropFirst(root.path.count + 1)) }
    }

    @Test func whereThereIsNothingNothingIsRead() throws {
        #expect(try inForce() == [])
    }

    @Test func ofMainFilesTheFirstIsRead() throws {
        root.write("usr/cpumodeld.conf", "")
        #expect(try inForce() == ["usr/cpumodeld.conf"])
        root.write("run/cpumodeld.conf", "")
        #expect(try inForce() == ["run/cpumodeld.conf"])
        root.write("etc/cpumodeld.conf", "")
        #expect(try inForce() == ["etc/cpumodeld.conf"])
    }

    @Test func dropInsAreReadByNameWhateverTheirDirectory() throws {
        root.write("etc/cpumodeld.conf", "")
        root.write("etc/cpumodeld.conf.d/50-b.conf", "")
        root.write("usr/cpumodeld.conf.d/90-d.conf", "")
        root.write("run/cpumodeld.conf.d/10-a.conf", "")
        root.write("local/cpumodeld.conf.d/60-c.conf", "")
        #expect(
            try inForce() == [
                "etc/cpumodeld.conf", "run/cpumodeld.conf.d/10-a.conf", "etc/cpumodeld.conf.d/50-b.conf",
                "local/cpumodeld.conf.d/60-c.conf", "usr/cpumodeld.conf.d/90-d.conf",
            ])
    }

    @Test func dropInsCountWithoutMainFile() throws {
        root.write("usr/cpumodeld.conf.d/10-a.conf", "")
        #expect(try inForce() == ["usr/cpumodeld.conf.d/10-a.conf"])
    }

    @Test func aDropInHidesThoseOfTheSameName() throws {
        for directory in ["usr", "local", "run"] { root.write("\(directory)/cpumodeld.conf.d/10-a.conf", "") }
        #expect(try inForce() == ["run/cpumodeld.conf.d/10-a.conf"])
    }

    @Test func namesAreComparedAsBytes() throws {
        for name in ["Z", "a", "10-ä", "10-z", "9", "10"] { root.write("etc/cpumodeld.conf.d/\(name).conf", "") }
        let names = try inForce().map { $0.dropFirst("etc/cpumodeld.conf.d/".count).dropLast(".conf".count) }
        #expect(names == ["10-z", "10-ä", "10", "9", "Z", "a"])
    }

    @Test func otherNamesAreNoDropIns() throws {
        for name in ["a", "a.conf~", "a.conf.rpmsave", ".a.conf", "conf"] {
            root.write("etc/cpumodeld.conf.d/\(name)", "nonsense")
        }
        #expect(try inForce() == [])
    }

    @Test func linksToDevNullAndEmptyFilesMask() throws {
        root.write("usr/cpumodeld.conf.d/10-a.conf", "[Limits]\nConnections=7\n")
        #expect(try ConfigurationSource(files).load().configuration.maximumConnections == 7)
        root.link("etc/cpumodeld.conf.d/10-a.conf", to: "/dev/null")
        #expect(try ConfigurationSource(files).load().configuration.maximumConnections == 1024)
        root.write("usr/cpumodeld.conf.d/20-b.conf", "[Limits]\nConnections=8\n")
        root.write("run/cpumodeld.conf.d/20-b.conf", "")
        #expect(try ConfigurationSource(files).load().configuration.maximumConnections == 1024)
    }

    @Test func aNamedFileMustBeThereAndHasDropInsBesideIt() throws {
        let path = "\(root.path)/my.conf"
        #expect(throws: ConfigurationError.self) { try ConfigurationSource(ConfigurationFiles(path: path)).load() }
        root.write("my.conf", "[Limits]\nConnections=7\n")
        root.write("my.conf.d/1.conf", "[Limits]\nConnections=8\n")
        root.write("etc/cpumodeld.conf", "[Limits]\nConnections=9\n")
        let loaded = try ConfigurationSource(ConfigurationFiles(path: path)).load()
        #expect(loaded.configuration.maximumConnections == 8)
        #expect(loaded.files == [path, "\(path).d/1.conf"])
    }
}
