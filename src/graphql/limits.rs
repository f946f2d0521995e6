//! Bounds on what a document asks for, once it is parsed.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Name, Positioned, ServerResult, Variables,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery},
    parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet},
};

use super::error::Problem;
use crate::domain::error::ErrorCode;

/// Fields, each counted as often as the sizes of the lists around it say.
pub const COMPLEXITY: usize = 5_000;
/// Fields within fields.
pub const DEPTH: usize = 12;

/// Refuses documents that go too deep. Introspection is not counted: the usual one goes deeper than any use.
pub struct Limits;

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Limits)
    }
}

#[async_trait::async_trait]
impl Extension for Limits {
    async fn parse_query(
        &self,
        context: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(context, query, variables).await?;
        let fragments = &document.fragments;
        let deep =
            document.operations.iter().any(|(_, operation)| goes_deeper(&operation.node.selection_set.node, fragments, DEPTH));
        if deep {
            let message = format!("the query goes deeper than {DEPTH} fields");
            return Err(Problem::new(ErrorCode::QueryTooComplex, message).into_server_error());
        }
        Ok(document)
    }
}

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Whether a selection has fields below `left` levels. Fragments use a level too, so that a cycle of them ends; the
/// validation after this refuses it.
fn goes_deeper(set: &SelectionSet, fragments: &Fragments, left: usize) -> bool {
    set.items.iter().any(|item| match &item.node {
        Selection::Field(field) if field.node.name.node.starts_with("__") => false,
        Selection::Field(field) => left == 0 || goes_deeper(&field.node.selection_set.node, fragments, left - 1),
        Selection::InlineFragment(inline) => goes_deeper(&inline.node.selection_set.node, fragments, left),
        Selection::FragmentSpread(spread) => match fragments.get(&spread.node.fragment_name.node) {
            Some(fragment) => left == 0 || goes_deeper(&fragment.node.selection_set.node, fragments, left - 1),
            None => false,
        },
    })
}
