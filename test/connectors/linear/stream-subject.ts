import { fillAcme, on } from '../../fakes/linear/acme.ts'
import type { Kind, LinearData } from '../../fakes/linear/linear-data.ts'
import { apiKey, LinearSimulator, rateLimited } from '../../fakes/linear/linear-simulator.ts'
import type { GateRequest } from '../../fakes/fault-gate.ts'
import type { StreamSubject } from '../stream-subject.ts'
import type { LiveList, StreamWorld } from '../stream-world.ts'

const kinds: Readonly<Record<string, { readonly kind: Kind; readonly text: string }>> = {
  issues: { kind: 'issues', text: 'title' },
  projects: { kind: 'projects', text: 'name' },
  cycles: { kind: 'cycles', text: 'name' },
  teams: { kind: 'teams', text: 'name' },
  users: { kind: 'users', text: 'name' },
  comments: { kind: 'comments', text: 'body' },
  labels: { kind: 'issueLabels', text: 'name' },
  workflow_states: { kind: 'workflowStates', text: 'name' },
  attachments: { kind: 'attachments', text: 'title' },
  project_milestones: { kind: 'projectMilestones', text: 'name' },
  issue_relations: { kind: 'issueRelations', text: 'type' },
}

export const linearStreams: StreamSubject = {
  openSmall: () => open(fillAcme),
  openPaged: (stream) =>
    open((data) => {
      fillPages(data, stream)
    }),
  repeating: Object.keys(kinds),
  credentials: {
    wrong: { api_key: 'lin_api_wrong' },
    fix: /Create one at https:\/\/linear\.app\/settings/,
  },
  denials: [
    {
      title: 'the right to read users',
      refuses: asksFor('users'),
      answer: {
        body: {
          data: null,
          errors: [{ message: 'Forbidden', extensions: { type: 'forbidden', code: 'FORBIDDEN' } }],
        },
      },
      streams: ['users'],
      fix: /Use the key of a user who sees the teams/,
    },
  ],
  limits: {
    'the error RATELIMITED with Retry-After': rateLimited,
    'the error RATELIMITED with status 200': { body: rateLimited.body },
    'an internal error': {
      body: { errors: [{ message: 'Oops', extensions: { type: 'internal error' } }] },
    },
  },
}

async function open(fill: (data: LinearData) => void): Promise<StreamWorld> {
  const linear = await LinearSimulator.start()
  const { data } = linear
  fill(data)
  return {
    url: linear.url,
    now: () => Date.parse(data.now),
    pass: (seconds) => {
      data.now = new Date(Date.parse(data.now) + seconds * 1000).toISOString()
    },
    configOf: (url) => ({ api_key: apiKey, api_url: url }),
    lists: Object.fromEntries(
      Object.entries(kinds).map(([name, { kind, text }]) => [name, listOf(data, { kind, text })]),
    ),
    [Symbol.asyncDispose]: () => linear[Symbol.asyncDispose](),
  }
}

function fillPages(data: LinearData, stream: string): void {
  const { kind, text } = kinds[stream] ?? { kind: 'teams', text: 'name' }
  for (let number = 1; number <= 230; number += 1)
    data.add(kind, {
      id: `${kind}-${String(number).padStart(3, '0')}`,
      [text]: `Number ${String(number)}`,
      createdAt: on(4, number),
    })
}

function listOf(
  data: LinearData,
  { kind, text }: { readonly kind: Kind; readonly text: string },
): LiveList {
  const list = data.lists[kind]
  return {
    pages: asksFor(kind),
    // The newest first.
    keys: () => list.map(({ id }) => JSON.stringify([id])).toReversed(),
    insert: () => JSON.stringify([data.add(kind, { [text]: 'New' }).id]),
    remove: (key) => {
      list.splice(placeOf(key), 1)
    },
    touch: (key, mark) => {
      Object.assign(list[placeOf(key)] ?? {}, { [text]: mark, updatedAt: data.now })
    },
  }

  function placeOf(key: string): number {
    const [id] = JSON.parse(key) as [string]
    return list.findIndex((object) => object.id === id)
  }
}

function asksFor(operation: string): (request: GateRequest) => boolean {
  return ({ body }) => body.includes(`query ${operation}(`)
}
