import { z } from 'zod'

/**
 * The fields that `documents.ts` requests, with the types of Linear's schema. Nothing is refused because of
 * them, and other fields are kept.
 */
const text = z.string()
const textOrNull = text.nullable()
const flagOrNull = z.boolean().nullable()
const number = z.number().meta({ format: 'double' })
const person = z.looseObject({ id: text, name: text })
const named = z.looseObject({ id: text, name: text })
const kind = z.looseObject({ id: text, name: text, type: text })
const times = { createdAt: text, updatedAt: text }
const issueLink = z.looseObject({ id: text, identifier: text })

export const issue = z.looseObject({
  id: text,
  identifier: text,
  title: text,
  description: textOrNull,
  url: text,
  priority: number,
  estimate: number.nullable(),
  dueDate: textOrNull,
  branchName: text,
  labelIds: z.array(text),
  trashed: flagOrNull,
  archivedAt: textOrNull,
  ...times,
  team: z.looseObject({ id: text, key: text }),
  state: kind,
  assignee: person.extend({ email: text }).nullable(),
  project: named.nullable(),
  cycle: z.looseObject({ id: text, number }).nullable(),
  parent: issueLink.nullable(),
})

export const comment = z.looseObject({
  id: text,
  body: text,
  url: text,
  issueId: textOrNull,
  parentId: textOrNull,
  user: person.nullable(),
  ...times,
})

export const project = z.looseObject({
  id: text,
  name: text,
  description: text,
  url: text,
  startDate: textOrNull,
  targetDate: textOrNull,
  priority: number,
  archivedAt: textOrNull,
  ...times,
  status: kind,
  lead: person.nullable(),
})

export const cycle = z.looseObject({
  id: text,
  number,
  name: textOrNull,
  description: textOrNull,
  startsAt: text,
  endsAt: text,
  completedAt: textOrNull,
  progress: number,
  isActive: z.boolean(),
  isFuture: z.boolean(),
  isPast: z.boolean(),
  archivedAt: textOrNull,
  ...times,
  team: z.looseObject({ id: text, key: text }),
})

export const projectMilestone = z.looseObject({
  id: text,
  name: text,
  description: textOrNull,
  targetDate: textOrNull,
  sortOrder: number,
  progress: number,
  archivedAt: textOrNull,
  ...times,
  project: named,
})

const relatedIssue = issueLink.extend({ title: text })

/** `issue` blocks, duplicates, is like or belongs to `relatedIssue`, by the type. */
export const issueRelation = z.looseObject({
  id: text,
  type: text,
  archivedAt: textOrNull,
  ...times,
  issue: relatedIssue,
  relatedIssue,
})

const pageInfo = z.looseObject({ hasNextPage: z.boolean(), endCursor: textOrNull })

/** A page of a list: the next one begins after its `endCursor`. */
export function pageOf<Node extends z.ZodType>(
  node: Node,
): z.ZodObject<{ nodes: z.ZodArray<Node>; pageInfo: typeof pageInfo }, z.core.$loose> {
  return z.looseObject({ nodes: z.array(node), pageInfo })
}

export const attachment = z.looseObject({
  id: text,
  title: text,
  subtitle: textOrNull,
  url: text,
  metadata: z.looseObject({}),
  issue: issueLink,
  ...times,
})
