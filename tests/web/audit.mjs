// Runs the GraphQL over HTTP audits of graphql-http: node audit.mjs <base-url>
import { auditServer } from "graphql-http";

import { assert, baseUrl, run } from "./common.mjs";

const EXPECTED = 61;

run(async () => {
  const results = await auditServer({ url: `${baseUrl()}/graphql`, fetchFn: fetch });
  const failed = results.filter(({ status }) => status !== "ok");
  for (const { id, name, status, reason, response } of failed) {
    console.log(`${status} ${id} ${name}: ${reason} (${await describe(response)})`);
  }
  const ok = results.length - failed.length;
  const errors = failed.filter(({ status }) => status === "error").length;
  // A notice (a MAY that is not met) counts as a warning.
  const warnings = failed.length - errors;
  console.log(`${results.length} audits, ${ok} ok, ${warnings} warnings, ${errors} errors`);
  assert(results.length === EXPECTED, `expected ${EXPECTED} audits, not ${results.length}`);
  assert(ok === EXPECTED, `${failed.length} audits are not met`);
});

async function describe(response) {
  const type = response.headers.get("content-type");
  const body = response.bodyUsed ? "<read already>" : await response.text();
  return `${response.status}, ${type}, ${body.slice(0, 500)}`;
}
