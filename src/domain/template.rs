//! Templates: the input of a job with places left open, `{{name}}`, and the typed variables that fill them.
//!
//! A string that is one place and nothing else becomes the variable's value, whatever its type; a place inside of other
//! words becomes the value's text. Keys are never filled. `\{{` stands for the two braces themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    error::{Violation, ViolationCode},
    paint::Color,
    validation::Checker,
};

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VariableType {
    Text,
    Number,
    Boolean,
    Color,
    /// Where a medium comes from: `{ "url": … }`, `{ "asset": … }` or `{ "object": … }`.
    Source,
    List,
}

/// A variable of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: VariableType,
    pub required: bool,
    /// The value where none is given; of a required variable, one to try the template by.
    pub default: Option<Value>,
    pub description: Option<String>,
}

/// A template as it is asked for.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    pub name: String,
    pub description: Option<String>,
    pub variables: Vec<Variable>,
    pub document: Value,
}

/// The longest name of a variable, bytes.
const NAME_BYTES: usize = 64;

/// Places of one document that only samples fill, as far as they are looked at.
const SAMPLED: usize = 1_000;

/// Bounds on a template.
pub mod limits {
    pub const VARIABLES: usize = 100;
    pub const NAME_CHARS: usize = 255;
    pub const DESCRIPTION_CHARS: usize = 2_000;
    pub const DOCUMENT_BYTES: usize = 512 * 1024;
    /// Of a text or a list, as JSON.
    pub const VALUE_BYTES: usize = 64 * 1024;
    /// Of a document with its places filled.
    pub const FILLED_BYTES: usize = 2 << 20;
}

/// Values by the names of variables.
pub type Values = BTreeMap<String, Value>;

impl NewTemplate {
    /// The rules that need nothing but the template; `at` is the path of its input.
    pub fn check(&self, check: &mut Checker, at: &str) {
        if self.name.trim().is_empty() {
            check.breach(format!("{at}.name"), ViolationCode::Required, "must not be empty");
        }
        check.chars(format!("{at}.name"), &self.name, limits::NAME_CHARS);
        if let Some(description) = &self.description {
            check.chars(format!("{at}.description"), description, limits::DESCRIPTION_CHARS);
        }
        check.json_bytes(format!("{at}.document"), &self.document, limits::DOCUMENT_BYTES);
        if !check.is_empty() {
            // What is too large is not looked into.
            return;
        }
        if !self.document.is_object() {
            check.breach(format!("{at}.document"), ViolationCode::InvalidFormat, "must be an object, the input of a job");
        }
        if self.variables.len() > limits::VARIABLES {
            let rule = format!("must have at most {} variables", limits::VARIABLES);
            check.breach(format!("{at}.variables"), ViolationCode::TooMany, rule);
            return;
        }
        let mut known = BTreeSet::new();
        for (index, variable) in self.variables.iter().enumerate() {
            let at = format!("{at}.variables[{index}]");
            variable.check(check, &at);
            if !known.insert(variable.name.as_str()) {
                check.breach(format!("{at}.name"), ViolationCode::Inconsistent, "must be the name of one variable only");
            }
        }
        places(&self.document, &format!("{at}.document"), &mut |path, name| {
            if !known.contains(name) {
                check.breach(path, ViolationCode::Inconsistent, format!("must not name {name:?}, which is no variable here"));
            }
            !check.is_full()
        });
    }
}

impl Variable {
    fn check(&self, check: &mut Checker, at: &str) {
        let first = self.name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || self.name.len() > NAME_BYTES || !self.name.chars().all(is_name) {
            let rule = "must be 1 to 64 letters, digits and underscores, not beginning with a digit";
            check.breach(format!("{at}.name"), ViolationCode::InvalidFormat, rule);
        }
        if let Some(default) = &self.default {
            self.check_value(check, &format!("{at}.default"), default);
        }
    }

    fn check_value(&self, check: &mut Checker, at: &str, value: &Value) {
        let rule = match (self.kind, value) {
            (VariableType::Text, Value::String(_)) | (VariableType::Number, Value::Number(_)) => None,
            (VariableType::Boolean, Value::Bool(_)) | (VariableType::List, Value::Array(_)) => None,
            (VariableType::Color, Value::String(text)) if text.parse::<Color>().is_ok() => None,
            (VariableType::Source, Value::Object(members)) if is_source(members) => None,
            (VariableType::Text, _) => Some("must be a string"),
            (VariableType::Number, _) => Some("must be a number"),
            (VariableType::Boolean, _) => Some("must be true or false"),
            (VariableType::Color, _) => Some("must be a colour: \"#rgb\", \"#rrggbb\", \"#rrggbbaa\" or a CSS colour name"),
            (VariableType::Source, _) => Some("must be a source: an object with either url, asset or object"),
            (VariableType::List, _) => Some("must be a list"),
        };
        if let Some(rule) = rule {
            check.breach(at, ViolationCode::InvalidFormat, rule);
        }
        check.json_bytes(at, value, limits::VALUE_BYTES);
    }

    /// A value by which a template can be tried before anybody fills it.
    fn sample(&self) -> Value {
        if let Some(default) = &self.default {
            return default.clone();
        }
        match self.kind {
            VariableType::Text => "text".into(),
            VariableType::Number => 1.into(),
            VariableType::Boolean => true.into(),
            VariableType::Color => "#808080".into(),
            VariableType::Source => serde_json::json!({ "url": "https://example.com/source" }),
            VariableType::List => Value::Array(Vec::new()),
        }
    }
}

fn is_source(members: &Map<String, Value>) -> bool {
    members.len() == 1 && members.keys().all(|key| matches!(key.as_str(), "url" | "asset" | "object"))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Values to try a template by.
pub fn samples(variables: &[Variable]) -> Values {
    variables.iter().map(|variable| (variable.name.clone(), variable.sample())).collect()
}

/// The paths in a document, below `at`, that only a sample fills: what a trial says of those says nothing.
pub fn sampled(document: &Value, variables: &[Variable], at: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let guessed = |name: &str| variables.iter().any(|variable| variable.name == name && variable.default.is_none());
    places(document, at, &mut |path, name| {
        if guessed(name) {
            paths.push(path.to_owned());
        }
        paths.len() < SAMPLED
    });
    paths
}

/// The values of all variables, from those that are given: typed, with defaults, and none that nobody asked for. A variable
/// that is neither required nor has a default may be left out; its places are then null, or empty within other words.
///
/// # Errors
/// Every breach, each with its path below `at`.
pub fn values(variables: &[Variable], given: &Value, at: &str) -> Result<Values, Vec<Violation>> {
    let mut check = Checker::default();
    let Value::Object(given) = given else {
        check.breach(at, ViolationCode::InvalidFormat, "must be an object: values by the names of variables");
        return Err(check.finish());
    };
    for name in given.keys().filter(|name| !variables.iter().any(|variable| variable.name == **name)) {
        check.breach(format!("{at}.{name}"), ViolationCode::Inconsistent, "must be one of the template's variables");
        if check.is_full() {
            return Err(check.finish());
        }
    }
    let mut values = Values::new();
    for variable in variables {
        let path = format!("{at}.{}", variable.name);
        match given.get(&variable.name).filter(|value| !value.is_null()) {
            Some(value) => {
                variable.check_value(&mut check, &path, value);
                values.insert(variable.name.clone(), value.clone());
            }
            None if variable.required => check.breach(path, ViolationCode::Required, "must be given"),
            None => drop(values.insert(variable.name.clone(), variable.default.clone().unwrap_or(Value::Null))),
        }
    }
    check.into_result(values)
}

/// The document with its places filled.
///
/// # Errors
/// A document that the values make too large.
pub fn fill(document: &Value, values: &Values, at: &str) -> Result<Value, Vec<Violation>> {
    let mut left = limits::FILLED_BYTES;
    filled(document, values, &mut left).ok_or_else(|| {
        let message = format!("make the document larger than {} bytes", limits::FILLED_BYTES);
        vec![Violation { path: at.to_owned(), code: ViolationCode::TooLong, message }]
    })
}

/// `None` once the bytes that are left are used up.
fn filled(document: &Value, values: &Values, left: &mut usize) -> Option<Value> {
    Some(match document {
        Value::String(text) => filled_text(text, values, left)?,
        Value::Array(items) => Value::Array(items.iter().map(|item| filled(item, values, left)).collect::<Option<Vec<_>>>()?),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| Some((key.clone(), filled(value, values, left)?));
            Value::Object(members.iter().map(member).collect::<Option<Map<_, _>>>()?)
        }
        other => other.clone(),
    })
}

fn filled_text(text: &str, values: &Values, left: &mut usize) -> Option<Value> {
    let parts = parse(text);
    if let [Part::Place(name)] = parts.as_slice() {
        let value = values.get(*name).cloned().unwrap_or(Value::Null);
        *left = left.checked_sub(value.to_string().len())?;
        return Some(value);
    }
    let mut written = String::new();
    for part in parts {
        let piece = match part {
            Part::Words(words) => words.to_owned(),
            Part::Place(name) => values.get(name).map(text_of).unwrap_or_default(),
        };
        *left = left.checked_sub(piece.len())?;
        written.push_str(&piece);
    }
    Some(Value::String(written))
}

/// A value inside of other words.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Words(&'a str),
    Place(&'a str),
}

/// Words and places, in order. Braces that enclose no name are words.
fn parse(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut words_from, mut at) = (0, 0);
    while let Some(found) = text[at..].find("{{") {
        let open = at + found;
        at = open + 2;
        if text[..open].ends_with('\\') {
            parts.push(Part::Words(&text[words_from..open - 1]));
            words_from = open;
            continue;
        }
        let Some((name, length)) = place(&text[at..]) else { continue };
        parts.push(Part::Words(&text[words_from..open]));
        parts.push(Part::Place(name));
        at += length;
        words_from = at;
    }
    parts.push(Part::Words(&text[words_from..]));
    parts.retain(|part| *part != Part::Words(""));
    parts
}

/// The name at the beginning of what follows two braces, and the bytes up to the end of its place. Looks no further than a
/// name can be long.
fn place(text: &str) -> Option<(&str, usize)> {
    let blanks = |text: &str| text.len() - text.trim_start_matches(' ').len();
    let before = blanks(text).min(NAME_BYTES);
    let name = text[before..].split(|c| !is_name(c)).next().filter(|name| !name.is_empty() && name.len() <= NAME_BYTES)?;
    let rest = &text[before + name.len()..];
    let after = blanks(rest);
    rest[after..].starts_with("}}").then_some((name, before + name.len() + after + 2))
}

/// Tells of every place in a document, with its path, until it is told to stop.
fn places(document: &Value, at: &str, tell: &mut impl FnMut(&str, &str) -> bool) -> bool {
    match document {
        Value::String(text) => parse(text).into_iter().all(|part| match part {
            Part::Place(name) => tell(at, name),
            Part::Words(_) => true,
        }),
        Value::Array(items) => items.iter().enumerate().all(|(index, item)| places(item, &format!("{at}[{index}]"), tell)),
        Value::Object(members) => members.iter().all(|(key, value)| places(value, &format!("{at}.{key}"), tell)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variable(name: &str, kind: VariableType) -> Variable {
        Variable { name: name.into(), kind, required: false, default: None, description: None }
    }

    #[test]
    fn a_place_alone_keeps_its_type_and_one_in_words_becomes_text() {
        let values: Values = [("n".into(), json!(3)), ("who".into(), json!("A {{n}}")), ("all".into(), json!(["a", 1]))].into();
        let document =
            json!({ "a": "{{n}}", "b": "{{ n }} of {{who}}", "c": ["{{all}}", "{{all}}!"], "{{n}}": 1, "d": "\\{{n}}" });
        let filled = fill(&document, &values, "x").unwrap();
        let expected = json!({ "a": 3, "b": "3 of A {{n}}", "c": [["a", 1], "a, 1!"], "{{n}}": 1, "d": "{{n}}" });
        assert_eq!(filled, expected, "what a value says is never filled again");
    }

    #[test]
    fn braces_without_a_name_are_words() {
        for text in ["{{", "}}", "{{}}", "{{ }}", "{{a b}}", "{{a", "{ {a}}", "{{ä}}"] {
            assert_eq!(filled_text(text, &Values::new(), &mut 100), Some(json!(text)));
        }
    }

    #[test]
    fn wrong_missing_and_unknown_values_are_named() {
        let mut title = variable("title", VariableType::Text);
        title.required = true;
        let all = [title, variable("size", VariableType::Number), variable("tint", VariableType::Color)];
        let wrong = values(&all, &json!({ "size": "big", "tint": "reddish", "other": 1 }), "variables").unwrap_err();
        let mut paths: Vec<&str> = wrong.iter().map(|violation| violation.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["variables.other", "variables.size", "variables.tint", "variables.title"]);
        assert!(values(&all, &json!({ "title": "x", "size": 1.5, "tint": "#fff" }), "variables").is_ok());
    }

    #[test]
    fn hostile_braces_take_no_more_time_than_their_length() {
        for piece in ["{", "{{", "{{a ", "{{ ", "{{a}"] {
            let text = piece.repeat(200_000);
            assert_eq!(parse(&text), [Part::Words(&text)]);
        }
    }

    #[test]
    fn very_many_breaches_are_cut_short() {
        let key = "k".repeat(10_000);
        let document = json!({ key: "{{a}}".repeat(10_000) });
        let new = NewTemplate { name: "x".into(), description: None, variables: Vec::new(), document };
        let mut check = Checker::default();
        new.check(&mut check, "input");
        let found = check.finish();
        assert!(found.len() == 100 && found.iter().all(|violation| violation.path.len() < 600));
    }

    #[test]
    fn values_that_multiply_are_refused() {
        let values: Values = [("t".into(), json!("x".repeat(60_000)))].into();
        let document = json!(["{{t}}{{t}}{{t}}{{t}}{{t}}{{t}}{{t}}{{t}}{{t}}{{t}}".repeat(10)]);
        assert_eq!(fill(&document, &values, "variables").unwrap_err()[0].code, ViolationCode::TooLong);
    }
}
