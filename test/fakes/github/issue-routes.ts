import type { VendorAnswer } from '../vendors/vendor-api.ts'
import { invalid, notFound, refusal } from './answers.ts'
import { fullName, listOf, textOf, userOf, type Item } from './data.ts'
import type { RoutedCall, Routes } from './routes.ts'

const noContent: VendorAnswer = { status: 204, body: '' }

export const issueRoutes: Routes = {
  'GET issues/:number': (call) => withIssue(call, (issue) => ({ body: issue })),
  'POST issues': createIssue,
  'PATCH issues/:number': (call) => withIssue(call, (issue) => changed(call, issue)),
  'POST issues/:number/comments': (call) => withIssue(call, (issue) => addComment(call, issue)),
  'PATCH issues/comments/:id': (call) =>
    withItem(call, 'issues/comments', (comment) => changed(call, comment)),
  'DELETE issues/comments/:id': (call) => removeItem(call, 'issues/comments'),
  'POST issues/:number/labels': (call) =>
    withIssue(call, (issue) => setLabels(call, issue, [...namesOf(issue), ...textsOf(call)])),
  'PUT issues/:number/labels': (call) =>
    withIssue(call, (issue) => setLabels(call, issue, textsOf(call))),
  'DELETE issues/:number/labels/:name': (call) =>
    withIssue(call, (issue) =>
      namesOf(issue).includes(call.values.name ?? '')
        ? setLabels(
            call,
            issue,
            namesOf(issue).filter((name) => name !== call.values.name),
          )
        : refusal(404, 'Label does not exist'),
    ),
  'DELETE issues/:number/labels': (call) =>
    withIssue(call, (issue) => {
      setLabels(call, issue, [])
      return noContent
    }),
  'POST issues/:number/assignees': (call) => withIssue(call, (issue) => assign(call, issue)),
  'DELETE issues/:number/assignees': (call) => withIssue(call, (issue) => assign(call, issue)),
  'PUT issues/:number/lock': (call) => withIssue(call, (issue) => lock(issue, true)),
  'DELETE issues/:number/lock': (call) => withIssue(call, (issue) => lock(issue, false)),
  'POST labels': (call) => create(call, 'labels', 'name'),
  'PATCH labels/:name': (call) => withNamed(call, 'labels', (label) => rename(call, label)),
  'DELETE labels/:name': (call) =>
    withNamed(call, 'labels', (label) => remove(call, 'labels', label)),
  'POST milestones': (call) => create(call, 'milestones', 'title'),
  'PATCH milestones/:number': (call) =>
    withNumbered(call, 'milestones', (milestone) => changed(call, milestone)),
  'DELETE milestones/:number': (call) =>
    withNumbered(call, 'milestones', (milestone) => remove(call, 'milestones', milestone)),
}

function createIssue(call: RoutedCall): VendorAnswer {
  const { body, repository, simulator } = call
  if (!repository.hasIssues) return refusal(410, 'Issues has been disabled in this repository.')
  if (textOf(body.title) === '') return invalid('Issue', 'title', 'missing_field')
  const time = simulator.tick()
  const issue: Item = {
    id: simulator.nextId(),
    number: nextNumber(call),
    state: 'open',
    title: body.title,
    body: body.body ?? null,
    labels: labelled(listField(body.labels)),
    assignees: listField(body.assignees).map(userOf),
    user: userOf('ada'),
    created_at: time,
    updated_at: time,
  }
  listOf(repository, 'issues').push(issue)
  const location = `/repos/${fullName(repository)}/issues/${String(issue.number)}`
  return { status: 201, headers: { location }, body: issue }
}

/** Issues and pull requests share their numbers. */
export function nextNumber({ repository }: RoutedCall): number {
  const all = [...listOf(repository, 'issues'), ...listOf(repository, 'pulls')]
  return Math.max(0, ...all.map(({ number }) => Number(number))) + 1
}

export function withIssue(call: RoutedCall, respond: (issue: Item) => VendorAnswer): VendorAnswer {
  const { repository, values } = call
  const location = repository.transferred.get(Number(values.number))
  if (location !== undefined) return { ...refusal(301, 'Moved Permanently'), headers: { location } }
  return withNumbered(call, 'issues', respond)
}

export function withNumbered(
  { repository, values }: RoutedCall,
  list: string,
  respond: (item: Item) => VendorAnswer,
): VendorAnswer {
  const item = listOf(repository, list).find(({ number }) => String(number) === values.number)
  return item === undefined ? notFound : respond(item)
}

export function withItem(
  { repository, values }: RoutedCall,
  list: string,
  respond: (item: Item) => VendorAnswer,
): VendorAnswer {
  const item = listOf(repository, list).find(({ id }) => String(id) === values.id)
  return item === undefined ? notFound : respond(item)
}

function withNamed(
  { repository, values }: RoutedCall,
  list: string,
  respond: (item: Item) => VendorAnswer,
): VendorAnswer {
  const item = listOf(repository, list).find(({ name }) => name === values.name)
  return item === undefined ? notFound : respond(item)
}

export function changed({ body, simulator }: RoutedCall, item: Item): VendorAnswer {
  const { labels, assignees, ...others } = body
  Object.assign(item, others, { updated_at: simulator.tick() })
  if (labels !== undefined) item.labels = labelled(listField(labels))
  if (assignees !== undefined) item.assignees = listField(assignees).map(userOf)
  return { body: item }
}

export function create(call: RoutedCall, list: string, key: string): VendorAnswer {
  const { body, repository, simulator } = call
  const value = textOf(body[key])
  if (value === '') return invalid(list, key, 'missing_field')
  const known = listOf(repository, list)
  if (known.some((item) => item[key] === value)) return invalid(list, key, 'already_exists')
  const time = simulator.tick()
  const item = {
    id: simulator.nextId(),
    number: known.length + 1,
    state: 'open',
    ...body,
    created_at: time,
    updated_at: time,
  }
  known.push(item)
  return { status: 201, body: item }
}

export function removeItem(call: RoutedCall, list: string): VendorAnswer {
  return withItem(call, list, (item) => remove(call, list, item))
}

function remove({ repository }: RoutedCall, list: string, item: Item): VendorAnswer {
  const items = listOf(repository, list)
  items.splice(items.indexOf(item), 1)
  return noContent
}

function rename({ body }: RoutedCall, label: Item): VendorAnswer {
  const { new_name: name = label.name, ...others } = body
  Object.assign(label, others, { name })
  return { body: label }
}

function addComment({ body, repository, simulator }: RoutedCall, issue: Item): VendorAnswer {
  if (textOf(body.body) === '') return invalid('IssueComment', 'body', 'missing_field')
  const time = simulator.tick()
  const comment = {
    id: simulator.nextId(),
    body: body.body,
    user: userOf('ada'),
    issue_url: `/repos/${fullName(repository)}/issues/${String(issue.number)}`,
    created_at: time,
    updated_at: time,
  }
  listOf(repository, 'issues/comments').push(comment)
  issue.updated_at = time
  return { status: 201, body: comment }
}

function setLabels({ simulator }: RoutedCall, issue: Item, names: readonly string[]): VendorAnswer {
  issue.labels = labelled([...new Set(names)])
  issue.updated_at = simulator.tick()
  return { body: issue.labels }
}

function labelled(names: readonly string[]): readonly Item[] {
  return names.map((name) => ({ name }))
}

function namesOf({ labels }: Item): readonly string[] {
  return (labels as readonly Item[]).map(({ name }) => textOf(name))
}

function textsOf({ body }: RoutedCall): readonly string[] {
  return listField(body.labels)
}

export function listField(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function assign({ body, request }: RoutedCall, issue: Item): VendorAnswer {
  const logins = listField(body.assignees)
  const before = (issue.assignees as readonly Item[]).map(({ login }) => textOf(login))
  const isAdded = request.method === 'POST'
  const after = isAdded
    ? [...new Set([...before, ...logins])]
    : before.filter((login) => !logins.includes(login))
  issue.assignees = after.map(userOf)
  return { status: isAdded ? 201 : 200, body: issue }
}

function lock(issue: Item, locked: boolean): VendorAnswer {
  issue.locked = locked
  return noContent
}
