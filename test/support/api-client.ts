export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The parsed JSON; null if there is none. */
  readonly body: unknown
}

/** Requests to a running server. */
export class ApiClient {
  /** `http://host:port`. */
  readonly url: string
  readonly key: string

  constructor(url: string, key: string) {
    this.url = url
    this.key = key
  }

  /** `POST /instances`, with the key; the path begins after `/connect/v1`. */
  async call(route: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.asked(route, {
      ...(body !== undefined && { body: JSON.stringify(body) }),
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    })
  }

  /** Exactly this, without a key; a path that begins with `//` is from the root. */
  async asked(route: string, init: RequestInit = {}): Promise<Answer> {
    const [method = 'GET', path = '/'] = route.split(' ')
    const base = path.startsWith('//') ? path.slice(1) : `/connect/v1${path}`
    const response = await fetch(`${this.url}${base}`, { ...init, method })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    const body: unknown = isJson && text !== '' ? JSON.parse(text) : text === '' ? null : text
    return { status: response.status, headers: response.headers, body }
  }
}
