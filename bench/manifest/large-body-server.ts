import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'

/**
 * An API on loopback whose only response is as many megabytes of JSON as the argument says, made while it is
 * sent: `{"data": [{…}, …]}` with records of about 1 kB. Prints its port.
 */
const bytes = Number(process.argv[2] ?? '1') * 1_000_000
const block = 100

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json')
  Readable.from(body()).pipe(response)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
process.stdout.write(`${String(typeof address === 'object' ? address?.port : address)}\n`)

function* body(): Iterable<string> {
  yield '{"data": ['
  let sent = 0
  for (let from = 0; sent < bytes; from += block) {
    const records = Array.from({ length: block }, (_, index) =>
      JSON.stringify(record(from + index)),
    )
    const text = `${from === 0 ? '' : ','}${records.join(',')}`
    sent += text.length
    yield text
  }
  yield '], "next_page": null}'
}

function record(id: number) {
  return {
    id,
    name: `Customer ${String(id)}`,
    email: `customer-${String(id)}@example.com`,
    active: id % 10 !== 0,
    updated_at: new Date(1_735_689_600_000 + id * 1000).toISOString().replace('.000Z', 'Z'),
    notes: 'lorem ipsum '.repeat(70),
  }
}
