/** A problem at one place of a manifest. */
export interface ManifestProblem {
  /** Like `streams[2].retriever.requester.http_method`; '' for the manifest as a whole. */
  readonly path: string
  /** A sentence that says what to do. */
  readonly message: string
}

const shownProblems = 5

/** A manifest that cannot be used. Its message lists the first problems; all of them are in `problems`. */
export class ManifestError extends Error {
  readonly problems: readonly ManifestProblem[]

  constructor(problems: readonly ManifestProblem[], options?: { readonly cause?: unknown }) {
    super(describe(problems), options)
    this.name = 'ManifestError'
    this.problems = problems
  }
}

/** A manifest with one thing wrong. */
export function manifestError(path: string, message: string, cause?: unknown): ManifestError {
  return new ManifestError([{ path, message }], { cause })
}

function describe(problems: readonly ManifestProblem[]): string {
  const lines = problems
    .slice(0, shownProblems)
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  const rest = problems.length - lines.length
  if (rest > 0) lines.push(`(and ${rest} more)`)
  return lines.length === 1
    ? `The manifest is not valid: ${lines.join('')}`
    : ['The manifest is not valid:', ...lines].join('\n- ')
}
