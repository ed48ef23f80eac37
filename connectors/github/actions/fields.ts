import { z } from 'zod'
import { pathSegment } from '../../action.ts'

/** Which repository. */
export const repository = {
  owner: pathSegment.meta({ description: 'Organization or person that owns the repository.' }),
  repo: pathSegment.meta({ description: 'Name of the repository, without its owner.' }),
}

export const positive = z.int().min(1)
export const issueNumber = positive.meta({
  description: 'Number of the issue or the pull request in its repository: not its id.',
})
export const pullNumber = positive.meta({
  description: 'Number of the pull request in its repository: not its id.',
})

export const runId = positive.meta({ description: 'Id of the run.' })
export const workflowId = z
  .union([pathSegment, positive])
  .meta({ description: 'Id of the workflow, or its file: `main.yml`.' })

/** One page of a list. */
export const page = {
  per_page: z.int().min(1).max(100).exactOptional().meta({ description: 'Default: 30.' }),
  page: positive.exactOptional().meta({ description: 'The `next_page` of the page before.' }),
}
/** The page of a search result. */
export const foundPage = {
  ...page,
  page: positive.exactOptional().meta({ description: 'GitHub gives the first 1,000 results.' }),
}
/** How a list is ordered. The default of pull requests depends on `sort`. */
export const direction = { direction: z.enum(['asc', 'desc']).exactOptional() }
export const state = {
  state: z.enum(['open', 'closed', 'all']).exactOptional().meta({ description: 'Default: open.' }),
}
export const since = {
  since: z.iso.datetime({ offset: true }).exactOptional().meta({
    description: 'Only what was changed since then: `2026-01-01T00:00:00Z`.',
  }),
}

const maxBody = 65_536

/** Markdown. */
export const text = z.string().max(maxBody)
export const requiredText = text.min(1).meta({ description: 'Markdown.' })

export const sha = z
  .string()
  .regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/)
  .meta({ description: 'SHA of a commit, complete.' })
export const login = z.string().min(1).max(100)
export const labelName = z.string().min(1).max(50)
/** As a list of records has it. */
const colorAndDescription = {
  color: z.string().nullable().exactOptional(),
  description: z.string().nullable().exactOptional(),
}
/** A name, or a label as GitHub describes it. */
export const label = z.union([
  labelName,
  z.strictObject({ id: positive.exactOptional(), name: labelName, ...colorAndDescription }),
])
export const namedLabel = z.union([labelName, z.strictObject({ name: labelName })])

/** A path of a file or the name of a branch: no segment may be empty, `.` or `..`. */
export const slashedPath = z
  .string()
  .min(1)
  .max(4096)
  .refine(
    (path) => path.split('/').every((segment) => !['', '.', '..'].includes(segment)),
    'must have no empty segment, no `.` and no `..`',
  )

export const branch = slashedPath.meta({ description: 'Name of the branch: `main`.' })

/** GitHub sends nothing, or an object without fields. */
export const noOutput = z.looseObject({})
