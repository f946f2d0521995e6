//! Which queries are critical: those that clients, workers and nodes run all the time.

use sea_orm::{QueryTrait, Statement};

use crate::{
    domain::{
        clock::Timestamp,
        composition::{ElementStatus, ElementType},
        job::JobStatus,
    },
    entities::job,
    services::{
        Error, Session,
        audit::{self, AuditFilter},
        elements::{ElementFilter, elements_in},
        event_log,
        jobs::{JobFilter, JobOrder, JobSort, TimeRange, jobs_with},
        leases,
        pages::{Key, PageBounds, PageRequest},
        storage_operations::OperationFilter,
        timeline::steps_in,
    },
};

/// A query to be explained.
pub struct CriticalPath {
    pub name: &'static str,
    /// Who runs it, and when.
    pub purpose: &'static str,
    pub statement: Statement,
}

/// The rows of a page.
const PAGE: u64 = 50;

fn first_page() -> PageBounds {
    PageBounds { size: PAGE, backwards: false, after: None, before: None }
}

fn after(key: Key) -> PageBounds {
    PageBounds { after: Some(key), ..first_page() }
}

const NEWEST: JobOrder = JobOrder { by: JobSort::CreatedAt, descending: true };

const ORDERS: [(&str, JobSort); 6] = [
    ("jobs by CREATED_AT, further pages", JobSort::CreatedAt),
    ("jobs by UPDATED_AT, further pages", JobSort::UpdatedAt),
    ("jobs by FINISHED_AT, further pages", JobSort::FinishedAt),
    ("jobs by PRIORITY, further pages", JobSort::Priority),
    ("jobs by STATUS, further pages", JobSort::Status),
    ("jobs by NAME, further pages", JobSort::Name),
];

impl Session {
    pub(super) async fn critical_paths(&self) -> Result<Vec<CriticalPath>, Error> {
        // Rows that are there, so that statements have values as clients send them.
        let request = PageRequest { first: Some(PAGE as i32), ..PageRequest::default() };
        let page = self.jobs(&JobFilter::default(), NEWEST, &request).await?;
        let rows: Vec<&job::Model> = page.rows.iter().map(|(_, row)| row).collect();
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let first = ids.first().cloned().unwrap_or_else(|| "job_".into());
        let mut paths = self.pages_of_jobs(rows.last().copied());
        paths.extend(self.filters_of_jobs(rows.last().copied()));
        paths.extend(self.parts_of_jobs(&ids, &first));
        paths.extend(self.other_lists(&first));
        paths.extend(self.queue_and_log(&first));
        Ok(paths)
    }

    fn path(&self, name: &'static str, purpose: &'static str, query: impl QueryTrait) -> CriticalPath {
        CriticalPath { name, purpose, statement: query.build(self.services().database().backend()) }
    }

    fn pages_of_jobs(&self, last: Option<&job::Model>) -> Vec<CriticalPath> {
        let all = JobFilter::default();
        let newest = self.page_of_jobs(&all, NEWEST, &first_page());
        let mut paths = vec![self.path("jobs, the newest", "the list's first page", newest)];
        for (name, by) in ORDERS {
            if let Some(row) = last {
                let key = Key { order: by.order_name(), value: by.value(row), id: row.id.clone() };
                let order = JobOrder { by, descending: true };
                paths.push(self.path(name, "a list's further pages", self.page_of_jobs(&all, order, &after(key))));
            }
        }
        paths
    }

    fn filters_of_jobs(&self, last: Option<&job::Model>) -> Vec<CriticalPath> {
        let at = last.map_or(0, |row| row.created_at);
        let range = TimeRange { from: Some(Timestamp(at - 60_000_000)), to: Some(Timestamp(at)) };
        let filters = [
            ("jobs of a status", JobFilter { status: Some(vec![JobStatus::Failed]), ..JobFilter::default() }),
            ("jobs that are active", JobFilter { active: Some(true), ..JobFilter::default() }),
            ("jobs created in a range", JobFilter { created_at: Some(range), ..JobFilter::default() }),
            ("jobs updated in a range", JobFilter { updated_at: Some(range), ..JobFilter::default() }),
            ("jobs finished in a range", JobFilter { finished_at: Some(range), ..JobFilter::default() }),
            ("jobs of a client", JobFilter { client_ip: Some("192.0.2.1".into()), ..JobFilter::default() }),
            ("jobs with an element type", JobFilter { element_type: Some(vec![ElementType::Video]), ..JobFilter::default() }),
            ("jobs with metadata", JobFilter { metadata: Some(serde_json::json!({ "customer": 7 })), ..JobFilter::default() }),
            ("jobs with a part of a name", JobFilter { name_contains: Some("job 1".into()), ..JobFilter::default() }),
        ];
        let path = |(name, filter)| self.path(name, "a filtered list", self.page_of_jobs(&filter, NEWEST, &first_page()));
        filters.into_iter().map(path).collect()
    }

    fn parts_of_jobs(&self, ids: &[String], first: &str) -> Vec<CriticalPath> {
        let one = [first.to_owned()];
        vec![
            self.path("a job by its id", "job(id), and every batch of jobs", jobs_with(&one)),
            self.path("elements of a page of jobs", "Job.elements", elements_in(ids)),
            self.path("timelines of a page of jobs", "Job.timeline, the newest attempt", steps_in(ids, None)),
            self.path("timeline of an attempt", "Job.timeline(attempt)", steps_in(&one, Some(1))),
        ]
    }

    fn other_lists(&self, first: &str) -> Vec<CriticalPath> {
        let elements = |filter: ElementFilter| self.page_of_elements(&filter, &first_page());
        let operations = |filter: OperationFilter| self.page_of_operations(&filter, &first_page());
        let types = Some(vec![ElementType::Audio]);
        let statuses = Some(vec![ElementStatus::Failed]);
        let hour = TimeRange { from: Some(self.services().clock().now().plus_ms(-3_600_000)), to: None };
        let filter = OperationFilter { created_at: Some(hour), ..OperationFilter::default() };
        let job_id = Some(first.to_owned());
        vec![
            self.path(
                "elements of a type",
                "elements(type)",
                elements(ElementFilter { element_type: types, ..Default::default() }),
            ),
            self.path(
                "elements of a status",
                "elements(status)",
                elements(ElementFilter { status: statuses, ..Default::default() }),
            ),
            self.path(
                "elements of a job",
                "elements(jobId)",
                elements(ElementFilter { job_id: job_id.clone(), ..Default::default() }),
            ),
            self.path("storage operations, the newest", "storageOperations", operations(OperationFilter::default())),
            self.path(
                "storage operations of a job",
                "Job.storageOperations",
                operations(OperationFilter { job_id, ..Default::default() }),
            ),
            self.path(
                "storage operations that failed",
                "storageOperations(success: false)",
                operations(OperationFilter { success: Some(false), ..Default::default() }),
            ),
            CriticalPath {
                name: "storage statistics of an hour",
                purpose: "storageStatistics",
                statement: self.statistics_of(&filter, None),
            },
            self.path("templates, the newest", "templates", self.page_of_templates(&first_page())),
            self.path(
                "the audit log, the newest",
                "auditLog",
                audit::page(self.caller(), &AuditFilter::default(), &first_page()),
            ),
            self.path(
                "the audit log of a job",
                "auditLog(target)",
                audit::page(self.caller(), &AuditFilter { target: Some(first.to_owned()), ..Default::default() }, &first_page()),
            ),
        ]
    }

    fn queue_and_log(&self, first: &str) -> Vec<CriticalPath> {
        let database = self.services().database();
        vec![
            CriticalPath { name: "the next job", purpose: "a worker's claim", statement: leases::next_due(database) },
            CriticalPath { name: "lost jobs", purpose: "the rescue, each second", statement: leases::lost(database, "node_") },
            CriticalPath {
                name: "new events",
                purpose: "each node, five times a second",
                statement: event_log::newest(database),
            },
            self.path("events of a job", "a subscription that resumes", event_log::of_job(&self.caller().tenant, first, 0, PAGE)),
        ]
    }
}
