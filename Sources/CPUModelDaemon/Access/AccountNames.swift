// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Numbers of users and groups by their names (getpwnam_r(3), getgrnam_r(3)). May ask a directory service, and so block.
enum AccountNames {
    /// The largest entry that is looked at. A group with thousands of members has a long one.
    private static let maximumSize = 1 << 20

    /// The number of a user; nil where there is none.
    static func user(_ name: String) -> UInt32? {
        unsafe find { memory, size in
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>?
            // Everything that is pointed to lives until the number is taken out.
            let error = unsafe getpwnam_r(name, &entry, memory, size, &found)
            return (error, unsafe found.map { unsafe $0.pointee.pw_uid })
        }
    }

    /// The number of a group; nil where there is none.
    static func group(_ name: String) -> UInt32? {
        unsafe find { memory, size in
            var entry = unsafe Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            let error = unsafe getgrnam_r(name, &entry, memory, size, &found)
            return (error, unsafe found.map { unsafe $0.pointee.gr_gid })
        }
    }

    /// Looks an entry up with as much memory as it takes.
    private static func find(
        _ look: (UnsafeMutablePointer<CChar>, Int) -> (error: CInt, number: UInt32?)
    ) -> UInt32? {
        var size = 1 << 12
        while size <= maximumSize {
            let memory = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { unsafe memory.deallocate() }
            let (error, number) = unsafe look(memory, size)
            guard error == ERANGE else { return number }
            size *= 4
        }
        return nil
    }
}
