import { z } from 'zod'
import { defineAction, pathSegment, urlPath } from '../../action.ts'
import { issueNumber, labelName, namedLabel, noOutput, page, repository } from './fields.ts'
import { labelOutput, labelsOutput } from './outputs.ts'
import { githubRequest, ofRepository, pageOf, pageOutput } from './request.ts'

const ofIssue = { ...repository, issue_number: issueNumber }
const labels = z.array(namedLabel).max(100).meta({ description: 'Names, or `{"name": …}`.' })

export const addLabels = defineAction({
  name: 'addLabels',
  title: 'Add labels to an issue or a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ ...ofIssue, labels: labels.min(1) }),
  output: labelsOutput,
  plan: ({ labels: names, issue_number: number, ...place }, config) =>
    githubRequest(config, 'POST', ofRepository(place, urlPath`/issues/${number}/labels`), {
      body: { labels: names },
    }),
})

export const setLabels = defineAction({
  name: 'setLabels',
  title: 'Replace the labels of an issue or a pull request',
  effect: 'update',
  idempotency: 'natural',
  // An empty list takes all of them off.
  input: z.object({ ...ofIssue, labels }),
  output: labelsOutput,
  plan: ({ labels: names, issue_number: number, ...place }, config) =>
    githubRequest(config, 'PUT', ofRepository(place, urlPath`/issues/${number}/labels`), {
      body: { labels: names },
    }),
})

export const removeLabel = defineAction({
  name: 'removeLabel',
  title: 'Take a label off an issue or a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ ...ofIssue, name: pathSegment.meta({ description: 'Name of the label.' }) }),
  output: labelsOutput,
  plan: ({ name, issue_number: number, ...place }, config) =>
    githubRequest(config, 'DELETE', ofRepository(place, urlPath`/issues/${number}/labels/${name}`)),
})

export const removeAllLabels = defineAction({
  name: 'removeAllLabels',
  title: 'Take all labels off an issue or a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: z.object(ofIssue),
  output: noOutput,
  plan: ({ issue_number: number, ...place }, config) =>
    githubRequest(config, 'DELETE', ofRepository(place, urlPath`/issues/${number}/labels`)),
  result: () => ({}),
})

const labelFields = {
  color: z
    .string()
    .regex(/^[0-9a-fA-F]{6}$/)
    .exactOptional()
    .meta({ description: 'Six hexadecimal digits, without `#`.' }),
  description: z.string().max(100).exactOptional(),
}
const knownLabel = {
  ...repository,
  name: pathSegment.meta({ description: 'Name of the label as it is now.' }),
}

export const listLabels = defineAction({
  name: 'listLabels',
  title: 'List the labels of a repository, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ ...repository, ...page }),
  output: pageOutput(labelOutput),
  response: 'list',
  plan: ({ owner, repo, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, '/labels'), { query }),
  result: pageOf,
})

export const createLabel = defineAction({
  name: 'createLabel',
  title: 'Create a label of a repository',
  effect: 'create',
  // A second call is refused: the label is there.
  idempotency: 'none',
  input: z.object({ ...repository, name: labelName, ...labelFields }),
  output: labelOutput,
  plan: ({ owner, repo, ...body }, config) =>
    githubRequest(config, 'POST', ofRepository({ owner, repo }, '/labels'), { body }),
})

export const updateLabel = defineAction({
  name: 'updateLabel',
  title: 'Change or rename a label of a repository',
  effect: 'update',
  // A second call that renames is refused: the old name is gone.
  idempotency: 'none',
  input: z.object({ ...knownLabel, new_name: labelName.exactOptional(), ...labelFields }),
  output: labelOutput,
  plan: ({ owner, repo, name, ...body }, config) =>
    githubRequest(config, 'PATCH', ofRepository({ owner, repo }, urlPath`/labels/${name}`), {
      body,
    }),
})

export const deleteLabel = defineAction({
  name: 'deleteLabel',
  title: 'Delete a label of a repository, and take it off all issues',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object(knownLabel),
  output: noOutput,
  plan: ({ name, ...place }, config) =>
    githubRequest(config, 'DELETE', ofRepository(place, urlPath`/labels/${name}`)),
  result: () => ({}),
})
