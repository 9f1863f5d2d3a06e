// SPDX-License-Identifier: Apache-2.0

/// A text as a sentence: with a full stop, unless it ends like one already.
public func sentence(_ text: String) -> String {
    text.last.map { "?!.".contains($0) } == true ? text : text + "."
}
