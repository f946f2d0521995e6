/** The tabs a first visit opens with, in the order of a first walk through the API. */
export const examples = [
  example(`# Is the server up, and what does it run on?
# Press the play button, or Ctrl-Enter (Cmd-Enter).

query Health {
  health {
    status
    version
    uptime
    database {
      status
    }
    storage {
      status
    }
    ffmpeg {
      status
      version
    }
  }
}
`),

  example(
    `# Ask for a place to put a file for your videos.
# Below are its name and its size in bytes. Send it
# to the url, with the headers that come back:
#   curl -T sunrise.jpg -H "name: value" "<url>"
# and use it in a job by the asset's id:
#   { "image": { "source": { "asset": "ast_…" } } }

mutation Upload($input: UploadInput!) {
  createUpload(input: $input) {
    asset
    method
    url
    headers {
      name
      value
    }
    expiresAt
  }
}
`,
    { input: { filename: "sunrise.jpg", contentType: "image/jpeg", size: 248310 } },
  ),

  example(
    `# Make a video: two lines of text on a dark
# background, two seconds long, with no upload.
# The next tabs take the id of the job it creates.

mutation CreateJob($input: CreateJobInput!) {
  createJob(input: $input) {
    id
    status
  }
}
`,
    {
      input: {
        name: "Hello from the playground",
        outputs: [
          {
            format: "MP4",
            width: 640,
            height: 360,
            frameRate: 30,
            background: "#111827",
            duration: 2,
          },
        ],
        elements: [
          {
            text: {
              text: "Hello, Reelgraph",
              fontSize: 56,
              color: "#ffffff",
              y: "42%",
              start: 0,
              length: 2,
            },
          },
          {
            text: {
              text: "made from data",
              fontSize: 28,
              color: "#a5b4fc",
              y: "62%",
              start: 0.5,
              length: 1.5,
            },
          },
        ],
      },
    },
  ),

  example(
    `# Follow a job while its video is made. Events come
# over a WebSocket; the newest is shown. Send a
# cursor back as "after" to go on from there.

subscription FollowJob($jobId: ID!, $after: Cursor) {
  jobStatus(jobId: $jobId, after: $after) {
    cursor
    at
    status
    previousStatus
    progress
    step
    message
  }
}
`,
    { jobId: "" },
  ),

  example(
    `# Watch the seven steps of a job. Each event tells
# of one, shown with how all of them stand.

subscription Timeline($jobId: ID!, $after: Cursor) {
  jobTimeline(jobId: $jobId, after: $after) {
    cursor
    at
    step {
      step
      status
      progress
      duration
      job {
        status
        timeline {
          step
          status
          progress
          duration
        }
      }
    }
  }
}
`,
    { jobId: "" },
  ),

  example(
    `# The newest jobs, what they are made of, and how
# they went. For the next page, send the endCursor
# as "after".

query Jobs($filter: JobFilter, $order: JobOrder, $first: Int, $after: Cursor) {
  jobs(filter: $filter, orderBy: $order, first: $first, after: $after) {
    edges {
      node {
        id
        name
        status
        progress
        createdAt
        elements {
          id
          type
          start
          length
          ... on TextElement {
            text
          }
        }
        timeline {
          step
          status
          duration
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    {
      filter: { status: ["QUEUED", "PROCESSING", "COMPLETED"] },
      order: { by: "CREATED_AT", direction: "DESC" },
      first: 5,
    },
  ),

  example(
    `# What came of a job: the video once it COMPLETED,
# or why it FAILED. Open the url to watch it.

query Result($id: ID!) {
  job(id: $id) {
    status
    result {
      url
      size
      duration
      width
      height
      frames
    }
    error {
      code
      message
    }
  }
}
`,
    { id: "" },
  ),
];

function example(query: string, variables?: object) {
  return { query, variables: variables && JSON.stringify(variables, null, 2) };
}
