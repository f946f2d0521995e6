//! Which of the two media types an answer has.

use axum::http::{HeaderMap, header};

/// The media types of GraphQL over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerType {
    /// `application/json`: 200 for every well-formed request.
    Json,
    /// `application/graphql-response+json`: the status tells of errors too.
    GraphqlResponse,
}

impl AnswerType {
    pub fn as_str(self) -> &'static str {
        match self {
            AnswerType::Json => "application/json; charset=utf-8",
            AnswerType::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// The one that the client likes best; JSON where it does not say; `None` where it takes neither.
    pub fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut accepts = headers.get_all(header::ACCEPT).iter().peekable();
        if accepts.peek().is_none() {
            return Some(AnswerType::Json);
        }
        let ranges = accepts.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let mut best: Option<(f32, Self)> = None;
        for range in ranges {
            let Some((kind, quality)) = acceptable(range) else { continue };
            if quality > 0.0 && best.is_none_or(|(so_far, _)| quality > so_far) {
                best = Some((quality, kind));
            }
        }
        best.map(|(_, kind)| kind)
    }
}

fn acceptable(range: &str) -> Option<(AnswerType, f32)> {
    let mut parts = range.split(';').map(str::trim);
    let kind = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/json" | "application/*" | "*/*" => AnswerType::Json,
        "application/graphql-response+json" => AnswerType::GraphqlResponse,
        _ => return None,
    };
    let mut quality = 1.0;
    for parameter in parts {
        let (name, value) = parameter.split_once('=')?;
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => quality = value.trim().parse().ok()?,
            "charset" if !value.trim_matches('"').eq_ignore_ascii_case("utf-8") => return None,
            _ => {}
        }
    }
    Some((kind, quality))
}

/// Whether a body is JSON in UTF-8.
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = kind.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> Option<AnswerType> {
        AnswerType::negotiate(&HeaderMap::from_iter([(header::ACCEPT, value.parse().unwrap())]))
    }

    #[test]
    fn the_client_s_liking_decides() {
        assert_eq!(AnswerType::negotiate(&HeaderMap::new()), Some(AnswerType::Json));
        assert_eq!(accept("*/*"), Some(AnswerType::Json));
        assert_eq!(accept("application/graphql-response+json, application/json"), Some(AnswerType::GraphqlResponse));
        assert_eq!(accept("application/graphql-response+json;q=0.5, application/json"), Some(AnswerType::Json));
        assert_eq!(accept("application/graphql-response+json; charset=utf-8"), Some(AnswerType::GraphqlResponse));
        assert_eq!(accept("text/html"), None);
        assert_eq!(accept("application/json;q=0"), None);
    }
}
