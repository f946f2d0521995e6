//! Bounds on what a document asks for, once it is parsed and before anything walks it.
//!
//! Fragments are looked into once each, so that looking costs what the text is long, whatever its spreads multiply to.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

use super::error::Problem;
use crate::domain::error::ErrorCode;

/// Fields, each counted as often as the sizes of the lists around it say. A list of unknown size counts as one of ten, and
/// the way back from a row to its job as much more, since what lies behind it multiplies.
pub const COMPLEXITY: usize = 20_000;
/// Fields within fields.
const DEPTH: u32 = 12;
/// Selections, each fragment counted wherever it is spread.
const SELECTIONS: u64 = 5_000;
/// Lists of types within lists of types: each is as long as the schema (graphql-js has the same bound, 3 refused).
const INTROSPECTED_LISTS: u32 = 2;

/// Lists of rows within lists of rows: what they hold multiplies.
const ROW_LISTS: u32 = 2;
/// The fields that are lists of rows; none may lie within itself.
const ROW_FIELDS: [&str; 5] = ["jobs", "nodes", "elements", "timeline", "storageOperations"];
/// The type whose `elements` are no rows of their own, but parts of one.
const PARTS_OF_A_ROW: &str = "CompositionElement";

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Refuses a document that goes too deep, spreads too far, or goes round in a circle.
pub fn check(document: &ExecutableDocument) -> Result<(), Problem> {
    let mut survey = Survey { fragments: &document.fragments, known: HashMap::new() };
    for (_, operation) in document.operations.iter() {
        let extent = survey.of(&operation.node.selection_set.node, false).ok_or_else(circular)?;
        if extent.depth > DEPTH {
            return Err(too_much(format!("the query goes deeper than {DEPTH} fields")));
        }
        if extent.selections > SELECTIONS {
            return Err(too_much(format!("the query selects more than {SELECTIONS} fields")));
        }
        if extent.rows > ROW_LISTS || extent.repeated {
            let message = format!("the query asks for lists within lists: at most {ROW_LISTS}, and none within itself");
            return Err(too_much(message));
        }
        if extent.lists > INTROSPECTED_LISTS {
            return Err(too_much("the introspection asks for lists of types within lists of types".into()));
        }
    }
    Ok(())
}

fn too_much(message: String) -> Problem {
    Problem::new(ErrorCode::QueryTooComplex, message)
}

fn circular() -> Problem {
    Problem::new(ErrorCode::GraphqlValidationFailed, "a fragment spreads itself, directly or through others")
}

/// How far a selection reaches.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    /// Introspection is not counted: the usual one goes deeper than any use.
    depth: u32,
    selections: u64,
    lists: u32,
    rows: u32,
    /// Which of the lists of rows are within, a bit each.
    within: u8,
    repeated: bool,
}

impl Extent {
    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            selections: self.selections.saturating_add(other.selections),
            lists: self.lists.max(other.lists),
            rows: self.rows.max(other.rows),
            within: self.within | other.within,
            repeated: self.repeated || other.repeated,
        }
    }
}

struct Survey<'a> {
    fragments: &'a Fragments,
    /// `None`: being looked into, so that meeting it again is a circle.
    known: HashMap<&'a str, Option<Extent>>,
}

impl<'a> Survey<'a> {
    /// Of a selection; `composed`: it is of a composition's fields.
    fn of(&mut self, set: &'a SelectionSet, composed: bool) -> Option<Extent> {
        set.items.iter().try_fold(Extent::default(), |sum, item| Some(sum.beside(self.of_item(&item.node, composed)?)))
    }

    fn of_item(&mut self, item: &'a Selection, composed: bool) -> Option<Extent> {
        match item {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                let below = self.of(&field.node.selection_set.node, false)?;
                let list = matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
                let bit = ROW_FIELDS.iter().position(|field| *field == name).map_or(0, |place| 1u8 << place);
                if composed && name == "elements" {
                    // All of them are in the row that is there already; but rows below them are found anew for each.
                    let repeated = below.repeated || below.rows > 0;
                    return Some(Extent {
                        depth: below.depth + 1,
                        selections: below.selections.saturating_add(1),
                        repeated,
                        ..below
                    });
                }
                Some(Extent {
                    rows: below.rows + u32::from(bit != 0),
                    within: below.within | bit,
                    repeated: below.repeated || below.within & bit != 0,
                    depth: if name.starts_with("__") { 0 } else { below.depth + 1 },
                    selections: below.selections.saturating_add(1),
                    lists: below.lists + u32::from(list),
                })
            }
            Selection::InlineFragment(inline) => {
                let on = inline.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                self.of(&inline.node.selection_set.node, on.map_or(composed, |on| on == PARTS_OF_A_ROW))
            }
            Selection::FragmentSpread(spread) => self.of_fragment(spread.node.fragment_name.node.as_str()),
        }
    }

    fn of_fragment(&mut self, name: &'a str) -> Option<Extent> {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        // One that is not there is for the validation to name.
        let Some(fragment) = self.fragments.get(name) else { return Some(Extent::default()) };
        self.known.insert(name, None);
        let composed = fragment.node.type_condition.node.on.node == PARTS_OF_A_ROW;
        let extent = self.of(&fragment.node.selection_set.node, composed)?;
        self.known.insert(name, Some(extent));
        Some(extent)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn refused(query: &str) -> bool {
        check(&parse_query(query).unwrap()).is_err()
    }

    #[test]
    fn fragments_that_multiply_or_go_round_are_refused_at_once() {
        let spreads = |to: usize| format!("...F{to} ").repeat(100);
        let chain: String = (0..12).map(|n| format!("fragment F{n} on Query {{ {} }} ", spreads(n + 1))).collect();
        assert!(refused(&format!("{{ ...F0 }} {chain} fragment F12 on Query {{ a }}")));
        assert!(refused("{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }"));
        assert!(refused("{ ...A } fragment A on Query { ...A }"));
        assert!(!refused("{ ...A ...A } fragment A on Query { a { b } }"));
    }

    #[test]
    fn lists_that_multiply_are_refused() {
        assert!(!refused(
            "{ jobs { edges { node { elements { id } timeline { step } storageOperations { edges { node { key } } } } } } }"
        ));
        assert!(!refused("subscription { jobTimeline { step { job { status timeline { step } elements { id } } } } }"));
        assert!(refused("{ job { elements { job { elements { id } } } } }"));
        assert!(refused("{ jobs { edges { node { elements { job { timeline { step } } } } } } }"));
        assert!(refused("{ job { elements { job { ...F } } } } fragment F on Job { elements { id } }"));
        let parts =
            |below: &str| format!("{{ job {{ elements {{ ... on CompositionElement {{ elements {{ {below} }} }} }} }} }}");
        assert!(!refused(&parts("id ... on CompositionElement { elements { id } }")));
        assert!(refused(&parts("job { timeline { step } }")));
    }

    #[test]
    fn depth_counts_through_fragments_and_introspection_has_bounds_of_its_own() {
        let deep = |levels: usize| format!("{{ {} a {} }}", "a { ".repeat(levels), "}".repeat(levels));
        assert!(!refused(&deep(11)) && refused(&deep(12)));
        assert!(refused(
            "{ a { a { a { a { a { a { ...F } } } } } } } fragment F on T { a { a { a { a { a { a { a } } } } } } }"
        ));
        let types = "{ __schema { types { fields { type { ofType { ofType { ofType { ofType { ofType { ofType { ofType { ofType { name } } } } } } } } } } } } }";
        assert!(!refused(types));
        assert!(refused("{ __type(name: \"Node\") { possibleTypes { interfaces { possibleTypes { name } } } } }"));
    }
}
