// Follows a job over graphql-transport-ws with the graphql-ws client: node ws-client.mjs <base-url>
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { assert, baseUrl, explain, Failure, run, step } from "./common.mjs";

const STEPS = [
  "VALIDATION",
  "DOWNLOAD",
  "PROCESSING",
  "COMPOSITION",
  "ENCODING",
  "UPLOAD",
  "CLEANUP",
];
const FINAL = ["COMPLETED", "FAILED", "CANCELLED"];

const STATUS = `subscription ($jobId: ID!, $after: Cursor) {
  jobStatus(jobId: $jobId, after: $after) { cursor at status progress step message }
}`;
const TIMELINE = `subscription ($jobId: ID!, $after: Cursor) {
  jobTimeline(jobId: $jobId, after: $after) {
    cursor at step { id step order attempt status progress }
  }
}`;
const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) { id status } }`;
const JOB_ERROR = `query ($id: ID!) { job(id: $id) { status error { code message step } } }`;
const INPUT = {
  name: "graphql-ws client",
  outputs: [{ width: 320, height: 180, duration: 1 }],
  elements: [{ text: { text: "Hello", fontSize: 32, color: "#ffffff", start: 0, length: 1 } }],
};

const base = baseUrl();
let connections = 0;

run(async () => {
  const client = createClient({
    url: `${base.replace(/^http/, "ws")}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazy: false,
    onNonLazyError: () => {}, // reported by the operation that it ends
    on: { connected: () => (connections += 1) },
  });

  step("query over the socket");
  await queryHealth(client);

  step("create a job over HTTP");
  const { id } = (await overHttp(CREATE, { input: INPUT })).createJob;
  assert(/^job_/.test(id), `the job's id is ${JSON.stringify(id)}`);

  step(`follow ${id}`);
  const [statuses, steps] = await Promise.all([
    followStatus(client, id),
    followTimeline(client, id),
  ]);
  checkCursors("jobStatus", statuses);
  checkCursors("jobTimeline", steps);
  checkProgress(
    "jobStatus",
    statuses.map(({ progress }) => progress),
  );
  for (const name of STEPS) {
    const events = steps.filter(({ step }) => step.step === name);
    checkProgress(
      `jobTimeline ${name}`,
      events.map(({ step }) => step.progress),
    );
  }

  step("come back with a cursor");
  await replay(client, "jobStatus", STATUS, id, statuses, 0);
  await replay(client, "jobTimeline", TIMELINE, id, steps, afterOpening(steps));

  step("send what cannot be parsed, and what is not valid");
  for (const query of ["{ health {", "{ noSuchField }"]) {
    const errors = await collect(client, query, {}, () => true).then(
      () => assert(false, `no error for ${query}`),
      (error) => error,
    );
    assert(
      Array.isArray(errors) && errors.length > 0 && errors.every(({ message }) => message),
      `${query} should end in an error message, not: ${explain(errors)}`,
    );
  }

  step("the socket is still usable");
  await queryHealth(client);
  assert(connections === 1, `it took ${connections} connections, not one`);
  await client.dispose();
  console.log(`ok: ${statuses.length} status events, ${steps.length} timeline events`);
});

/**
 * The values of an operation's one field, until `isLast` says so or the server completes it.
 * Resolves with them; rejects with whatever ends the operation otherwise.
 */
function collect(client, query, variables, isLast) {
  return new Promise((resolve, reject) => {
    const values = [];
    const unsubscribe = client.subscribe(
      { query, variables },
      {
        next({ data, errors }) {
          if (errors || !data) {
            return reject(errors ?? new Failure("a result without data"));
          }
          values.push(Object.values(data)[0]);
          if (isLast(values.at(-1), values)) {
            resolve(values);
            unsubscribe();
          }
        },
        error: reject,
        complete: () => resolve(values),
      },
    );
  });
}

async function queryHealth(client) {
  const values = await collect(client, "{ health { status } }", {}, () => false);
  assert(values.length === 1, `a query gave ${values.length} results and not one`);
  assert(values[0].status, `health is ${JSON.stringify(values[0])}`);
}

async function followStatus(client, jobId) {
  const events = await collect(client, STATUS, { jobId }, ({ status }) => FINAL.includes(status));
  const last = events.at(-1);
  if (last?.status !== "COMPLETED") {
    const { job } = await overHttp(JOB_ERROR, { id: jobId });
    throw new Failure(
      `jobStatus ended with ${JSON.stringify(last)}, the job is ${JSON.stringify(job)}`,
    );
  }
  assert(last.progress === 100, `progress is ${last.progress} once COMPLETED`);
  return events;
}

async function followTimeline(client, jobId) {
  const left = new Set(STEPS);
  const events = await collect(client, TIMELINE, { jobId }, ({ step }) => {
    if (step.status === "COMPLETED") {
      left.delete(step.step);
    }
    return left.size === 0;
  });
  assert(left.size === 0, `jobTimeline ended before ${[...left].join(", ")} was COMPLETED`);
  return events;
}

/**
 * The index of the first event that tells something new about a step. Those before it may be the
 * present state that the stream opens with.
 */
function afterOpening(events) {
  const seen = new Set();
  const index = events.findIndex(({ step }) => seen.size === seen.add(step.id).size);
  return Math.max(index, 0);
}

/** Subscribes after the event at `index` and expects those that followed it, each once. */
async function replay(client, name, query, jobId, events, index) {
  const after = events[index].cursor;
  const expected = events.slice(index + 1).map(({ cursor }) => cursor);
  assert(expected.length > 0, `${name}: too few events to come back in the middle of`);
  const replayed = await collect(
    client,
    query,
    { jobId, after },
    ({ cursor }, { length }) => length === expected.length || cursor !== expected[length - 1],
  );
  const cursors = replayed.map(({ cursor }) => cursor);
  assert(
    JSON.stringify(cursors) === JSON.stringify(expected),
    `${name} after ${after} (event ${index + 1} of ${events.length}) gave the cursors ` +
      `${JSON.stringify(cursors)}, expected ${JSON.stringify(expected)}`,
  );
  console.log(`  ${name}: ${cursors.length} events again after the one numbered ${index + 1}`);
}

function checkCursors(name, events) {
  const cursors = events.map(({ cursor }) => cursor);
  assert(
    new Set(cursors).size === cursors.length,
    `${name}: a cursor came twice: ${JSON.stringify(cursors)}`,
  );
}

function checkProgress(name, values) {
  assert(
    values.every((value, index) => index === 0 || value >= values[index - 1]),
    `${name}: progress goes back: ${values.join(", ")}`,
  );
}

async function overHttp(query, variables) {
  const response = await fetch(`${base}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify({ query, variables }),
  });
  const body = await response.text();
  assert(response.ok && !JSON.parse(body).errors, `HTTP ${response.status}: ${body}`);
  return JSON.parse(body).data;
}
