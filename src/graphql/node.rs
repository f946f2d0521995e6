//! Anything by its id.

use async_graphql::{Context, ID, Interface, Object};

use super::{
    element::{
        AudioElement, CompositionElement, Element, ImageElement, ShapeElement, SubtitlesElement, TextElement, VideoElement,
    },
    error::{Problem, Result, failed},
    id::invalid_id,
    job::Job,
    loaders::{loaders, session},
    storage::StorageOperation,
    template::Template,
    timeline::TimelineStep,
};
use crate::domain::{
    error::ViolationCode,
    id::{ElementId, JobId, OperationId, StepId, TemplateId},
};

/// Something with an id. Ids carry their type: job_…, el_…, step_…, op_…, tpl_…
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Its id, unique among all."))]
#[allow(clippy::large_enum_variant)]
pub enum Node {
    Job(Job),
    VideoElement(VideoElement),
    ImageElement(ImageElement),
    AudioElement(AudioElement),
    ShapeElement(ShapeElement),
    SubtitlesElement(SubtitlesElement),
    TextElement(TextElement),
    CompositionElement(CompositionElement),
    TimelineStep(TimelineStep),
    StorageOperation(StorageOperation),
    Template(Template),
}

impl From<Element> for Node {
    fn from(element: Element) -> Self {
        match element {
            Element::VideoElement(element) => Node::VideoElement(element),
            Element::ImageElement(element) => Node::ImageElement(element),
            Element::AudioElement(element) => Node::AudioElement(element),
            Element::ShapeElement(element) => Node::ShapeElement(element),
            Element::SubtitlesElement(element) => Node::SubtitlesElement(element),
            Element::TextElement(element) => Node::TextElement(element),
            Element::CompositionElement(element) => Node::CompositionElement(element),
        }
    }
}

/// The most ids of one `nodes`.
const MAX_NODES: usize = 100;

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything by its id; null where there is nothing of that id.
    async fn node(&self, context: &Context<'_>, #[graphql(desc = "Of any type.")] id: ID) -> Result<Option<Node>> {
        find(context, &id, "id").await
    }

    /// Several by their ids, in their order; null where there is nothing of that id. At most 100.
    #[graphql(complexity = "ids.len().min(MAX_NODES) * child_complexity + 1")]
    async fn nodes(&self, context: &Context<'_>, #[graphql(desc = "Of any types.")] ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_NODES {
            return Err(Problem::of_argument("ids", ViolationCode::TooMany, format!("must have at most {MAX_NODES} ids")).into());
        }
        let found = ids.iter().enumerate().map(async |(index, id)| find(context, id, &format!("ids[{index}]")).await);
        futures_util::future::try_join_all(found).await
    }
}

/// `at` is the path of the id.
async fn find(context: &Context<'_>, id: &str, at: &str) -> Result<Option<Node>> {
    if id.parse::<JobId>().is_ok() {
        return Ok(loaders(context)?.job(id).await?.map(|row| Node::Job(Job(row))));
    }
    if id.parse::<ElementId>().is_ok() {
        let row = loaders(context)?.element(id).await?;
        return row.map(|row| Element::of(row).map(Node::from)).transpose();
    }
    if id.parse::<StepId>().is_ok() {
        return Ok(loaders(context)?.step(id).await?.map(|row| Node::TimelineStep(TimelineStep(row.state()))));
    }
    if id.parse::<OperationId>().is_ok() {
        return Ok(loaders(context)?.operation(id).await?.map(|row| Node::StorageOperation(StorageOperation(row))));
    }
    if id.parse::<TemplateId>().is_ok() {
        return Ok(session(context)?.template(id).await.map_err(failed)?.map(|row| Node::Template(Template(row))));
    }
    Err(invalid_id(at, "job_…, el_…, step_…, op_… or tpl_…"))
}
