import type { VendorAnswer } from '../vendors/vendor-api.ts'
import { invalid, refusal } from './answers.ts'
import { listOf, textOf, userOf, type Item } from './data.ts'
import { changed, listField, nextNumber, withItem, withNumbered } from './issue-routes.ts'
import type { RoutedCall, Routes } from './routes.ts'

export const pullRoutes: Routes = {
  'GET pulls/:number': (call) => withPull(call, (pull) => ({ body: pull })),
  'POST pulls': createPull,
  'PATCH pulls/:number': (call) => withPull(call, (pull) => changed(call, pull)),
  'PUT pulls/:number/merge': (call) => withPull(call, (pull) => merge(call, pull)),
  'PUT pulls/:number/update-branch': (call) => withPull(call, (pull) => updateBranch(call, pull)),
  'POST pulls/:number/requested_reviewers': (call) =>
    withPull(call, (pull) => requestReviewers(call, pull)),
  'DELETE pulls/:number/requested_reviewers': (call) =>
    withPull(call, (pull) => requestReviewers(call, pull)),
  'POST pulls/:number/reviews': (call) => withPull(call, (pull) => review(call, pull)),
  'POST pulls/:number/reviews/:id/events': (call) =>
    withItem(call, `pulls/${call.values.number ?? ''}/reviews`, (item) => submit(call, item)),
  'POST pulls/:number/comments': (call) => withPull(call, () => comment(call)),
}

function withPull(call: RoutedCall, respond: (pull: Item) => VendorAnswer): VendorAnswer {
  return withNumbered(call, 'pulls', respond)
}

function createPull(call: RoutedCall): VendorAnswer {
  const { body, repository, simulator } = call
  const pulls = listOf(repository, 'pulls')
  const [head, base] = [textOf(body.head), textOf(body.base)]
  if (!repository.branches.has(base)) return invalid('PullRequest', 'base', 'invalid')
  const sha = repository.branches.get(head)
  if (sha === undefined) return invalid('PullRequest', 'head', 'invalid')
  if (pulls.some((pull) => pull.state === 'open' && headOf(pull).ref === head))
    return refusal(422, 'Validation Failed', {
      errors: [
        {
          resource: 'PullRequest',
          code: 'custom',
          message: `A pull request already exists for ${repository.owner.login}:${head}.`,
        },
      ],
    })
  const time = simulator.tick()
  const pull: Item = {
    id: simulator.nextId(),
    number: nextNumber(call),
    state: 'open',
    title: body.title,
    body: body.body ?? null,
    draft: body.draft ?? false,
    head: { ref: head, sha },
    base: { ref: base },
    requested_reviewers: [],
    merged: false,
    user: userOf('ada'),
    created_at: time,
    updated_at: time,
  }
  pulls.push(pull)
  return { status: 201, body: pull }
}

/** Empty for a pull request that a test has written without one. */
function headOf(pull: Item): Item {
  return (pull.head ?? {}) as Item
}

function merge({ body, simulator }: RoutedCall, pull: Item): VendorAnswer {
  if (pull.state !== 'open') return refusal(405, 'Pull Request is not mergeable')
  if (body.sha !== undefined && body.sha !== headOf(pull).sha)
    return refusal(409, 'Head branch was modified. Review and try the merge again.')
  const time = simulator.tick()
  Object.assign(pull, { state: 'closed', merged: true, merged_at: time, updated_at: time })
  return {
    body: { sha: 'b'.repeat(40), merged: true, message: 'Pull Request successfully merged' },
  }
}

function updateBranch({ body }: RoutedCall, pull: Item): VendorAnswer {
  const expected = body.expected_head_sha
  if (expected !== undefined && expected !== headOf(pull).sha)
    return refusal(422, 'expected head sha didn’t match current head ref.')
  return { status: 202, body: { message: 'Updating pull request branch.', url: '' } }
}

function requestReviewers({ body, request }: RoutedCall, pull: Item): VendorAnswer {
  const logins = listField(body.reviewers)
  const before = (pull.requested_reviewers as readonly Item[]).map(({ login }) => textOf(login))
  const isAdded = request.method === 'POST'
  const after = isAdded
    ? [...new Set([...before, ...logins])]
    : before.filter((login) => !logins.includes(login))
  pull.requested_reviewers = after.map(userOf)
  return { status: isAdded ? 201 : 200, body: pull }
}

const states: Readonly<Record<string, string>> = {
  APPROVE: 'APPROVED',
  REQUEST_CHANGES: 'CHANGES_REQUESTED',
  COMMENT: 'COMMENTED',
}

function review({ body, repository, simulator, values }: RoutedCall, pull: Item): VendorAnswer {
  const event = textOf(body.event)
  if (event !== '' && event !== 'APPROVE' && textOf(body.body) === '')
    return refusal(422, 'Unprocessable Entity', { errors: ['Body is required'] })
  const time = simulator.tick()
  const made: Item = {
    id: simulator.nextId(),
    body: body.body ?? '',
    state: states[event] ?? 'PENDING',
    user: userOf('ada'),
    commit_id: body.commit_id ?? headOf(pull).sha,
    ...(event !== '' && { submitted_at: time }),
  }
  listOf(repository, `pulls/${values.number ?? ''}/reviews`).push(made)
  pull.updated_at = time
  return { body: made }
}

function submit({ body, simulator }: RoutedCall, item: Item): VendorAnswer {
  Object.assign(item, { state: states[textOf(body.event)], submitted_at: simulator.tick() })
  return { body: item }
}

function comment({ body, repository, simulator }: RoutedCall): VendorAnswer {
  const missing = ['body', 'commit_id', 'path'].find((name) => textOf(body[name]) === '')
  if (missing !== undefined) return invalid('PullRequestReviewComment', missing, 'missing_field')
  const time = simulator.tick()
  const made = { id: simulator.nextId(), ...body, created_at: time, updated_at: time }
  listOf(repository, 'pulls/comments').push(made)
  return { status: 201, body: made }
}
