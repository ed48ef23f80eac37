import { createHash } from 'node:crypto'
import type { VendorAnswer } from '../vendors/vendor-api.ts'
import { invalid, notFound, refusal } from './answers.ts'
import { listOf, textOf, type Item, type Repository } from './data.ts'
import { changed, create, removeItem, withItem } from './issue-routes.ts'
import type { RoutedCall, Routes } from './routes.ts'

const noContent: VendorAnswer = { status: 204, body: '' }

export const repositoryRoutes: Routes = {
  'GET contents': getFile,
  'GET contents/*': getFile,
  'PUT contents/*': putFile,
  'DELETE contents/*': deleteFile,
  'GET commits/*': getCommit,
  'GET git/ref/*': (call) => withRef(call, (sha) => ({ body: shownRef(call, sha) })),
  'POST git/refs': createRef,
  'PATCH git/refs/*': (call) => withRef(call, () => moveRef(call)),
  'DELETE git/refs/*': (call) => withRef(call, () => deleteRef(call)),
  'GET releases/latest': ({ repository }) => latestRelease(repository),
  'GET releases/tags/:tag': ({ repository, values }) =>
    found(listOf(repository, 'releases').find(({ tag_name: tag }) => tag === values.tag)),
  'GET releases/:id': (call) => withItem(call, 'releases', (release) => ({ body: release })),
  'POST releases': (call) => create(call, 'releases', 'tag_name'),
  'PATCH releases/:id': (call) => withItem(call, 'releases', (release) => changed(call, release)),
  'DELETE releases/:id': (call) => removeItem(call, 'releases'),
  'GET actions/runs/:id': (call) => withRun(call, (run) => ({ body: run })),
  'POST actions/workflows/:workflow/dispatches': dispatch,
  'POST actions/runs/:id/rerun': (call) => withRun(call, (run) => rerun(run)),
  'POST actions/runs/:id/rerun-failed-jobs': (call) => withRun(call, (run) => rerun(run)),
  'POST actions/runs/:id/cancel': (call) => withRun(call, (run) => cancel(run)),
  'POST dispatches': ({ body }) =>
    textOf(body.event_type) === '' ? invalid('Dispatch', 'event_type', 'missing_field') : noContent,
  'POST statuses/:sha': ({ body, values, simulator }) => ({
    status: 201,
    body: { id: simulator.nextId(), sha: values.sha, ...body },
  }),
}

function found(item: Item | undefined): VendorAnswer {
  return item === undefined ? notFound : { body: item }
}

function latestRelease(repository: Repository): VendorAnswer {
  const isShown = ({ draft, prerelease }: Item) => draft !== true && prerelease !== true
  return found(listOf(repository, 'releases').findLast(isShown))
}

function getFile({ repository, values, request }: RoutedCall): VendorAnswer {
  const branch = request.query.get('ref') ?? 'main'
  if (!repository.branches.has(branch)) return refusal(404, `No commit found for the ref ${branch}`)
  const path = values.rest ?? ''
  const file = repository.files.get(path)
  if (file === undefined) {
    const isObject = String(request.headers.accept).includes('object+json')
    return listFolder(repository, path, isObject ? 'object' : 'list')
  }
  const content = file.content.replaceAll(/.{1,60}/g, '$&\n')
  return { body: { type: 'file', path, encoding: 'base64', ...file, content } }
}

function listFolder({ files }: Repository, folder: string, form: 'object' | 'list'): VendorAnswer {
  const start = folder === '' ? '' : `${folder}/`
  const below = [...files.keys()].filter((path) => path.startsWith(start))
  const names = new Set(below.map((path) => path.slice(start.length).split('/')[0] ?? ''))
  if (names.size === 0) return folder === '' ? refusal(404, 'This repository is empty.') : notFound
  const entries = [...names].map((name) => {
    const path = `${start}${name}`
    const file = files.get(path)
    return { type: file === undefined ? 'dir' : 'file', name, path, sha: file?.sha ?? folderSha }
  })
  if (form === 'list') return { body: entries }
  const name = folder.split('/').at(-1) ?? ''
  return { body: { type: 'dir', name, path: folder, sha: folderSha, entries } }
}

const folderSha = 'e'.repeat(40)

function putFile({ repository, values, body }: RoutedCall): VendorAnswer {
  const path = values.rest ?? ''
  const before = repository.files.get(path)
  const content = textOf(body.content)
  if (textOf(body.message) === '') return invalid('Commit', 'message', 'missing_field')
  if (Buffer.from(content, 'base64').toString('base64') !== content)
    return refusal(422, 'content is not valid Base64')
  if (before !== undefined && body.sha === undefined)
    return refusal(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
  if (before !== undefined && body.sha !== before.sha)
    return refusal(409, `${path} does not match ${before.sha}`)
  const sha = createHash('sha1').update(content).digest('hex')
  repository.files.set(path, { sha, content })
  return {
    status: before === undefined ? 201 : 200,
    body: { content: { path, sha }, commit: { sha: 'c'.repeat(40), message: body.message } },
  }
}

function deleteFile({ repository, values, body }: RoutedCall): VendorAnswer {
  const path = values.rest ?? ''
  const before = repository.files.get(path)
  if (before === undefined) return notFound
  if (body.sha !== before.sha) return refusal(409, `${path} does not match ${before.sha}`)
  repository.files.delete(path)
  return { body: { content: null, commit: { sha: 'd'.repeat(40), message: body.message } } }
}

function getCommit({ repository, values }: RoutedCall): VendorAnswer {
  const ref = values.rest ?? ''
  const wanted = repository.branches.get(ref) ?? ref
  const commit = listOf(repository, 'commits').find(({ sha }) => sha === wanted)
  return commit === undefined ? refusal(422, `No commit found for SHA: ${ref}`) : { body: commit }
}

function withRef(
  { repository, values }: RoutedCall,
  respond: (sha: string) => VendorAnswer,
): VendorAnswer {
  const sha = repository.branches.get(branchOf(values.rest))
  if (sha !== undefined) return respond(sha)
  return refusal(422, 'Reference does not exist')
}

function branchOf(ref = ''): string {
  return ref.replace(/^(?:refs\/)?heads\//, '')
}

function shownRef({ values }: RoutedCall, sha: string): Item {
  return { ref: `refs/heads/${branchOf(values.rest)}`, object: { type: 'commit', sha } }
}

function createRef({ repository, body }: RoutedCall): VendorAnswer {
  const ref = textOf(body.ref)
  if (!/^refs\/.+\/.+$/.test(ref))
    return refusal(422, 'Reference name must start with "refs" and contain at least two slashes.')
  if (repository.branches.has(branchOf(ref))) return refusal(422, 'Reference already exists')
  const sha = textOf(body.sha)
  repository.branches.set(branchOf(ref), sha)
  return { status: 201, body: { ref, object: { type: 'commit', sha } } }
}

function moveRef(call: RoutedCall): VendorAnswer {
  const sha = textOf(call.body.sha)
  call.repository.branches.set(branchOf(call.values.rest), sha)
  return { body: shownRef(call, sha) }
}

function deleteRef({ repository, values }: RoutedCall): VendorAnswer {
  repository.branches.delete(branchOf(values.rest))
  return noContent
}

function dispatch({ repository, body, values }: RoutedCall): VendorAnswer {
  const workflow = listOf(repository, 'actions/workflows').find(
    ({ id, path }) =>
      String(id) === values.workflow || textOf(path).endsWith(`/${values.workflow ?? ''}`),
  )
  if (workflow === undefined) return notFound
  if (!repository.branches.has(textOf(body.ref)))
    return refusal(422, `No ref found for: ${textOf(body.ref)}`)
  return noContent
}

function withRun(call: RoutedCall, respond: (run: Item) => VendorAnswer): VendorAnswer {
  return withItem(call, 'actions/runs', respond)
}

function rerun(run: Item): VendorAnswer {
  run.status = 'queued'
  run.run_attempt = Number(run.run_attempt ?? 1) + 1
  return { status: 201, body: {} }
}

function cancel(run: Item): VendorAnswer {
  if (run.status === 'completed')
    return refusal(409, 'Cannot cancel a workflow run that is completed.')
  run.status = 'completed'
  run.conclusion = 'cancelled'
  return { status: 202, body: {} }
}
