import { expect, test } from 'vitest'
import type { ActionDescriptor } from '../../../connectors/descriptor-schema.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { problemsOf } from './compile.ts'
import { generated } from './sample-input.ts'

/** Uses of an action's result in a program, with the types of the vendors' SDKs. */
const uses = {
  stripe: `
    const { id, email, metadata } = await actions.createCustomer({ email: 'a@b.example' })
    const mail: string | null | undefined = email
    const plan: string | undefined = metadata?.['plan']
    const intent = await actions.createPaymentIntent({ amount: 100, currency: 'eur', customer: id })
    const secret: string | null | undefined = intent.client_secret
    const status: string = intent.status
    const amount: number | undefined = intent.amount
    const charge = intent.latest_charge
    const chargeId: string | undefined = typeof charge === 'object' ? charge?.id : charge
    const session = await actions.createCheckoutSession({ mode: 'payment' })
    const url: string | null | undefined = session.url
    const subscription = await actions.createSubscription({ customer: id, items: [{ price: 'price_1' }] })
    const [item] = subscription.items.data
    const ends: number | undefined = item?.current_period_end
    const invoice = subscription.latest_invoice
    const first = typeof invoice === 'object' ? invoice?.confirmation_secret?.client_secret : invoice
    const portal: string = (await actions.createBillingPortalSession({ customer: id })).url
    const percent: number | null | undefined = (await actions.createCoupon({ duration: 'once', percent_off: 5 })).percent_off
    const more: unknown = intent['processing']
    // @ts-expect-error: it may be null
    const certain: string = intent.client_secret
    return [mail, plan, secret, status, amount, chargeId, url, ends, first, portal, percent, more, certain]`,
  github: `
    const place = { owner: 'a', repo: 'b' }
    const issue = await actions.createIssue({ ...place, title: 't' })
    const facts: [number, string, string | null | undefined] = [issue.number, issue.html_url, issue.body]
    const labels = issue.labels.map((label) => (typeof label === 'string' ? label : label.name))
    const pull = await actions.getPullRequest({ ...place, pull_number: 1 })
    const state: [boolean, boolean | null, string, string] = [pull.merged, pull.mergeable, pull.head.sha, pull.state]
    const file = await actions.getFile({ ...place, path: 'x' })
    const content: string | undefined = file.entries?.[0]?.name ?? file.content
    const listed = await actions.listIssues({ ...place, state: 'all' })
    const next: [string | undefined, number | null] = [listed.items[0]?.title, listed.next_page]
    const [pulled, said] = [await actions.listPullRequests(place), await actions.listComments({ ...place, issue_number: 1 })]
    const heads: (string | undefined)[] = [pulled.items[0]?.head.sha, said.items[0]?.body]
    const release = await actions.createRelease({ ...place, tag_name: 'v1' })
    const upload: string = release.upload_url
    const commit: string = (await actions.deleteFile({ ...place, path: 'x', message: 'm', sha: 'a' })).commit.sha
    const found: number = (await actions.searchIssues({ q: 'x' })).items.length
    const branch: string = (await actions.getRepository(place)).default_branch
    return [facts, labels, state, content, next, heads, upload, commit, found, branch]`,
  slack: `
    const posted = await actions.postMessage({ channel: 'C1', text: 'x' })
    const facts: [string, string, string | undefined] = [posted.ts, posted.channel, posted.message?.text]
    const { user } = await actions.lookupUserByEmail({ email: 'a@b.example' })
    const name: string | undefined = user.profile?.display_name ?? user.name
    const { channel } = await actions.createChannel({ name: 'x' })
    const isPrivate: boolean | undefined = channel.is_private
    const { files } = await actions.uploadFile({ filename: 'x', content: 'y' })
    const link: string | undefined = files[0]?.permalink
    return [facts, name, isPrivate, link]`,
  linear: `
    const { issue } = await actions.createIssue({ teamId: 't', title: 'x' })
    const facts: [string, string, string, string] = [issue.identifier, issue.url, issue.state.name, issue.branchName]
    const owner: string | undefined = issue.assignee?.email
    const { comment } = await actions.createComment({ issueId: 'i', body: 'b' })
    const place: [string, string | null] = [comment.url, comment.issueId]
    const { project } = await actions.createProject({ name: 'p', teamIds: ['t'] })
    const status: string = project.status.type
    return [facts, owner, place, status]`,
} as const

test.each(Object.entries(uses))(
  'a client of %s has the fields that an action is for',
  async (type, use) => {
    const program = `
    import { createClient } from './client.ts'
    const { actions } = createClient({ baseUrl: 'http://127.0.0.1:8007', apiKey: 'key' })
    export async function run(): Promise<unknown> {${use}
    }`
    const files = {
      'client.ts': generated({ type, actions: await descriptorsOf(type) }),
      'use.ts': program,
    }
    expect(problemsOf(files)).toEqual([])
  },
)

test.each(Object.keys(uses))(
  'a declaration of %s refuses no value that a vendor may add',
  async (type) => {
    const outputs = (await descriptorsOf(type)).map(({ output }) => output)
    expect(outputs.length).toBeGreaterThan(10)
    const text = JSON.stringify(outputs)
    expect(text).not.toMatch(/"(?:enum|pattern|format)":(?!"double")/)
    expect(text).not.toContain('"additionalProperties":false')
  },
)

async function descriptorsOf(type: string): Promise<readonly ActionDescriptor[]> {
  const actions = (await (await connectorOf(type)).actions?.load()) ?? []
  return actions.map(({ descriptor }) => descriptor)
}
