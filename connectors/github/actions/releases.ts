import { z } from 'zod'
import { defineAction, pathSegment, urlPath } from '../../action.ts'
import { noOutput, page, positive, repository } from './fields.ts'
import { releaseOutput } from './outputs.ts'
import { githubRequest, ofRepository, pageOf, pageOutput } from './request.ts'

const fields = {
  target_commitish: z.string().exactOptional().meta({
    description: 'Branch or commit of the tag, if the tag does not exist.',
  }),
  name: z.string().exactOptional(),
  body: z.string().max(125_000).exactOptional().meta({ description: 'Markdown.' }),
  draft: z.boolean().exactOptional(),
  prerelease: z.boolean().exactOptional(),
  discussion_category_name: z.string().exactOptional(),
  make_latest: z.enum(['true', 'false', 'legacy']).exactOptional(),
}
const tag = z.string().min(1).max(250)
const release = { ...repository, release_id: positive }

export const getRelease = defineAction({
  name: 'getRelease',
  title: 'Read a release: the latest, or one by its id or its tag',
  effect: 'read',
  idempotency: 'natural',
  input: z
    .object({
      ...repository,
      release_id: positive.exactOptional(),
      tag: pathSegment.exactOptional().meta({
        description: 'Without a tag and an id: the latest release that is no draft or prerelease.',
      }),
    })
    .refine(
      (input) => input.release_id === undefined || input.tag === undefined,
      'give release_id or tag, not both',
    ),
  output: releaseOutput,
  plan: ({ release_id: id, tag: name, ...place }, config) =>
    githubRequest(config, 'GET', ofRepository(place, releasePath(id, name))),
})

function releasePath(id: number | undefined, name: string | undefined): string {
  if (id !== undefined) return urlPath`/releases/${id}`
  return name === undefined ? '/releases/latest' : urlPath`/releases/tags/${name}`
}

export const listReleases = defineAction({
  name: 'listReleases',
  title: 'List releases, the newest first, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ ...repository, ...page }),
  output: pageOutput(releaseOutput),
  response: 'list',
  plan: ({ owner, repo, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, '/releases'), { query }),
  result: pageOf,
})

export const createRelease = defineAction({
  name: 'createRelease',
  title: 'Create a release',
  effect: 'create',
  // A tag has one release, but drafts may have the same tag.
  idempotency: 'none',
  input: z.object({
    ...repository,
    tag_name: tag,
    ...fields,
    generate_release_notes: z.boolean().exactOptional(),
  }),
  output: releaseOutput,
  plan: ({ owner, repo, ...body }, config) =>
    githubRequest(config, 'POST', ofRepository({ owner, repo }, '/releases'), { body }),
})

export const updateRelease = defineAction({
  name: 'updateRelease',
  title: 'Change or publish a release',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ ...release, tag_name: tag.exactOptional(), ...fields }),
  output: releaseOutput,
  plan: ({ owner, repo, release_id: id, ...body }, config) =>
    githubRequest(config, 'PATCH', ofRepository({ owner, repo }, urlPath`/releases/${id}`), {
      body,
    }),
})

export const deleteRelease = defineAction({
  name: 'deleteRelease',
  title: 'Delete a release with its assets; the tag stays',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object(release),
  output: noOutput,
  plan: ({ release_id: id, ...place }, config) =>
    githubRequest(config, 'DELETE', ofRepository(place, urlPath`/releases/${id}`)),
  result: () => ({}),
})
