//! Answers in the forms that kubectl has.

use serde::Serialize;
use serde_json::json;

use crate::plugin::cli::{Form, OutputArgs};
use crate::view::json::{FormError, pretty, yaml};
use crate::view::paint::Paint;
use crate::view::table::{Header, Table};

/// How a table is printed.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub header: Header,
    pub paint: Paint,
}

impl Look {
    #[must_use]
    pub fn table(self, table: &Table) -> String {
        table.render(self.header, self.paint)
    }
}

/// What is printed: a text for people, names as kubectl takes them, and the objects.
#[derive(Debug)]
pub struct Answer<T> {
    pub text: String,
    pub names: Vec<String>,
    pub objects: T,
}

impl<T: Serialize> Answer<T> {
    /// In the form that was asked for.
    ///
    /// # Errors
    /// When an object has no such form.
    pub fn in_form(self, output: &OutputArgs) -> Result<String, FormError> {
        match output.output {
            None | Some(Form::Wide) => Ok(self.text),
            Some(Form::Name) => Ok(self.names.iter().map(|name| format!("{name}\n")).collect()),
            Some(Form::Json) => pretty(&self.objects),
            Some(Form::Yaml) => yaml(&self.objects),
        }
    }
}

/// Objects as one, as kubectl does.
///
/// # Errors
/// When an object has no JSON form.
pub fn list<K: Serialize>(objects: &[&K]) -> Result<serde_json::Value, FormError> {
    let items = serde_json::to_value(objects)?;
    Ok(
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}),
    )
}
