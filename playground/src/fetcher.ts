import type { Fetcher, FetcherParams } from "@graphiql/toolkit";
import {
  getOperationAST,
  parse,
  type ExecutionResult,
  type IntrospectionQuery,
  type IntrospectionType,
} from "graphql";
import { createClient } from "graphql-ws";

type Headers = Record<string, unknown>;

const endpoint = new URL("graphql", document.baseURI);
const socketEndpoint = new URL(endpoint);
socketEndpoint.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

/**
 * Sends queries and mutations over HTTP and subscriptions over a graphql-transport-ws socket.
 * What stands in the Headers pane goes along with both: as HTTP headers, and as the socket's
 * `connection_init` payload, since a browser cannot set headers on a socket.
 */
export function createFetcher(onJobCreated: (id: string) => void): Fetcher {
  return async (params, options) => {
    if (isSubscription(params)) {
      return subscribe(params, options?.headers);
    }
    const result = await send(params, options?.headers);
    if (params.operationName === "IntrospectionQuery") {
      (result.data as IntrospectionQuery | undefined)?.__schema?.types?.forEach(relax);
    }
    const job = result.data?.createJob as { id?: unknown } | null | undefined;
    if (typeof job?.id === "string") {
      onJobCreated(job.id);
    }
    return result;
  };
}

function isSubscription({ query, operationName }: FetcherParams): boolean {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false; // The server says what is wrong with it.
  }
}

async function send(params: FetcherParams, headers: Headers = {}): Promise<ExecutionResult> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json",
      "content-type": "application/json",
      ...(headers as Record<string, string>),
    },
    body: JSON.stringify(params),
  }).catch(() => {
    throw { message: "The server could not be reached" };
  });
  const body = await response.text();
  try {
    return JSON.parse(body) as ExecutionResult;
  } catch {
    throw { message: `HTTP ${response.status} ${response.statusText}`.trim(), body };
  }
}

/**
 * The editor marks variables that leave out a non-null input field, even one that has a default:
 * to it, such a field is a nullable one.
 */
function relax(type: IntrospectionType) {
  if (type.kind === "INPUT_OBJECT") {
    for (const field of type.inputFields) {
      if (field.defaultValue != null && field.type.kind === "NON_NULL") {
        Object.assign(field, { type: field.type.ofType });
      }
    }
  }
}

/** A socket for each subscription: it closes when the subscription ends or is stopped. */
function subscribe({ query, operationName, variables }: FetcherParams, connectionParams?: Headers) {
  const client = createClient({ url: socketEndpoint.href, connectionParams, retryAttempts: 0 });
  const events = client.iterate({ query, operationName, variables });
  const next = events.next.bind(events);
  events.next = () =>
    next().catch((error: unknown) => {
      throw describe(error);
    });
  return events as AsyncIterableIterator<ExecutionResult>;
}

function describe(error: unknown): unknown {
  if (error instanceof CloseEvent) {
    return { message: `The socket was closed with ${error.code} ${error.reason}`.trim() };
  }
  return error instanceof Event ? { message: "The socket could not be opened" } : error;
}
