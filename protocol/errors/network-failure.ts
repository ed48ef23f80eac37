/** Why a connection to a server failed, as far as the network error shows it. */
export interface NetworkFailure {
  readonly kind: 'unreachable' | 'tls' | 'credentials' | 'lost'
  /** For a person; never a secret. */
  readonly reason: string
}

const unreachable: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name could not be looked up',
  ECONNREFUSED: 'nothing listens on that port',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  EHOSTDOWN: 'the host is down',
  EADDRNOTAVAIL: 'the address cannot be used from this machine',
}

/** For a Unix socket; for files these codes mean something else. */
const socketFailures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no Unix socket with that name',
  ENOTDIR: 'a part of the path of the Unix socket is not a folder',
  EACCES: 'the user of this program may not use that Unix socket',
  ENOTSOCK: 'the file with that name is not a Unix socket',
}

/** Reads what Node's sockets, TLS and the pg client throw; undefined if it is something else. */
export function networkFailure(thrown: unknown): NetworkFailure | undefined {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const code = systemCodeOf(thrown)
  const why = whyUnreachable(thrown, code)
  if (why !== undefined) return { kind: 'unreachable', reason: why }
  if (/timeout expired|timed out while connecting|timeout exceeded/i.test(message)) {
    return { kind: 'unreachable', reason: 'no response in time' }
  }
  if (/does not support SSL/i.test(message))
    return { kind: 'tls', reason: 'the server has TLS switched off' }
  if (isTlsCode(code) || /SSL connection|certificate/i.test(message)) {
    return { kind: 'tls', reason: code === undefined ? message : `${code}: ${message}` }
  }
  if (/^SASL|password must be/i.test(message)) {
    return {
      kind: 'credentials',
      reason: 'the server requires a password, but none is set, or it cannot be used',
    }
  }
  return isLost(code, message)
    ? { kind: 'lost', reason: 'the network or the server ended the session' }
    : undefined
}

/**
 * Why an HTTP request got no response, for a person. fetch only says "fetch failed": its causes have the
 * reason.
 */
export function requestFailure(thrown: unknown): string {
  for (let cause: unknown = thrown; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'TimeoutError') return 'it did not respond in time'
    const code = systemCodeOf(cause)
    const known = networkFailure(cause)?.reason
    if (known !== undefined)
      return code === undefined || known.includes(code) ? known : `${known} (${code})`
    if (cause.cause === undefined)
      return cause.message === '' ? (code ?? cause.name) : cause.message
  }
  return String(thrown)
}

/** The code of a system error; of the first one if several addresses were tried. */
function systemCodeOf(thrown: unknown): string | undefined {
  if (thrown instanceof AggregateError) return systemCodeOf(thrown.errors[0])
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

function whyUnreachable(thrown: unknown, code: string | undefined): string | undefined {
  if (code === undefined) return undefined
  const known = unreachable[code]
  const isOfConnect = thrown instanceof Error && 'syscall' in thrown && thrown.syscall === 'connect'
  if (known !== undefined || !isOfConnect) return known
  return (
    socketFailures[code] ?? (isLost(code, '') ? undefined : `no connection could be made (${code})`)
  )
}

function isTlsCode(code: string | undefined): boolean {
  return code !== undefined && /CERT|SIGNATURE|^ERR_TLS|^ERR_SSL|^ERR_OSSL|UNABLE_TO_/.test(code)
}

function isLost(code: string | undefined, message: string): boolean {
  const lostCodes = [
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'ECONNABORTED',
    'ERR_STREAM_DESTROYED',
    'ERR_STREAM_PREMATURE_CLOSE',
  ]
  if (code !== undefined && lostCodes.includes(code)) return true
  return /connection terminated|not queryable|Client was closed|socket hang up|premature close/i.test(
    message,
  )
}
