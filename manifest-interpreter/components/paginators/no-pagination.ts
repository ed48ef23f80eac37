import type { Paginator } from '../../contracts.ts'

/** NoPagination: there is one page. */
export function noPagination(): Paginator {
  return {
    initialToken: () => null,
    pageSize: () => null,
    path: () => null,
    next: () => Promise.resolve(null),
    params: () => ({}),
    headers: () => ({}),
    bodyData: () => ({}),
    bodyJson: () => ({}),
  }
}
