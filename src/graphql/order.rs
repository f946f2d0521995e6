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
        let mut asked = Vec::new();
        collect(&found.node.selection_set.node, &document.fragments, &mut asked);
        sort(data, &asked);
    }
}

/// A key of a selection, and all that is selected below it, each in its order.
struct Asked<'a> {
    key: &'a str,
    below: Vec<Asked<'a>>,
}

fn sort(value: &mut Value, asked: &[Asked<'_>]) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| sort(item, asked)),
        Value::Object(fields) => {
            let is_sorted = fields.len() <= asked.len() && fields.keys().zip(asked).all(|(key, asked)| key.as_str() == asked.key);
            if is_sorted {
                // By their places: nothing need be looked up.
                fields.values_mut().zip(asked).filter(|(_, asked)| !asked.below.is_empty()).for_each(|(field, asked)| {
                    sort(field, &asked.below);
                });
                return;
            }
            let mut unsorted = std::mem::take(fields);
            fields.reserve(unsorted.len());
            for Asked { key, below } in asked {
                if let Some((name, mut field)) = unsorted.swap_remove_entry(*key) {
                    sort(&mut field, below);
                    fields.insert(name, field);
                }
            }
            // None is left but for what the library adds by itself.
            fields.extend(unsorted);
        }
        _ => {}
    }
}

fn collect<'a>(set: &'a SelectionSet, fragments: &'a Fragments, asked: &mut Vec<Asked<'a>>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                let key = field.node.response_key().node.as_str();
                let place = asked.iter().position(|known| known.key == key).unwrap_or_else(|| {
                    asked.push(Asked { key, below: Vec::new() });
                    asked.len() - 1
                });
                collect(&field.node.selection_set.node, fragments, &mut asked[place].below);
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
