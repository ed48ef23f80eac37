import type { HttpRequest } from './http-request.ts'
import type { HttpResponse } from './http-response.ts'

/**
 * Sends one request and resolves when the head of the response is there. Rejects with a `TransportError`.
 * Follows redirects.
 */
export interface Transport {
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>
}
