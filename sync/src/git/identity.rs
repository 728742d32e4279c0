//! Who a person is, as git knows it.

use std::path::Path;

use git2::{Config, Repository};

use super::Author;

/// `user.name` and `user.email` of the repository at a path, or else of the person; `None` unless both are set.
#[must_use]
pub fn identity(repository: Option<&Path>) -> Option<Author> {
    let of_repository = repository.and_then(|path| Repository::open(path).ok()?.config().ok());
    let config = of_repository.or_else(|| Config::open_default().ok())?;
    let text = |key: &str| config.get_string(key).ok().filter(|text| !text.is_empty());
    Some(Author {
        name: text("user.name")?,
        email: text("user.email")?,
    })
}
