import { useGraphiQL } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { useEffect, useMemo, useState } from "react";

import { examples } from "./examples";
import { createFetcher } from "./fetcher";

const LAST_JOB = "reelgraph:lastJob";
const FILLED = "reelgraph:filled";
const EDITOR_STATE = ["tabState", "query", "variables"].map((key) => `graphiql:${key}`);

/** What the editor lets pass as a value of the scalars that are not plain strings or numbers. */
const SCALARS = {
  JSON: { type: ["object", "array", "string", "number", "boolean"] },
  Length: { type: ["number", "string"] },
  Long: { type: "integer" },
};

export function Playground() {
  const [lastJob, setLastJob] = useState(() => localStorage.getItem(LAST_JOB));
  const fetcher = useMemo(
    () =>
      createFetcher((id) => {
        localStorage.setItem(LAST_JOB, id);
        setLastJob(id);
      }),
    [],
  );

  return (
    <>
      <header className="strip">
        <a className="strip-logo" href="./">
          <Mark />
          Reelgraph
        </a>
        <span className="strip-note">Videos from data, over GraphQL</span>
        {lastJob && (
          <span className="strip-job" title="Filled in where an example asks for a job's id">
            Last job <code>{lastJob}</code>
          </span>
        )}
        <button type="button" className="strip-button" onClick={restoreExamples}>
          Restore examples
        </button>
      </header>
      <GraphiQL
        fetcher={fetcher}
        defaultTabs={examples}
        defaultEditorToolsVisibility="variables"
        customScalarSchemas={SCALARS}
      >
        <GraphiQL.Logo>{null}</GraphiQL.Logo>
        <FillJobId job={lastJob} />
      </GraphiQL>
    </>
  );
}

function restoreExamples() {
  if (confirm("Close all tabs and open the examples again?")) {
    EDITOR_STATE.forEach((key) => localStorage.removeItem(key));
    location.reload();
  }
}

/**
 * Puts the id of the last job created here into the `jobId` or `id` variable of the tab that is
 * opened, if it is still empty or is one that was put there before. What a person typed stays.
 */
function FillJobId({ job }: { job: string | null }) {
  const tab = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id);
  const editor = useGraphiQL((state) => state.variableEditor);

  useEffect(() => {
    if (!job || !tab || !editor) {
      return;
    }
    const variables = readObject(editor.getValue());
    const filled = readObject(localStorage.getItem(FILLED));
    const name = ["jobId", "id"].find((key) => key in variables);
    if (name && variables[name] !== job && ["", filled[tab]].includes(variables[name])) {
      localStorage.setItem(FILLED, JSON.stringify({ ...filled, [tab]: job }));
      editor.setValue(JSON.stringify({ ...variables, [name]: job }, null, 2));
    }
  }, [job, tab, editor]);

  return null;
}

function readObject(json: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json ?? "");
    return typeof value === "object" && value ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#4f46e5" />
      <path d="M12.5 9.5v13l10.5-6.5z" fill="#fff" />
      <path d="M5 7h3v4H5zM5 14h3v4H5zM5 21h3v4H5z" fill="#c7d2fe" />
    </svg>
  );
}
