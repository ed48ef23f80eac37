import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { errorToWire, requestInvalid } from './error-response.ts'

const statusByCode: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/**
 * Requests that are not HTTP, or come too slowly, never reach a route: the response is written to the bare
 * socket.
 */
export function answerBrokenRequest(
  error: Error & { readonly code: string },
  socket: Socket,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const problem = requestInvalid(['it is not HTTP, its head is too large, or it came too slowly'])
  const body = JSON.stringify(errorToWire(problem, { id: randomUUID(), docsBase: '' }))
  socket.end(
    `HTTP/1.1 ${statusByCode[error.code] ?? '400 Bad Request'}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  )
}
