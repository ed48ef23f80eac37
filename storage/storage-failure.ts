/** Why a server with the S3 API did not do what it was asked for. */
export interface StorageFailure {
  readonly reason: string
  /** As S3 names it. */
  readonly code?: string | undefined
  /** Absent: there was no response. */
  readonly status?: number
  /** The region that the server expects, if it says so. */
  readonly region?: string | undefined
  /** Another attempt would fail too, whatever the status. */
  readonly isFinal?: true
}

/** Whether another attempt would fail too. */
export function isFinal({ status, isFinal: isKnown }: StorageFailure): boolean {
  if (isKnown) return true
  return status !== undefined && status < 500 && ![408, 425, 429].includes(status)
}

/** The failure that a response reports. `text`: its body. */
export function failureIn(status: number, text: string): StorageFailure {
  const element = (name: string): string | undefined =>
    new RegExp(`<${name}>([^<]{1,300})</${name}>`).exec(text)?.[1]
  const code = element('Code')
  const said = [code, element('Message')].filter((part) => part !== undefined).join(': ')
  const reason = `it responded with status ${String(status)}${said === '' ? '' : ` (${said})`}`
  return { reason, code, status, region: element('Region') }
}
