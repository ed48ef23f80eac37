import { randomUUID } from 'node:crypto'

/** An object of Linear: missing fields get a value by their type. References are objects with an id. */
export interface LinearObject {
  readonly id: string
  readonly createdAt: string
  updatedAt: string
  archivedAt?: string | null
  [field: string]: unknown
}

export type Kind =
  | 'issues'
  | 'projects'
  | 'cycles'
  | 'teams'
  | 'users'
  | 'comments'
  | 'issueLabels'
  | 'workflowStates'
  | 'attachments'
  | 'projectMilestones'
  | 'issueRelations'

/** The data of a workspace. A test changes it between reads. */
export class LinearData {
  readonly lists: Readonly<Record<Kind, LinearObject[]>> = {
    issues: [],
    projects: [],
    cycles: [],
    teams: [],
    users: [],
    comments: [],
    issueLabels: [],
    workflowStates: [],
    attachments: [],
    projectMilestones: [],
    issueRelations: [],
  }
  /** The time of changes that are made now. */
  now = '2026-03-01T00:00:00.000Z'

  add(kind: Kind, fields: Readonly<Record<string, unknown>>): LinearObject {
    const { id = randomUUID(), createdAt = this.now, updatedAt = createdAt } = fields
    const object = {
      ...fields,
      id: String(id),
      createdAt: String(createdAt),
      updatedAt: String(updatedAt),
    }
    this.lists[kind].push(object)
    return object
  }

  /** By its id, and an issue by its identifier. */
  find(kind: Kind, id: unknown): LinearObject | undefined {
    return this.lists[kind].find((object) => object.id === id || object.identifier === id)
  }
}

export interface ListArguments {
  readonly first?: number
  readonly after?: string
  readonly filter?: Filter
  readonly includeArchived?: boolean
  readonly includeDisabled?: boolean
  readonly orderBy?: 'createdAt' | 'updatedAt'
}

type Filter = Readonly<Record<string, unknown>> & {
  readonly or?: readonly Filter[]
  readonly and?: readonly Filter[]
}

/** A connection, the newest first. A cursor is the id of the last object. */
export function connectionOf(objects: readonly LinearObject[], options: ListArguments): object {
  const { first = 50, after, filter, orderBy = 'createdAt' } = options
  const all = objects
    .filter((object) => options.includeArchived === true || (object.archivedAt ?? null) === null)
    .filter((object) => options.includeDisabled === true || object.active !== false)
    .filter((object) => filter === undefined || matches(object, filter))
    .toSorted((a, b) => compare(b, a, orderBy))
  const start = after === undefined ? 0 : placeAfter(all, { objects, after, orderBy })
  const nodes = all.slice(start, start + first)
  return {
    nodes,
    pageInfo: {
      hasNextPage: start + first < all.length,
      hasPreviousPage: start > 0,
      startCursor: nodes[0]?.id ?? null,
      endCursor: nodes.at(-1)?.id ?? null,
    },
  }
}

/** After an object that may have left the filter meanwhile, but not the workspace. */
function placeAfter(
  all: readonly LinearObject[],
  {
    objects,
    after,
    orderBy,
  }: {
    readonly objects: readonly LinearObject[]
    readonly after: string
    readonly orderBy: 'createdAt' | 'updatedAt'
  },
): number {
  const last = objects.find(({ id }) => id === after)
  if (last === undefined) throw new Error('Entity not found: after')
  const next = all.findIndex((object) => compare(object, last, orderBy) < 0)
  return next < 0 ? all.length : next
}

function compare(a: LinearObject, b: LinearObject, by: 'createdAt' | 'updatedAt'): number {
  return a[by].localeCompare(b[by]) || a.id.localeCompare(b.id)
}

function matches(object: LinearObject, { or, and, ...fields }: Filter): boolean {
  const own = Object.entries(fields).every(([name, comparator]) => {
    const value = object[name]
    // A filter of what the field refers to.
    if (typeof value === 'object' && value !== null)
      return matches(value as LinearObject, comparator as Filter)
    return isWithin(value, comparator as Readonly<Record<string, string>>)
  })
  const some = or?.some((filter) => matches(object, filter)) ?? true
  return own && some && (and?.every((filter) => matches(object, filter)) ?? true)
}

function isWithin(value: unknown, comparator: Readonly<Record<string, string>>): boolean {
  return Object.entries(comparator).every(([operator, bound]) => {
    if (typeof value !== 'string') return false
    if (operator === 'gte') return value >= bound
    if (operator === 'lte') return value <= bound
    if (operator === 'eq') return value === bound
    throw new Error(`the simulator has no comparator ${operator}`)
  })
}
