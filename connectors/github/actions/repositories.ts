import { z } from 'zod'
import type { JsonValue } from '../../../protocol/index.ts'
import { defineAction, pathSegment, urlPath } from '../../action.ts'
import { direction, page, repository } from './fields.ts'
import { repositoryOutput, shortRepositoryOutput } from './outputs.ts'
import { githubRequest, ofRepository, pageOf, pageOutput } from './request.ts'

export const getRepository = defineAction({
  name: 'getRepository',
  title: 'Read a repository',
  effect: 'read',
  idempotency: 'natural',
  input: z.object(repository),
  output: repositoryOutput,
  plan: (place, config) => githubRequest(config, 'GET', ofRepository(place)),
  result: ({ body }) => withoutCloneToken(body),
})

const ownTypes = ['all', 'owner', 'public', 'private', 'member'] as const
const typesOfOrganization = ['all', 'public', 'private', 'forks', 'sources', 'member'] as const
const typesOfUser = ['all', 'owner', 'member'] as const

export const listRepositories = defineAction({
  name: 'listRepositories',
  title: 'List the repositories of an organization, of a user, or of the token, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z
    .object({
      org: pathSegment.exactOptional().meta({ description: 'Login of the organization.' }),
      username: pathSegment.exactOptional().meta({
        description:
          'Login of the user. Without an organization and a user: what the user of the token can reach.',
      }),
      type: z
        .enum(['all', 'owner', 'public', 'private', 'member', 'forks', 'sources'])
        .exactOptional()
        .meta({ description: 'Not each one can be had of each owner.' }),
      sort: z.enum(['created', 'updated', 'pushed', 'full_name']).exactOptional(),
      ...direction,
      ...page,
    })
    .refine(
      ({ org, username }) => org === undefined || username === undefined,
      'give org or username, not both',
    )
    .refine(
      ({ org, username, type }) => type === undefined || typesOf(org, username).includes(type),
      {
        path: ['type'],
        message: `is not known there: of an organization it is one of ${typesOfOrganization.join(', ')}; of a user ${typesOfUser.join(', ')}; of the token ${ownTypes.join(', ')}`,
      },
    ),
  output: pageOutput(shortRepositoryOutput),
  response: 'list',
  plan: ({ org, username, ...query }, config) =>
    githubRequest(config, 'GET', listPath(org, username), { query }),
  result: (response, input) => {
    const { body } = response
    const items = Array.isArray(body) ? body.map(withoutCloneToken) : body
    return pageOf({ ...response, body: items }, input)
  },
})

function typesOf(org: string | undefined, username: string | undefined): readonly string[] {
  if (org !== undefined) return typesOfOrganization
  return username === undefined ? ownTypes : typesOfUser
}

function listPath(org: string | undefined, username: string | undefined): string {
  if (org !== undefined) return urlPath`/orgs/${org}/repos`
  return username === undefined ? '/user/repos' : urlPath`/users/${username}/repos`
}

/** A credential. */
function withoutCloneToken(body: JsonValue): JsonValue {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'temp_clone_token'))
}
