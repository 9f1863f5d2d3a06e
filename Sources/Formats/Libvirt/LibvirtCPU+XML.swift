// SPDX-License-Identifier: Apache-2.0

extension LibvirtCPU {
    /// The CPU as the `<cpu>` element of a domain, indented for people.
    public var xml: String {
        var attributes = " mode='\(mode.rawValue)'"
        if let match { attributes += " match='\(escapedXML(match))'" }
        if let check { attributes += " check='\(escapedXML(check))'" }
        if let isMigratable { attributes += " migratable='\(isMigratable ? "on" : "off")'" }

        var lines: [String] = []
        if let model { lines.append("<model fallback='forbid'>\(escapedXML(model))</model>") }
        if let vendor { lines.append("<vendor>\(escapedXML(vendor))</vendor>") }
        if let physicalAddressBits { lines.append("<maxphysaddr mode='emulate' bits='\(physicalAddressBits)'/>") }
        for element in features {
            lines.append("<feature policy='\(element.policy.rawValue)' name='\(escapedXML(element.name))'/>")
        }
        guard !lines.isEmpty else { return "<cpu\(attributes)/>\n" }
        return (["<cpu\(attributes)>"] + lines.map { "  " + $0 } + ["</cpu>"]).joined(separator: "\n") + "\n"
    }
}
