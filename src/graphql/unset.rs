//! Variables that a request does not give: the argument or the field of an input that one would fill is as if it were not written
//! (GraphQL specification, 3.10 and 6.4.1). The library takes it for null, which says something else of an input of changes.

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned, Variables,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet, VariableDefinition,
    },
};
use async_graphql_value::Value;

/// Leaves out of a document what the operation that is to run has no value for.
pub fn leave_out(document: &mut ExecutableDocument, name: Option<&str>, variables: &Variables) {
    let Some(operation) = chosen(&mut document.operations, name) else { return };
    let is_unset = |definition: &&Positioned<VariableDefinition>| {
        let definition = &definition.node;
        let is_nullable = definition.var_type.node.nullable && definition.default_value.is_none();
        is_nullable && !variables.contains_key(&definition.name.node)
    };
    let unset = operation.node.variable_definitions.iter().filter(is_unset);
    let unset: HashSet<Name> = unset.map(|definition| definition.node.name.node.clone()).collect();
    if unset.is_empty() {
        return;
    }
    // Other operations may declare what is used in fragments only, and would be refused for it then.
    keep_alone(document, name);
    let ExecutableDocument { operations, fragments } = document;
    let Some(operation) = chosen(operations, name).map(|operation| &mut operation.node) else { return };
    let mut leaving = Leaving { unset, still_used: HashSet::new() };
    leaving.directives(&mut operation.directives);
    leaving.set(&mut operation.selection_set.node);
    for fragment in fragments.values_mut() {
        leaving.directives(&mut fragment.node.directives);
        leaving.set(&mut fragment.node.selection_set.node);
    }
    let Leaving { unset, still_used } = leaving;
    operation.variable_definitions.retain(|definition| {
        let name = &definition.node.name.node;
        !unset.contains(name) || still_used.contains(name)
    });
}

fn chosen<'a>(operations: &'a mut DocumentOperations, name: Option<&str>) -> Option<&'a mut Positioned<OperationDefinition>> {
    match (operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get_mut(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values_mut().next(),
        _ => None,
    }
}

/// Removes the operations that do not run, and the fragments that only they use.
fn keep_alone(document: &mut ExecutableDocument, name: Option<&str>) {
    let (DocumentOperations::Multiple(operations), Some(name)) = (&mut document.operations, name) else { return };
    operations.retain(|found, _| found == name);
    let (mut used, mut open) = (HashSet::new(), Vec::new());
    open.extend(operations.values().map(|operation| &operation.node.selection_set.node));
    while let Some(set) = open.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => open.push(&field.node.selection_set.node),
                Selection::InlineFragment(inline) => open.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if used.insert(name.clone()) {
                        open.extend(document.fragments.get(name).map(|fragment| &fragment.node.selection_set.node));
                    }
                }
            }
        }
    }
    document.fragments.retain(|name, _| used.contains(name));
}

struct Leaving {
    unset: HashSet<Name>,
    /// Those that are items of lists, where null takes their places.
    still_used: HashSet<Name>,
}

impl Leaving {
    fn set(&mut self, set: &mut SelectionSet) {
        for item in &mut set.items {
            match &mut item.node {
                Selection::Field(field) => {
                    field.node.arguments.retain_mut(|(_, value)| self.stays(&mut value.node));
                    self.directives(&mut field.node.directives);
                    self.set(&mut field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    self.directives(&mut inline.node.directives);
                    self.set(&mut inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => self.directives(&mut spread.node.directives),
            }
        }
    }

    fn directives(&mut self, directives: &mut [Positioned<Directive>]) {
        for directive in directives {
            directive.node.arguments.retain_mut(|(_, value)| self.stays(&mut value.node));
        }
    }

    fn stays(&mut self, value: &mut Value) -> bool {
        match value {
            Value::Variable(name) => return !self.unset.contains(name),
            Value::Object(fields) => fields.retain(|_, field| self.stays(field)),
            Value::List(items) => items.iter_mut().for_each(|item| self.item(item)),
            _ => {}
        }
        true
    }

    fn item(&mut self, item: &mut Value) {
        match item {
            Value::Variable(name) if self.unset.contains(name) => {
                self.still_used.insert(name.clone());
            }
            item => {
                self.stays(item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn what_has_no_value_is_not_there() {
        let given = Variables::from_json(serde_json::json!({ "given": 1, "null": null }));
        for (text, name, left) in [
            (
                "query($a: Int, $null: Int, $given: Int) { f(a: $a, o: { a: $a, n: $null, g: $given }) }",
                None,
                "query($null: Int, $given: Int) { f(o: { n: $null, g: $given }) }",
            ),
            ("query($a: Int) { f(l: [$a, 1]) g(a: $a) }", None, "query($a: Int) { f(l: [$a, 1]) g }"),
            ("query($a: Int = 2, $b: Int!) { f(a: $a, b: $b) }", None, "query($a: Int = 2, $b: Int!) { f(a: $a, b: $b) }"),
            (
                "query A($a: Int) { ...x } query B($a: Int) { ...x ...y } fragment x on Q { f(a: $a) } fragment y on Q { f }",
                Some("A"),
                "query A { ...x } fragment x on Q { f }",
            ),
        ] {
            let mut document = parse_query(text).unwrap();
            leave_out(&mut document, name, &given);
            let plain = |document: &ExecutableDocument| {
                let text = serde_json::to_value(document).unwrap();
                without_places(text)
            };
            assert_eq!(plain(&document), plain(&parse_query(left).unwrap()), "{text}");
        }
    }

    fn without_places(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(fields) => {
                let fields = fields.into_iter().filter(|(name, _)| name != "pos");
                fields.map(|(name, field)| (name, without_places(field))).collect()
            }
            serde_json::Value::Array(items) => items.into_iter().map(without_places).collect(),
            other => other,
        }
    }
}
