//! What can still be had from a line that is not quite JSON.

use crate::issue::IssueId;

/// The id of a line that is no record, where the tracker would have put it: first, or right behind `_type`.
pub(super) fn id(line: &str) -> Option<IssueId> {
    let fields = line.trim_ascii_start().strip_prefix('{')?;
    let (key, value, rest) = leading_string_field(fields)?;
    match key {
        "id" => IssueId::new(value),
        "_type" => {
            let (key, value, _) = leading_string_field(rest.trim_ascii_start().strip_prefix(',')?)?;
            IssueId::new(value).filter(|_| key == "id")
        }
        _ => None,
    }
}

/// Splits `"key": "value"` off the front; only where both are plain text without escapes.
fn leading_string_field(text: &str) -> Option<(&str, &str, &str)> {
    let (key, rest) = plain_string(text)?;
    let (value, rest) = plain_string(rest.trim_ascii_start().strip_prefix(':')?)?;
    Some((key, value, rest))
}

fn plain_string(text: &str) -> Option<(&str, &str)> {
    let (string, rest) = text.trim_ascii_start().strip_prefix('"')?.split_once('"')?;
    let is_plain = string.len() <= IssueId::MAX_LEN && !string.contains('\\');
    is_plain.then_some((string, rest))
}

/// The line with every escaped half of a surrogate pair replaced by U+FFFD, as the tracker reads it; `None` where
/// there is no such half.
pub(super) fn without_lone_surrogates(line: &str) -> Option<String> {
    let mut mended = String::new();
    let mut rest = line;
    while let Some((before, escape)) = rest.find('\\').map(|at| rest.split_at(at)) {
        mended.push_str(before);
        let (kept, after) = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(Half::High), Some(Half::Low)) => escape.split_at(12),
            (Some(_), _) => ("\\ufffd", escape.get(6..).unwrap_or_default()),
            // Two bytes, so that an escaped backslash does not begin an escape of its own.
            (None, _) => escape.split_at_checked(2).unwrap_or((escape, "")),
        };
        mended.push_str(kept);
        rest = after;
    }
    mended.push_str(rest);
    (mended != line).then_some(mended)
}

enum Half {
    High,
    Low,
}

/// Which half of a surrogate pair `text` begins with.
fn surrogate(text: &str) -> Option<Half> {
    let hex = text.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(hex, 16).ok()? {
        0xD800..0xDC00 => Some(Half::High),
        0xDC00..0xE000 => Some(Half::Low),
        _ => None,
    }
}
