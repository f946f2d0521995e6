//! Elements asked for, added and removed.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, ID, Object, OutputType, Positioned, ServerResult, Value, parser::types::Field,
    registry::Registry,
};

use super::{input::ElementInput, object::Element};
use crate::{
    domain::{
        id::{ElementId, JobId},
        validation::Checker,
    },
    graphql::{
        error::{Result, failed},
        job::changing,
        loaders::loaders,
        node::check_id,
    },
    services::Error,
};

/// An element, where the schema first meets one. It says that the interface Element is a Node itself, which the derive of
/// an interface cannot.
pub struct ElementNode(Element);

impl OutputType for ElementNode {
    fn type_name() -> Cow<'static, str> {
        Element::type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let name = Element::create_type_info(registry);
        registry.add_implements(&Element::type_name(), "Node");
        name
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        self.0.resolve(context, field).await
    }
}

#[derive(Default)]
pub struct ElementQuery;

#[Object]
impl ElementQuery {
    /// One element by its id. NOT_FOUND where there is none.
    async fn element(&self, context: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<ElementNode>> {
        check_id::<ElementId>("id", &id)?;
        match loaders(context)?.element(&id).await? {
            Some(row) => Element::of(row).map(|element| Some(ElementNode(element))),
            None => Err(failed(Error::NotFound { what: "element", id: id.to_string() })),
        }
    }
}

#[derive(Default)]
pub struct ElementMutation;

#[Object]
impl ElementMutation {
    /// Adds an element to a draft; those from its position on move down.
    async fn add_element(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The draft.")] job_id: ID,
        #[graphql(desc = "The element.")] element: ElementInput,
        #[graphql(desc = "From 0; at the end where it is not given.")] position: Option<i32>,
    ) -> Result<Element> {
        check_id::<JobId>("jobId", &job_id)?;
        let mut check = Checker::default();
        let element = element.into_domain(&mut check, "element");
        let element = check.into_result(element).map_err(|all| failed(Error::Invalid(all)))?;
        let element = element.ok_or_else(|| failed(Error::internal("an element was refused without a reason")))?;
        let row = changing(context).await?.add_element(&job_id, &element, position).await.map_err(failed)?;
        Element::of(Arc::new(row))
    }

    /// Removes an element of a draft; those after it move up.
    async fn delete_element(&self, context: &Context<'_>, #[graphql(desc = "The element.")] id: ID) -> Result<ID> {
        check_id::<ElementId>("id", &id)?;
        Ok(changing(context).await?.delete_element(&id).await.map_err(failed)?.into())
    }
}
