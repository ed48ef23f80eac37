import { basic, needsHeader, rest } from './rest.ts'
import { pageOf, type Vendor, type VendorRequest } from './vendor-api.ts'

/** An Ashby organization: each list is a POST, two results a page. */
export function ashby(candidates: readonly string[]): Vendor {
  const list = (ids: readonly string[]) => (request: VendorRequest) => {
    const { cursor = null } = JSON.parse(request.body) as { readonly cursor?: string }
    const { items, next } = pageOf(ids, cursor, 2)
    const results = items.map((id) => ({ id }))
    const more = next !== null
    return {
      body: { success: true, results, moreDataAvailable: more, ...(more && { nextCursor: next }) },
    }
  }
  return rest({
    host: 'api.ashbyhq.com',
    refuse: needsHeader('authorization', basic('kit-secret-ashby', '')),
    routes: {
      'POST /candidate.list': list(candidates),
      'POST /application.list': list(['a1']),
      'POST /job.list': list(['j1', 'j2', 'j3']),
      'POST /offer.list': list(['o1']),
      'POST /opening.list': list(['op1']),
      'POST /user.list': list(['u1']),
      'POST /department.list': list(['d1']),
      'POST /location.list': list(['l1']),
      'POST /interviewSchedule.list': list(['i1']),
    },
  })
}
