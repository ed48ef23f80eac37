// Cuts the operations that the connector uses out of GitHub's OpenAPI document (npm @octokit/openapi, MIT):
//   npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
//   node test/connectors/github/make-openapi-slice.ts package/generated/api.github.com.json >
//   test/connectors/github/openapi-slice.json
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const anyObject = z.record(z.string(), z.unknown())
const operationSchema = z.object({
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.string(),
        required: z.boolean().default(false),
        schema: z.unknown(),
      }),
    )
    .default([]),
  requestBody: z
    .object({ required: z.boolean().default(false), content: anyObject.optional() })
    .optional(),
})

const document = anyObject.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')))
const operations = new Set(
  `activity/list-stargazers-for-repo actions/cancel-workflow-run actions/create-workflow-dispatch actions/get-workflow-run actions/list-jobs-for-workflow-run
  actions/list-repo-workflows actions/list-workflow-runs actions/list-workflow-runs-for-repo actions/re-run-workflow actions/re-run-workflow-failed-jobs
  apps/create-installation-access-token apps/list-repos-accessible-to-installation git/create-ref git/delete-ref git/get-ref git/update-ref
  issues/add-assignees issues/add-labels issues/create issues/create-comment issues/create-label issues/create-milestone issues/delete-comment
  issues/delete-label issues/delete-milestone issues/get issues/list-comments issues/list-comments-for-repo issues/list-events-for-repo issues/list-for-repo issues/list-labels-for-repo
  issues/list-milestones issues/lock issues/remove-all-labels issues/remove-assignees issues/remove-label issues/set-labels issues/unlock
  issues/update issues/update-comment issues/update-label issues/update-milestone orgs/get orgs/list-members pulls/create
  pulls/create-review pulls/create-review-comment pulls/get pulls/list pulls/list-review-comments-for-repo pulls/list-reviews pulls/merge
  pulls/remove-requested-reviewers pulls/request-reviewers pulls/submit-review pulls/update pulls/update-branch repos/create-commit-status
  repos/create-dispatch-event repos/create-or-update-file-contents repos/create-release repos/delete-file repos/delete-release repos/get repos/get-latest-release repos/get-release repos/get-release-by-tag
  pulls/list-commits pulls/list-files repos/get-commit repos/get-content repos/list-branches repos/list-collaborators repos/list-commit-comments-for-repo repos/list-commits
  repos/list-deployments repos/list-for-authenticated-user repos/list-for-org repos/list-for-user repos/list-releases repos/list-tags
  repos/update-release search/issues-and-pull-requests teams/list teams/list-members-in-org users/get-by-username`.split(
    /\s+/,
  ),
)

/** Without references, descriptions and examples. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('$ref' in value && typeof value.$ref === 'string') return plain(resolve(value.$ref))
  const { nullable, ...parts } = Object.fromEntries(
    Object.entries(value)
      .filter(([name, part]) => !isProse(name, part))
      .map(([name, part]) => [name, plain(part)]),
  )
  if (nullable !== true) return parts
  // JSON Schema knows `null` as a type.
  return { anyOf: [parts, { type: 'null' }] }
}

function isProse(name: string, part: unknown): boolean {
  if (name === 'description') return typeof part === 'string'
  return ['example', 'examples'].includes(name) || name.startsWith('x-')
}

function resolve(reference: string): unknown {
  return reference
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (node, name) => anyObject.parse(node)[name.replaceAll('~1', '/').replaceAll('~0', '~')],
      document,
    )
}

function slice(operation: unknown): object {
  const { parameters, requestBody } = operationSchema.parse(plain(operation))
  const json = requestBody?.content?.['application/json']
  return {
    parameters: parameters.map(({ required, ...parameter }) => ({
      ...parameter,
      ...(required && { required }),
    })),
    ...(json !== undefined && {
      body: anyObject.parse(json).schema,
      isBodyRequired: requestBody?.required === true,
    }),
  }
}

const paths: Record<string, Record<string, object>> = {}
for (const [path, methods] of Object.entries(anyObject.parse(document.paths)))
  for (const [method, operation] of Object.entries(anyObject.parse(methods))) {
    const parsed = z.object({ operationId: z.string() }).safeParse(operation)
    if (!parsed.success || !operations.delete(parsed.data.operationId)) continue
    const { operationId } = parsed.data
    paths[path] = { ...paths[path], [method]: { operationId, ...slice(operation) } }
  }
if (operations.size > 0) throw new Error(`not in the document: ${[...operations].join(', ')}`)
const source =
  '@octokit/openapi 23.0.2, generated/api.github.com.json, MIT License, Copyright (c) 2020 Octokit contributors'
process.stdout.write(`${JSON.stringify({ source, paths }, null, 1)}\n`)
