//! What the plugin decides: values in, texts and objects out.

#[cfg(test)]
mod fixture;
pub mod form;
pub mod record;
pub mod request;
pub mod rows;
pub mod select;
pub mod sheet;
pub mod standing;
pub mod town;
pub mod why;

#[cfg(test)]
mod tests;
