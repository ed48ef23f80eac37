import { once } from 'node:events'
import { createServer } from 'node:http'

export interface Issue {
  readonly id: number
  readonly project: number
  readonly title: string
  readonly updated_at: string
}

/**
 * A small issue tracker: `GET /projects`, and `GET /projects/{id}/issues?since=…&page=N`, oldest first, two a
 * page. A test adds issues, and breaks the pages of a project.
 */
export class TrackerApi implements AsyncDisposable {
  readonly url: string
  readonly issues: Issue[] = []
  /** Path and query of every request, in order. */
  readonly requests: string[] = []
  /** Projects whose issues respond with 500 from this page on. */
  readonly broken = new Map<number, number>()
  /** Called before each response. */
  beforeAnswer: (path: string) => Promise<void> = () => Promise.resolve()
  readonly #projects: number
  readonly #close: () => Promise<void>

  private constructor(projects: number, url: string, close: () => Promise<void>) {
    this.#projects = projects
    this.url = url
    this.#close = close
  }

  static async start(projects: number): Promise<TrackerApi> {
    const server = createServer((request, response) => {
      const path = request.url ?? '/'
      void api.#answer(path).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const api = new TrackerApi(projects, `http://127.0.0.1:${String(port)}`, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    return api
  }

  /** `count` new issues in each project, with later times than all before. */
  addIssues(count: number): void {
    for (let index = 0; index < count; index++)
      for (let project = 1; project <= this.#projects; project++) {
        const id = this.issues.length + 1
        const updated = new Date(Date.UTC(2026, 0, 1) + id * 60_000).toISOString()
        const updatedAt = updated.replace('.000Z', 'Z')
        this.issues.push({ id, project, title: `Issue ${String(id)}`, updated_at: updatedAt })
      }
  }

  async #answer(path: string): Promise<{ status: number; body: unknown }> {
    this.requests.push(path)
    await this.beforeAnswer(path)
    const { pathname, searchParams } = new URL(path, this.url)
    if (pathname === '/projects') {
      const projects = Array.from({ length: this.#projects }, (_, index) => ({ id: index + 1 }))
      return { status: 200, body: { data: projects } }
    }
    const project = Number(/^\/projects\/(\d+)\/issues$/.exec(pathname)?.[1] ?? '0')
    if (project === 0) return { status: 404, body: { error: 'there is no such path' } }
    const page = Number(searchParams.get('page') ?? '0')
    if (page >= (this.broken.get(project) ?? Infinity))
      return { status: 500, body: { error: 'broken by the test' } }
    const since = searchParams.get('since') ?? ''
    const found = this.issues.filter(
      (issue) => issue.project === project && issue.updated_at >= since,
    )
    const data = found.slice(page * 2, page * 2 + 2)
    const next = found.length > page * 2 + 2 ? page + 1 : null
    return { status: 200, body: { data, next_page: next } }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }
}
