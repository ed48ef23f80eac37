const folder = 'docs/'

/**
 * A `docs_url` as a client can open it. Inside the program, and in the store, a page of ours is a path such
 * as `docs/errors/name_taken.md`; the service serves the folder at `/docs/`. With an empty `base` it is a
 * path from the root, which a client resolves against the URL that it asked. A URL of somebody else stays as
 * it is.
 */
export function docsUrl(link: string, base: string): string {
  return link.startsWith(folder) ? `${base}/${link}` : link
}

/** The same for an error that is shown inside of another document, such as a run. */
export function withDocsUrl<Failure extends { readonly docs_url: string }>(
  failure: Failure,
  base: string,
): Failure {
  return { ...failure, docs_url: docsUrl(failure.docs_url, base) }
}
