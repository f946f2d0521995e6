//! A look at a document's bytes before any parser sees them.
//!
//! A parser that recurses can be made to overflow its stack by nesting alone, and that ends the process. So the text
//! is scanned first, without recursion: its size, its tokens, how deep its brackets nest, how many aliases and
//! directives it has.

use async_graphql::{Value as ConstValue, Variables};

/// Bytes of a document.
pub const MAX_BYTES: usize = 256 * 1024;
pub const MAX_TOKENS: usize = 2_000;
pub const MAX_NESTING: usize = 64;
pub const MAX_ALIASES: usize = 30;
pub const MAX_DIRECTIVES: usize = 50;

/// A bound that a document breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    #[error("the query has more than {MAX_BYTES} bytes")]
    Bytes,
    #[error("the query has more than {MAX_TOKENS} tokens; put large values into variables")]
    Tokens,
    #[error("the query nests brackets deeper than {MAX_NESTING}")]
    Nesting,
    #[error("the query has more than {MAX_ALIASES} aliases")]
    Aliases,
    #[error("the query has more than {MAX_DIRECTIVES} directives")]
    Directives,
}

/// A key by which the library that reads JSON hands itself text that is JSON: it would read what a client wrote under it.
const READ_BY_THE_LIBRARY: &str = "$serde_json::private::RawValue";

const NO_NULL: &str = "must not have the character U+0000";
const NO_KEY: &str = "must not have the key \"$serde_json::private::RawValue\", which is reserved";

/// The place of the first thing in a request's values that cannot be kept as it is, and the rule: the character U+0000, which no
/// database of ours takes, and one key.
pub fn unkept(query: &str, variables: &Variables) -> Option<(String, &'static str)> {
    if query.contains('\0') || query.contains("\\u0000") {
        return Some(("query".into(), NO_NULL));
    }
    variables.iter().find_map(|(name, value)| {
        let (rest, rule) = unkept_in(value)?;
        Some((format!("variables.{name}{rest}"), rule))
    })
}

fn unkept_in(value: &ConstValue) -> Option<(String, &'static str)> {
    match value {
        ConstValue::String(text) => text.contains('\0').then(|| (String::new(), NO_NULL)),
        ConstValue::List(items) => items.iter().enumerate().find_map(|(at, item)| {
            let (rest, rule) = unkept_in(item)?;
            Some((format!("[{at}]{rest}"), rule))
        }),
        ConstValue::Object(fields) => fields.iter().find_map(|(name, field)| {
            let (rest, rule) = match name.as_str() {
                name if name.contains('\0') => (String::new(), NO_NULL),
                READ_BY_THE_LIBRARY => (String::new(), NO_KEY),
                _ => unkept_in(field)?,
            };
            Some((format!(".{}{rest}", name.replace('\0', "")), rule))
        }),
        _ => None,
    }
}

/// Whether a document may be parsed.
pub fn check(query: &str) -> Result<(), TooMuch> {
    if query.len() > MAX_BYTES {
        return Err(TooMuch::Bytes);
    }
    let mut scan = Scan::default();
    let mut rest = query.as_bytes();
    while let Some(&byte) = rest.first() {
        let length = match byte {
            b'#' => rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len()),
            b'"' => {
                scan.token()?;
                string_length(rest)
            }
            b' ' | b'\t' | b'\n' | b'\r' | b',' => 1,
            byte if is_word(byte) => {
                scan.token()?;
                rest.iter().position(|b| !is_word(*b)).unwrap_or(rest.len())
            }
            mark => {
                scan.token()?;
                scan.mark(mark)?;
                1
            }
        };
        rest = &rest[length..];
    }
    Ok(())
}

#[derive(Default)]
struct Scan {
    tokens: usize,
    nesting: usize,
    /// Open parentheses: within them a colon gives a value, outside of them an alias.
    parentheses: usize,
    aliases: usize,
    directives: usize,
}

impl Scan {
    fn token(&mut self) -> Result<(), TooMuch> {
        self.tokens += 1;
        if self.tokens > MAX_TOKENS { Err(TooMuch::Tokens) } else { Ok(()) }
    }

    fn mark(&mut self, mark: u8) -> Result<(), TooMuch> {
        match mark {
            b'(' | b'[' | b'{' => {
                self.nesting += 1;
                self.parentheses += usize::from(mark == b'(');
            }
            b')' | b']' | b'}' => {
                self.nesting = self.nesting.saturating_sub(1);
                self.parentheses = self.parentheses.saturating_sub(usize::from(mark == b')'));
            }
            b':' if self.parentheses == 0 => self.aliases += 1,
            b'@' => self.directives += 1,
            _ => {}
        }
        match () {
            () if self.nesting > MAX_NESTING => Err(TooMuch::Nesting),
            () if self.aliases > MAX_ALIASES => Err(TooMuch::Aliases),
            () if self.directives > MAX_DIRECTIVES => Err(TooMuch::Directives),
            () => Ok(()),
        }
    }
}

/// Names, numbers, and the bytes of characters beyond ASCII, which only a parser's error awaits.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.' | 128..)
}

/// The bytes of the string that the text begins with; of an unfinished one, all or those of its line.
fn string_length(text: &[u8]) -> usize {
    if text.starts_with(b"\"\"\"") {
        let mut at = 3;
        while at < text.len() {
            match &text[at..] {
                [b'\\', b'"', b'"', b'"', ..] => at += 4,
                [b'"', b'"', b'"', ..] => return at + 3,
                _ => at += 1,
            }
        }
        return text.len();
    }
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' | b'\r' => return at,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let deep = "[".repeat(500);
        for query in [
            format!("{{ a(x: \"{deep}\") }}"),
            format!("{{ a(x: \"\\\"{deep}\") }}"),
            format!("{{ a(x: \"\"\"{deep} \\\"\"\" {deep}\"\"\") }}"),
            format!("{{ a # {deep}\n }}"),
        ] {
            assert_eq!(check(&query), Ok(()), "{query}");
        }
    }

    #[test]
    fn every_kind_of_nesting_is_bounded() {
        for (open, close) in [("[", "]"), ("{a:", "}"), ("(", ")"), ("{", "}")] {
            let query = format!("{{ a(x: {}{}) }}", open.repeat(2_000), close.repeat(2_000));
            assert!(check(&query).is_err(), "{open}");
        }
        assert_eq!(check(&format!("query($a: {}Int{}) {{ a }}", "[".repeat(70), "]".repeat(70))), Err(TooMuch::Nesting));
        // An unfinished string cannot hide what follows its line.
        assert_eq!(check(&format!("{{ a(x: \"\n{}", "[".repeat(70))), Err(TooMuch::Nesting));
    }

    #[test]
    fn aliases_directives_and_tokens_are_bounded_and_arguments_are_no_aliases() {
        let aliases: String = (0..31).map(|i| format!("a{i}: health {{ status }} ")).collect();
        assert_eq!(check(&format!("{{ {aliases} }}")), Err(TooMuch::Aliases));
        let arguments: String = (0..100).map(|i| format!("a{i}: {{ b: 1 }} ")).collect();
        assert_eq!(check(&format!("{{ x(input: {{ {arguments} }}) }}")), Ok(()));
        assert_eq!(check(&format!("{{ a {} }}", "@skip(if: false) ".repeat(51))), Err(TooMuch::Directives));
        assert_eq!(check(&"a ".repeat(2_001)), Err(TooMuch::Tokens));
        assert_eq!(check(&"a".repeat(MAX_BYTES + 1)), Err(TooMuch::Bytes));
    }
}
