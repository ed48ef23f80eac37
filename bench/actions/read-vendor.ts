import { LinearClient } from '@linear/sdk'
import { Octokit } from '@octokit/rest'
import { WebClient, type ConversationsHistoryResponse } from '@slack/web-api'
import Stripe from 'stripe'

/**
 * Reads a list to its end by the vendor's SDK, and prints each record as a message of Airbyte, as the
 * connector's read does. Arguments: type of the connector, URL of the vendor, records that must come.
 */
const [type = '', url = '', expected] = process.argv.slice(2)

async function* stripePages(): AsyncIterable<readonly unknown[]> {
  const { hostname, port } = new URL(url)
  const options = {
    host: hostname,
    port: Number(port),
    protocol: 'http',
    telemetry: false,
  } as const
  const stripe = new Stripe('sk_test_bench', options)
  let after: string | undefined
  for (;;) {
    const page = await stripe.customers.list({
      limit: 100,
      ...(after !== undefined && { starting_after: after }),
    })
    yield page.data
    after = page.data.at(-1)?.id
    if (!page.has_more) return
  }
}

async function* githubPages(): AsyncIterable<readonly unknown[]> {
  const octokit = new Octokit({ auth: 'ghp_bench', baseUrl: url })
  const list = octokit.paginate.iterator(octokit.rest.issues.listForRepo, {
    owner: 'acme',
    repo: 'shop',
    state: 'all',
    per_page: 100,
  })
  for await (const { data } of list) yield data
}

async function* slackPages(): AsyncIterable<readonly unknown[]> {
  const slack = new WebClient('xoxb-bench', { slackApiUrl: `${url}/` })
  for await (const page of slack.paginate('conversations.history', {
    channel: 'C1',
    limit: 100,
  }))
    yield (page as ConversationsHistoryResponse).messages ?? []
}

async function* linearPages(): AsyncIterable<readonly unknown[]> {
  const linear = new LinearClient({ apiKey: 'lin_api_bench', apiUrl: `${url}/graphql` })
  let after: string | undefined
  for (;;) {
    const page = await linear.issues({
      first: 100,
      includeArchived: true,
      ...(after !== undefined && { after }),
    })
    yield page.nodes
    after = page.pageInfo.endCursor ?? undefined
    if (!page.pageInfo.hasNextPage) return
  }
}

const readers: Readonly<Record<string, () => AsyncIterable<readonly unknown[]>>> = {
  stripe: stripePages,
  github: githubPages,
  slack: slackPages,
  linear: linearPages,
}
const pages = readers[type]
if (pages === undefined) throw new Error(`no reader for ${type}`)
let count = 0
for await (const page of pages()) {
  count += page.length
  const lines = page.map((data) => {
    const record = { stream: 'list', data, emitted_at: Date.now() }
    return `${JSON.stringify({ type: 'RECORD', record })}\n`
  })
  process.stdout.write(lines.join(''))
}
if (count !== Number(expected)) throw new Error(`${type}: ${String(count)} records`)
