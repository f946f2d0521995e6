//! Templates, and the jobs that are made of them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::{
    error::{Result, failed},
    id::check_id,
    job::{CreateJobOverrides, Job, JobReader},
    loaders::{changing, session},
    pages::{self, PageInfo, page_size},
    scalars::{Cursor, DateTime},
};
use crate::{
    domain::{
        clock::Timestamp,
        error::Violation,
        id::TemplateId,
        template::{self, NewTemplate, Variable},
        validation::Checker,
    },
    entities,
    services::{
        Error,
        pages::{Key, Page},
        templates::variables_of,
    },
};

/// What a variable holds.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "template::VariableType")]
pub enum VariableType {
    /// A string.
    Text,
    /// A number.
    Number,
    /// true or false.
    Boolean,
    /// A colour, as Color has it.
    Color,
    /// Where a medium comes from: an object with either url, asset or object.
    Source,
    /// A list of anything: a place that is nothing else becomes the list.
    List,
}

/// A variable of a template.
#[derive(SimpleObject)]
pub struct TemplateVariable {
    /// Its name, as `{{name}}` has it.
    name: String,
    /// What it holds.
    #[graphql(name = "type")]
    kind: VariableType,
    /// Whether a value must be given.
    required: bool,
    /// The value where none is given; of a required variable, an example to try the template by.
    default: Option<serde_json::Value>,
    /// For people.
    description: Option<String>,
}

/// A variable of a template.
#[derive(InputObject)]
pub struct TemplateVariableInput {
    /// Its name: letters, digits and underscores, not beginning with a digit.
    name: String,
    /// What it holds.
    #[graphql(name = "type")]
    kind: VariableType,
    /// Whether a value must be given.
    #[graphql(default)]
    required: bool,
    /// The value where none is given; of a required variable, an example to try the template by.
    default: Option<serde_json::Value>,
    /// For people.
    description: Option<String>,
}

/// A template.
#[derive(InputObject)]
pub struct TemplateInput {
    /// Unique among the templates; at most 255 characters.
    name: String,
    /// For people.
    description: Option<String>,
    /// What may be filled in; at most 100.
    #[graphql(default)]
    variables: Vec<TemplateVariableInput>,
    /// The input of createJob, with places in its strings: a string that is `{{name}}` and nothing else becomes the
    /// variable's value, a place inside of other words its text. `\{{` stands for the braces themselves.
    document: serde_json::Value,
}

impl From<TemplateInput> for NewTemplate {
    fn from(input: TemplateInput) -> Self {
        let variable = |variable: TemplateVariableInput| Variable {
            name: variable.name,
            kind: variable.kind.into(),
            required: variable.required,
            default: variable.default.filter(|default| !default.is_null()),
            description: variable.description,
        };
        Self {
            name: input.name,
            description: input.description,
            variables: input.variables.into_iter().map(variable).collect(),
            document: input.document,
        }
    }
}

/// A job with places left open, and the variables that fill them.
pub struct Template(pub entities::template::Model);

#[Object]
impl Template {
    /// Its id, tpl_…
    pub async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// Its name, unique among the templates.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// For people.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// What may be filled in.
    async fn variables(&self) -> Result<Vec<TemplateVariable>> {
        let variable = |variable: Variable| TemplateVariable {
            name: variable.name,
            kind: variable.kind.into(),
            required: variable.required,
            default: variable.default,
            description: variable.description,
        };
        Ok(variables_of(&self.0).map_err(failed)?.into_iter().map(variable).collect())
    }

    /// The input of createJob, with its places.
    async fn document(&self) -> &serde_json::Value {
        &self.0.document
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(Timestamp(self.0.created_at))
    }

    /// When it changed last.
    async fn updated_at(&self) -> DateTime {
        DateTime(Timestamp(self.0.updated_at))
    }
}

/// A template in a page.
#[derive(SimpleObject)]
pub struct TemplateEdge {
    /// Its place in the list.
    cursor: Cursor,
    /// The template.
    node: Template,
}

/// A page of templates, the newest first.
#[derive(SimpleObject)]
pub struct TemplateConnection {
    /// The templates with their places.
    edges: Vec<TemplateEdge>,
    /// Where the page lies.
    page_info: PageInfo,
}

impl From<Page<entities::template::Model>> for TemplateConnection {
    fn from(page: Page<entities::template::Model>) -> Self {
        let page_info = PageInfo::of(&page);
        let edge = |(key, row): (Key, _)| TemplateEdge { cursor: Cursor(key.to_cursor()), node: Template(row) };
        Self { edges: page.rows.into_iter().map(edge).collect(), page_info }
    }
}

#[derive(Default)]
pub struct TemplateQuery;

#[Object]
impl TemplateQuery {
    /// One template by its id. NOT_FOUND where there is none.
    async fn template(&self, context: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Template>> {
        check_id::<TemplateId>("id", &id)?;
        let row = session(context)?.template(&id).await.map_err(failed)?;
        row.map(|row| Some(Template(row))).ok_or_else(|| failed(Error::NotFound { what: "template", id: id.to_string() }))
    }

    /// The templates, the newest first.
    #[graphql(complexity = "page_size(first, None) * child_complexity + 1")]
    async fn templates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, from 1 to 100; 20 where it is not given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<Cursor>,
    ) -> Result<TemplateConnection> {
        let request = pages::request(first, after, None, None);
        Ok(session(context)?.templates(&request).await.map_err(failed)?.into())
    }
}

fn refuse(all: Vec<Violation>) -> async_graphql::Error {
    failed(Error::Invalid(all))
}

/// The rules of a template, and a trial: filled with its defaults, or with something of each variable's type, it is a job.
/// What a trial says of places that were filled with just something is no fault of the template.
async fn checked(context: &Context<'_>, input: TemplateInput) -> Result<NewTemplate> {
    let new = NewTemplate::from(input);
    let mut check = Checker::default();
    new.check(&mut check, "input");
    check.into_result(()).map_err(refuse)?;
    let filled = template::fill(&new.document, &template::samples(&new.variables), "input.document").map_err(refuse)?;
    let buckets = session(context)?.services().store().buckets();
    let tried = context.data::<Arc<JobReader>>()?.read(filled, "input.document", buckets).await;
    if let Err(found) = tried {
        let guessed = template::sampled(&new.document, &new.variables, "input.document");
        let real: Vec<Violation> = found.into_iter().filter(|violation| !concerns(&violation.path, &guessed)).collect();
        if !real.is_empty() {
            return Err(refuse(real));
        }
    }
    Ok(new)
}

/// Whether a breach lies at one of some places, or within it. Numbers of items are left out: a list of one may be
/// written without being one.
fn concerns(path: &str, places: &[String]) -> bool {
    let plain = |path: &str| path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect::<String>();
    let path = plain(path);
    let within = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    places.iter().map(|place| plain(place)).any(|place| within(&path, &place))
}

#[derive(Default)]
pub struct TemplateMutation;

#[Object]
impl TemplateMutation {
    /// Makes a template.
    async fn create_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The template.")] input: TemplateInput,
    ) -> Result<Template> {
        let new = checked(context, input).await?;
        Ok(Template(changing(context).await?.create_template(&new).await.map_err(failed)?))
    }

    /// Puts all that a template says anew.
    async fn update_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The template.")] id: ID,
        #[graphql(desc = "What it says from now on.")] input: TemplateInput,
    ) -> Result<Template> {
        check_id::<TemplateId>("id", &id)?;
        let new = checked(context, input).await?;
        Ok(Template(changing(context).await?.update_template(&id, &new).await.map_err(failed)?))
    }

    /// Removes a template; the jobs that were made of it stay.
    async fn delete_template(&self, context: &Context<'_>, #[graphql(desc = "The template.")] id: ID) -> Result<ID> {
        check_id::<TemplateId>("id", &id)?;
        Ok(changing(context).await?.delete_template(&id).await.map_err(failed)?.into())
    }

    /// Makes a job of a template: its places filled with the variables' values, what is given over it laid over it.
    async fn render_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The template.")] id: ID,
        #[graphql(desc = "Values by the names of variables; an object.")] variables: serde_json::Value,
        #[graphql(desc = "What the job has other than the template says.")] overrides: Option<CreateJobOverrides>,
    ) -> Result<Job> {
        check_id::<TemplateId>("id", &id)?;
        let session = changing(context).await?;
        let row = session.template_to_render(&id).await.map_err(failed)?;
        let known = variables_of(&row).map_err(failed)?;
        let values = template::values(&known, &variables, "variables").map_err(refuse)?;
        let mut filled = template::fill(&row.document, &values, "variables").map_err(refuse)?;
        overrides.unwrap_or_default().lay_over(&mut filled);
        let buckets = session.services().store().buckets();
        let new = context.data::<Arc<JobReader>>()?.read(filled, "document", buckets).await.map_err(refuse)?;
        Ok(Job(Arc::new(session.create_job(&new, "document").await.map_err(failed)?)))
    }
}
