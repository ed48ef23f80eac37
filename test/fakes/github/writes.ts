import type { VendorAnswer } from '../vendors/vendor-api.ts'
import { notFound } from './answers.ts'
import { issueRoutes } from './issue-routes.ts'
import { pullRoutes } from './pull-routes.ts'
import { repositoryRoutes } from './repository-routes.ts'
import { routed, type Call } from './routes.ts'

/** Returns GitHub's response to a request that writes to a repository or reads one record of it. */
export function written(call: Call): VendorAnswer {
  return (
    routed(issueRoutes, call) ??
    routed(pullRoutes, call) ??
    routed(repositoryRoutes, call) ??
    notFound
  )
}
