//! The order of an answer's fields: that of the query (GraphQL specification, 7.2.2). The library gives the order in which
//! they were resolved.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, Value,
    parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet},
};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Brings the data of an answer into the order of the document's only operation, or of the one that is named.
pub fn like_the_query(data: &mut Value, document: &ExecutableDocument, operation: Option<&str>) {
    let wanted = |name: Option<&Name>| operation.is_none() || name.map(Name::as_str) == operation;
    if let Some((_, found)) = document.operations.iter().find(|(name, _)| wanted(*name)) {
        sort(data, &[&found.node.selection_set.node], &document.fragments);
    }
}

fn sort(value: &mut Value, sets: &[&SelectionSet], fragments: &Fragments) {
    if matches!(value, Value::List(_) | Value::Object(_)) {
        let mut asked = Vec::new();
        for set in sets {
            collect(set, fragments, &mut asked);
        }
        sort_by(value, &asked, fragments);
    }
}

/// Each item of a list has the same selection, so that it is collected once for all.
fn sort_by(value: &mut Value, asked: &[Asked<'_>], fragments: &Fragments) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| sort_by(item, asked, fragments)),
        Value::Object(fields) => {
            let sorted = fields.len() <= asked.len() && fields.keys().zip(asked).all(|(key, (name, _))| key.as_str() == *name);
            if !sorted {
                let mut unsorted = std::mem::take(fields);
                for (key, _) in asked {
                    if let Some(field) = unsorted.swap_remove(*key) {
                        fields.insert(Name::new(key), field);
                    }
                }
                // None is left but for what the library adds by itself.
                fields.extend(unsorted);
            }
            for (key, below) in asked {
                if let Some(field @ (Value::List(_) | Value::Object(_))) = fields.get_mut(*key) {
                    sort(field, below, fragments);
                }
            }
        }
        _ => {}
    }
}

type Asked<'a> = (&'a str, Vec<&'a SelectionSet>);

/// The keys of a selection in their order, each with all that is selected below it.
fn collect<'a>(set: &'a SelectionSet, fragments: &'a Fragments, asked: &mut Vec<Asked<'a>>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                let key = field.node.response_key().node.as_str();
                let below = &field.node.selection_set.node;
                match asked.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, sets)) => sets.push(below),
                    None => asked.push((key, vec![below])),
                }
            }
            Selection::InlineFragment(inline) => collect(&inline.node.selection_set.node, fragments, asked),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = fragments.get(&spread.node.fragment_name.node) {
                    collect(&fragment.node.selection_set.node, fragments, asked);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_come_as_they_were_asked_for() {
        let query = "{ z: a { y ...F x } list { b a } __typename } fragment F on A { w y }";
        let answer = json!({ "__typename": "Q", "list": [{ "a": 1, "b": 2 }, null], "z": { "x": 1, "w": 2, "y": 3 } });
        let mut data = Value::from_json(answer).unwrap();
        like_the_query(&mut data, &parse_query(query).unwrap(), None);
        let text = serde_json::to_string(&data).unwrap();
        assert_eq!(text, r#"{"z":{"y":3,"w":2,"x":1},"list":[{"b":2,"a":1},null],"__typename":"Q"}"#);
    }
}
