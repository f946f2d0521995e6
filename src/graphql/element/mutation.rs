//! Elements asked for, added, changed, moved and removed.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, ID, InputObject, Object, OutputType, Positioned, ServerResult, SimpleObject, Value,
    parser::types::Field, registry::Registry,
};

use super::{
    input::ElementInput,
    object::Element,
    words::{ElementStatus, ElementType},
};
use crate::{
    domain::{
        composition,
        id::{ElementId, JobId},
        validation::{self, Checker},
    },
    graphql::{
        error::{Result, failed},
        id::check_id,
        loaders::{changing, loaders, session},
        pages::{self, PageInfo, page_size},
        scalars::Cursor,
    },
    services::{Error, elements, pages::Key},
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

/// Which elements; what is not given does not restrict.
#[derive(InputObject, Default)]
pub struct ElementFilter {
    /// Those of one job.
    job_id: Option<ID>,
    /// Those of some types.
    #[graphql(name = "type")]
    element_type: Option<Vec<ElementType>>,
    /// Those whose work stands so.
    status: Option<Vec<ElementStatus>>,
}

/// An element in a page.
#[derive(SimpleObject)]
pub struct ElementEdge {
    /// Its place in the list.
    cursor: Cursor,
    /// The element.
    node: Element,
}

/// A page of elements, the newest first.
#[derive(SimpleObject)]
pub struct ElementConnection {
    /// The elements with their places.
    edges: Vec<ElementEdge>,
    /// Where the page lies.
    page_info: PageInfo,
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

    /// Elements of all jobs, the newest first.
    #[graphql(complexity = "page_size(first, None) * child_complexity + 1")]
    async fn elements(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which elements.")] filter: Option<ElementFilter>,
        #[graphql(desc = "How many, from 1 to 100; 20 where it is not given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<Cursor>,
    ) -> Result<ElementConnection> {
        let filter = filter.unwrap_or_default();
        if let Some(id) = &filter.job_id {
            check_id::<JobId>("filter.jobId", id)?;
        }
        let filter = elements::ElementFilter {
            job_id: filter.job_id.map(String::from),
            element_type: filter.element_type.map(|types| types.into_iter().map(Into::into).collect()),
            status: filter.status.map(|statuses| statuses.into_iter().map(Into::into).collect()),
        };
        let request = pages::request(first, after, None, None);
        let page = session(context)?.elements(&filter, &request).await.map_err(failed)?;
        let page_info = PageInfo::of(&page);
        let edge = |(key, row): (Key, _)| Ok(ElementEdge { cursor: Cursor(key.to_cursor()), node: Element::of(Arc::new(row))? });
        Ok(ElementConnection { edges: page.rows.into_iter().map(edge).collect::<Result<_>>()?, page_info })
    }
}

/// Inputs as the domain has them, or everything that is wrong with them.
fn read(inputs: Vec<(String, ElementInput)>) -> Result<Vec<composition::Element>> {
    let mut check = Checker::default();
    let read: Vec<_> = inputs.into_iter().map(|(at, input)| input.into_domain(&mut check, &at)).collect();
    check.into_result(read).map_err(|all| failed(Error::Invalid(all)))
}

fn read_one(input: ElementInput) -> Result<composition::Element> {
    let mut read = read(vec![("element".into(), input)])?;
    read.pop().ok_or_else(|| failed(Error::internal("an element was refused without a reason")))
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
        let element = read_one(element)?;
        let row = changing(context).await?.add_element(&job_id, &element, position).await.map_err(failed)?;
        Ok(Element::made(row, element))
    }

    /// Adds elements at the end of a draft, all or none.
    #[graphql(complexity = "elements.len() * child_complexity + 1")]
    async fn add_elements(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The draft.")] job_id: ID,
        #[graphql(desc = "The elements, in order.")] elements: Vec<ElementInput>,
    ) -> Result<Vec<Element>> {
        check_id::<JobId>("jobId", &job_id)?;
        let mut check = Checker::default();
        if validation::too_many_elements(&mut check, "elements", elements.len()) {
            return Err(failed(Error::Invalid(check.finish())));
        }
        let inputs = elements.into_iter().enumerate().map(|(index, element)| (format!("elements[{index}]"), element));
        let elements = read(inputs.collect())?;
        let rows = changing(context).await?.add_elements(&job_id, &elements).await.map_err(failed)?;
        Ok(rows.into_iter().zip(elements).map(|(row, element)| Element::made(row, element)).collect())
    }

    /// Puts another element in the place of one of a draft; its id and its position stay.
    async fn update_element(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The element.")] id: ID,
        #[graphql(desc = "What it is from now on.")] element: ElementInput,
    ) -> Result<Element> {
        check_id::<ElementId>("id", &id)?;
        let element = read_one(element)?;
        let row = changing(context).await?.update_element(&id, &element).await.map_err(failed)?;
        Ok(Element::made(row, element))
    }

    /// Moves an element of a draft to another position; those between move by one. Returns all of them, in order.
    #[graphql(complexity = "10 * child_complexity + 1")]
    async fn move_element(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The element.")] id: ID,
        #[graphql(desc = "From 0.")] position: i32,
    ) -> Result<Vec<Element>> {
        check_id::<ElementId>("id", &id)?;
        let rows = changing(context).await?.move_element(&id, position).await.map_err(failed)?;
        rows.into_iter().map(|row| Element::of(Arc::new(row))).collect()
    }

    /// Removes an element of a draft; those after it move up.
    async fn delete_element(&self, context: &Context<'_>, #[graphql(desc = "The element.")] id: ID) -> Result<ID> {
        check_id::<ElementId>("id", &id)?;
        Ok(changing(context).await?.delete_element(&id).await.map_err(failed)?.into())
    }
}
