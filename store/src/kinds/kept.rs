//! What an API server keeps of a status.

use serde::Serialize;
use serde_json::Value;

/// The fields of `wanted` that are not in `kept`, with dots between them: those that the CRD does not have (any more). The server leaves
/// them out of what it answers and says nothing.
#[must_use]
pub fn lost<T: Serialize>(wanted: &T, kept: &T) -> Vec<String> {
    let (Ok(wanted), Ok(kept)) = (serde_json::to_value(wanted), serde_json::to_value(kept)) else {
        return Vec::new();
    };
    let mut lost = Vec::new();
    compare(&wanted, &kept, "status", &mut lost);
    lost
}

fn compare(wanted: &Value, kept: &Value, path: &str, lost: &mut Vec<String>) {
    let Value::Object(fields) = wanted else {
        return;
    };
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        match kept.get(name) {
            Some(kept) => compare(value, kept, &path, lost),
            None if value.is_null() => {}
            None => lost.push(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lost;

    #[test]
    fn fields_that_are_gone_are_named_and_those_that_changed_are_not() {
        let wanted = json!({"phase": "Done", "result": {"branch": "b", "commit": "c"}, "finishedAt": "2026-01-01T00:00:00.000Z"});
        let kept =
            json!({"result": {"branch": "b"}, "finishedAt": "2026-01-01T00:00:00Z", "more": 1});
        assert_eq!(
            lost(&wanted, &kept),
            ["status.phase", "status.result.commit"]
        );
        assert_eq!(lost(&wanted, &wanted), Vec::<String>::new());
    }
}
