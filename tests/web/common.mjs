/** The server's address from the command line, without a slash at its end. */
export function baseUrl() {
  const base = process.argv[2];
  if (!base) {
    console.error(`usage: node ${process.argv[1]} <base-url>`);
    process.exit(2);
  }
  return base.replace(/\/+$/, "");
}

/** Runs `main` against a deadline and ends the process with 0 or, with the reason printed, 1. */
export function run(main, seconds = 60) {
  const name = process.argv[1].split("/").pop();
  const fail = (reason) => {
    console.error(`${name} failed: ${reason}`);
    process.exit(1);
  };
  setTimeout(() => fail(`not done after ${seconds} s, last doing: ${stage}`), seconds * 1000);
  main().then(
    () => process.exit(0),
    (error) => fail(explain(error)),
  );
}

let stage = "nothing yet";

/** Notes what is being done, for the log and for the message of a deadline that passes. */
export function step(what) {
  stage = what;
  console.log(what);
}

export function assert(condition, reason) {
  if (!condition) {
    throw new Failure(reason);
  }
}

/** An expectation that was not met: where in this script that is does not matter. */
export class Failure extends Error {}

/** What went wrong, whether it came as an Error, as GraphQL errors or as a socket's close event. */
export function explain(error) {
  if (Array.isArray(error)) {
    return JSON.stringify(error);
  }
  if (typeof error?.code === "number" && "reason" in error) {
    return `socket closed with ${error.code} ${error.reason}`.trim();
  }
  if (error instanceof Failure) {
    return error.message;
  }
  const cause = error?.cause ? `, caused by ${error.cause.message || error.cause.code}` : "";
  return `${error?.stack ?? error?.message ?? error}${cause}`;
}
