import { createServer } from 'node:http'
import { once } from 'node:events'

/**
 * A paged JSON API on loopback, in a process of its own so that its work is in nobody's figure. Arguments:
 * records, records a page, bytes a record. Prints its port. `GET /items?page=N` gives `{"data": […],
 * "next_page": N + 1 or null}`; pages are made once, before the first request.
 */
const [records = 0, pageSize = 1, bytes = 300] = process.argv.slice(2).map(Number)
const pages: Buffer[] = []
for (let from = 0; from < records; from += pageSize) {
  const data = Array.from({ length: Math.min(pageSize, records - from) }, (_, index) =>
    record(from + index),
  )
  const next = from + pageSize < records ? pages.length + 1 : null
  pages.push(Buffer.from(JSON.stringify({ data, next_page: next })))
}

const server = createServer((request, response) => {
  const page = Number(new URL(request.url ?? '/', 'http://api').searchParams.get('page') ?? '0')
  response.setHeader('content-type', 'application/json')
  response.end(pages[page] ?? '{"data": [], "next_page": null}')
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
process.stdout.write(`${String(typeof address === 'object' ? address?.port : address)}\n`)

function record(id: number) {
  const item = {
    id,
    name: `Customer ${String(id)}`,
    email: `customer-${String(id)}@example.com`,
    active: id % 10 !== 0,
    amount: (id % 100_000) / 100 + 0.25,
    created_at: new Date(1_735_689_600_000 + id * 1000).toISOString(),
    updated_at: new Date(1_735_689_600_000 + id * 1000).toISOString().replace('.000Z', 'Z'),
    address: { city: 'Zürich', country: 'CH', lines: ['Bahnhofstrasse 1', 'c/o "Reactor"'] },
    notes: '',
  }
  const size = JSON.stringify(item).length
  return { ...item, notes: 'lorem ipsum '.repeat(100).slice(0, Math.max(0, bytes - size)) }
}
