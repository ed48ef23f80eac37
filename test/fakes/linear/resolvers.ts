import { GraphQLError } from 'graphql'
import {
  connectionOf,
  type Kind,
  type LinearData,
  type LinearObject,
  type ListArguments,
} from './linear-data.ts'

type Fields = Readonly<Record<string, unknown>>
interface Change {
  readonly id: string
  readonly input: Fields
}
interface Creation {
  readonly input: Fields
}

/** The fields of Query and Mutation. */
export function rootOf(data: LinearData): Readonly<Record<string, unknown>> {
  const lists = Object.keys(data.lists) as Kind[]
  const queries = lists.map((kind) => [
    kind,
    (options: ListArguments) => {
      if ((options.first ?? 50) > 250) throw inputError('first must be at most 250')
      return connectionOf(data.lists[kind], options)
    },
  ])
  return {
    ...(Object.fromEntries(queries) as Fields),
    issue: ({ id }: { readonly id: string }) => withRelations(data, findOrFail(data, 'issues', id)),
    project: ({ id }: { readonly id: string }) => findOrFail(data, 'projects', id),
    viewer: () => data.lists.users[0],
    searchIssues: ({ term, ...options }: ListArguments & { readonly term: string }) =>
      searched(data, term, options),
    ...issueMutations(data),
    ...otherMutations(data),
  }
}

function issueMutations(data: LinearData): Readonly<Record<string, unknown>> {
  const changeLabels =
    (change: (ids: readonly string[], id: string) => readonly string[]) =>
    ({ id, labelId }: { readonly id: string; readonly labelId: string }) => {
      const issue = findOrFail(data, 'issues', id)
      findOrFail(data, 'issueLabels', labelId)
      const labelIds = change((issue.labelIds as readonly string[] | undefined) ?? [], labelId)
      return { success: true, issue: changed(data, issue, { labelIds }) }
    }
  return {
    issueCreate: ({ input }: Creation) => {
      const team = findOrFail(data, 'teams', input.teamId)
      const number = data.lists.issues.length + 1
      const identifier = `${String(team.key)}-${String(number)}`
      const url = `https://linear.app/acme/issue/${identifier}`
      const issue = { ...references(input), number, identifier, url }
      return { success: true, issue: data.add('issues', issue) }
    },
    issueUpdate: ({ id, input }: Change) => {
      const issue = findOrFail(data, 'issues', id)
      return { success: true, issue: changed(data, issue, references(input)) }
    },
    // updatedAt stays as it was.
    issueArchive: ({ id, trash }: { readonly id: string; readonly trash?: boolean }) => {
      const issue = findOrFail(data, 'issues', id)
      Object.assign(issue, { archivedAt: data.now, ...(trash === true && { trashed: true }) })
      return { success: true, entity: issue }
    },
    issueUnarchive: ({ id }: { readonly id: string }) => {
      const issue = findOrFail(data, 'issues', id)
      return { success: true, entity: Object.assign(issue, { archivedAt: null, trashed: null }) }
    },
    issueAddLabel: changeLabels((ids, id) => [...new Set([...ids, id])]),
    issueRemoveLabel: changeLabels((ids, id) => ids.filter((known) => known !== id)),
  }
}

function otherMutations(data: LinearData): Readonly<Record<string, unknown>> {
  return {
    commentCreate: ({ input }: Creation) => {
      if (input.issueId !== undefined) findOrFail(data, 'issues', input.issueId)
      return { success: true, comment: data.add('comments', input) }
    },
    commentUpdate: ({ id, input }: Change) => ({
      success: true,
      comment: changed(data, findOrFail(data, 'comments', id), input),
    }),
    commentDelete: ({ id }: { readonly id: string }) => {
      const { comments } = data.lists
      comments.splice(comments.indexOf(findOrFail(data, 'comments', id)), 1)
      return { success: true, entityId: id }
    },
    issueRelationCreate: ({ input }: Creation) => {
      const [issue, relatedIssue] = [input.issueId, input.relatedIssueId].map((id) =>
        findOrFail(data, 'issues', id),
      )
      const relation = data.add('issueRelations', { type: input.type, issue, relatedIssue })
      return { success: true, issueRelation: relation }
    },
    issueRelationDelete: ({ id }: { readonly id: string }) => {
      const { issueRelations } = data.lists
      issueRelations.splice(issueRelations.indexOf(findOrFail(data, 'issueRelations', id)), 1)
      return { success: true, entityId: id }
    },
    projectCreate: ({ input }: Creation) => ({
      success: true,
      project: data.add('projects', references(input)),
    }),
    projectUpdate: ({ id, input }: Change) => ({
      success: true,
      project: changed(data, findOrFail(data, 'projects', id), references(input)),
    }),
    issueLabelCreate: ({ input }: Creation) => {
      const { name, teamId } = input
      const teamOf = ({ team }: LinearObject) => (team as LinearObject | undefined)?.id
      const isTaken = data.lists.issueLabels.some(
        (label) => label.name === name && [undefined, teamId].includes(teamOf(label)),
      )
      if (isTaken) throw inputError('duplicate label name')
      return { success: true, issueLabel: data.add('issueLabels', references(input)) }
    },
    // An issue has one attachment of a URL.
    attachmentCreate: ({ input }: Creation) => {
      const issue = findOrFail(data, 'issues', input.issueId)
      const known = data.lists.attachments.find(
        ({ url, issue: owner }) => url === input.url && (owner as LinearObject).id === issue.id,
      )
      const attachment =
        known === undefined
          ? data.add('attachments', { ...input, issue })
          : changed(data, known, input)
      return { success: true, attachment }
    },
  }
}

/** An issue with the relations that begin and end at it. */
function withRelations(data: LinearData, issue: LinearObject): LinearObject {
  const relationsBy = (end: 'issue' | 'relatedIssue') => (options: ListArguments) =>
    connectionOf(
      data.lists.issueRelations.filter(
        (relation) => (relation[end] as LinearObject).id === issue.id,
      ),
      options,
    )
  return {
    ...issue,
    relations: relationsBy('issue'),
    inverseRelations: relationsBy('relatedIssue'),
  }
}

function searched(data: LinearData, term: string, options: ListArguments): object {
  const found = data.lists.issues.filter(({ title, description }) =>
    [title, description].some((text) => typeof text === 'string' && text.includes(term)),
  )
  return { ...connectionOf(found, options), totalCount: found.length }
}

function changed(data: LinearData, object: LinearObject, fields: Fields): LinearObject {
  return Object.assign(object, fields, { updatedAt: data.now })
}

/** `teamId` makes the field `team`, and so on. */
function references(input: Fields): Fields {
  const fields = Object.entries(input).map(([name, value]) =>
    name.endsWith('Id') && name !== 'id'
      ? [name.slice(0, -2), value === null ? null : { id: value }]
      : [name, value],
  )
  return Object.fromEntries(fields) as Fields
}

function findOrFail(data: LinearData, kind: Kind, id: unknown): LinearObject {
  const found = data.find(kind, id)
  if (found === undefined) throw inputError('Entity not found')
  return found
}

function inputError(message: string): GraphQLError {
  const extensions = { type: 'invalid input', code: 'INPUT_ERROR', userPresentableMessage: message }
  return new GraphQLError(message, { extensions })
}
