import { z } from 'zod'
import { base64Text, defineAction } from '../../action.ts'
import { branch, repository, slashedPath } from './fields.ts'
import { contentOutput, fileCommitOutput } from './outputs.ts'
import { githubRequest, ofRepository, segments } from './request.ts'

const path = slashedPath.meta({ description: 'Path of the file from the root: `docs/index.md`.' })
const file = { ...repository, path }
const person = z.strictObject({
  name: z.string().min(1),
  // GitHub's own: `41898282+github-actions[bot]@users.noreply.github.com`.
  email: z.string().min(1),
  date: z.iso.datetime({ offset: true }).exactOptional(),
})
const blobSha = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/)
const commitFields = {
  message: z.string().min(1).meta({ description: 'Message of the commit.' }),
  branch: branch.exactOptional().meta({ description: 'Default: the default branch.' }),
}
const people = { committer: person.exactOptional(), author: person.exactOptional() }
const partOfPerson = z
  .strictObject({
    name: person.shape.name.exactOptional(),
    email: person.shape.email.exactOptional(),
    date: person.shape.date,
  })
  .exactOptional()

export const getFile = defineAction({
  name: 'getFile',
  title: 'Read a file, or list a folder',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    ...repository,
    path: z
      .union([path, z.literal('')])
      .exactOptional()
      .meta({ description: 'Path of the file or the folder; absent or empty for the root.' }),
    ref: z.string().min(1).exactOptional().meta({ description: 'Branch, tag or commit.' }),
  }),
  output: contentOutput,
  plan: ({ path: name = '', ref, ...place }, config) =>
    githubRequest(
      config,
      'GET',
      ofRepository(place, name === '' ? '/contents' : `/contents/${segments(name)}`),
      // Otherwise a folder is a bare list, and a file beyond 1 MB an error.
      { query: { ref }, mediaType: 'application/vnd.github.object+json' },
    ),
})

export const createOrUpdateFile = defineAction({
  name: 'createOrUpdateFile',
  title: 'Write a file with a commit',
  effect: 'update',
  // A second call is refused: the SHA is that of the file before.
  idempotency: 'none',
  input: z.object({
    ...file,
    content: base64Text.meta({
      description: 'The content, in Base64. Line breaks do not matter.',
    }),
    sha: blobSha.exactOptional().meta({
      description: 'SHA of the file that is replaced, which getFile gives; absent for a new file.',
    }),
    ...commitFields,
    ...people,
  }),
  output: fileCommitOutput,
  plan: ({ owner, repo, path: name, ...body }, config) =>
    githubRequest(config, 'PUT', ofRepository({ owner, repo }, `/contents/${segments(name)}`), {
      body,
    }),
})

export const deleteFile = defineAction({
  name: 'deleteFile',
  title: 'Delete a file with a commit',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object({
    ...file,
    sha: blobSha.meta({ description: 'SHA of the file, which getFile gives.' }),
    ...commitFields,
    committer: partOfPerson,
    author: partOfPerson,
  }),
  output: fileCommitOutput,
  plan: ({ owner, repo, path: name, ...body }, config) =>
    githubRequest(config, 'DELETE', ofRepository({ owner, repo }, `/contents/${segments(name)}`), {
      body,
    }),
})
